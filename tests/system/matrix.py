"""The fault matrix: what ails whom, for how long, and who is there to be asked; and
what must come of it.

A case is a row of facts. Its outcome is worked out from these alone, by the rules of
doc/design.md, and from nothing that the program says: a node that is able holds the
addresses, one at a time, and one whose peer alone suffers loses nothing. `make test`
runs a sample in namespaces, `make faults FAULTS=--matrix` all of it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
import threading
import time
from typing import Any, Callable, Iterator, NamedTuple

from stage import PORT, SLOW, TOOLS, VIP, Stage, address, endpoint, interval_ms, lines, wait_for

PEER_ONLY = ("udp dport 8401", "tcp dport 8401", "tcp sport 8401")
CLIENTS = 8
MISSES = 3
DEAF_MS = 2000  # of `deaf_timeout`, at the default interval
PACE = interval_ms() / 20  # everything is slower where the heartbeat is
SLACK_MS = 500  # of a busy machine


class Harm(NamedTuple):
    """What is left of a host."""

    name: str
    hears: bool = True  # frames get to it
    speaks: bool = True  # and from it
    runs: bool = True  # its processes
    is_heard: bool = True  # by the peer, its heartbeats
    carrier: bool = True
    lasts: bool = True  # until it is healed


HARMS = [
    Harm("cut off", hears=False, speaks=False, is_heard=False),
    Harm("deaf", hears=False),
    Harm("mute", speaks=False, is_heard=False),
    Harm("without a carrier", hears=False, speaks=False, is_heard=False, carrier=False),
    Harm("not understood", is_heard=False),
    Harm("stopped", runs=False, is_heard=False),
    Harm("killed", runs=False, is_heard=False, lasts=False),
]
VICTIMS = ("master", "backup", "both")
TIMES_MS = (60, 200, 1000, 5000)
ASKED = ("servers", "witness", "nobody")
FAMILIES = (4, 6)  # of the nodes' own addresses


class Case(NamedTuple):
    harm: Harm
    victim: str
    ms: int

    def __str__(self) -> str:
        return f"{self.victim} {self.harm.name} for {self.ms} ms"


class Outcome(NamedTuple):
    keeps: bool  # the master: the addresses, and every connection
    moves: bool  # the other one holds them when the harm ends
    nobody_ms: float  # at most so long nobody has them though somebody could
    both_ms: float  # and both, on one network


def all_cases() -> list[Case]:
    return [Case(*row) for row in itertools.product(HARMS, VICTIMS, TIMES_MS)]


def sample(seed: int, count: int) -> list[Case]:
    """Long ones where they are not longer still."""
    cases = [case for case in all_cases() if PACE == 1 or case.ms <= 1000]
    return random.Random(seed).sample(cases, count)


def is_able(harm: Harm) -> bool:
    """To serve: whether its peer understands it or not."""
    return harm.hears and harm.speaks and harm.runs and harm.carrier


def noticed_ms(harm: Harm) -> float:
    """Until the peer may take over from a master that is not able."""
    dead = MISSES * 20
    if harm.runs and harm.is_heard:
        return DEAF_MS + dead  # it says that it serves, until it finds out
    if not harm.runs and harm.lasts:
        return 1000 + 1000 + dead  # its kernel answers: the lease, and its slack
    return dead


def expected(case: Case) -> Outcome:
    harm, able = case.harm, is_able(case.harm)
    keeps = able or case.victim == "backup"
    taken_ms = noticed_ms(harm) + SLACK_MS
    nobody_ms = 0.0 if keeps else taken_ms
    if case.victim == "both" and not able:
        nobody_ms = 5000  # once they are well: a start, and a doubt
    # Who was killed has them until its lease ends: a second, which the kernel rounds up.
    left_ms = 0 if harm.runs or harm.lasts else 3000
    return Outcome(
        keeps=keeps,
        moves=not keeps and case.victim == "master" and case.ms > taken_ms,
        nobody_ms=nobody_ms * PACE,
        both_ms=(left_ms + SLACK_MS) * PACE,
    )


# -- doing it -----------------------------------------------------------------------


@contextlib.contextmanager
def stage_for(asked: str, family: int) -> Iterator[Stage]:
    """Servers on the network can be asked; those on the nodes themselves cannot."""
    pair: dict[str, Any] = {
        "deaf_timeout": f"{int(DEAF_MS * PACE)}ms",
        "nodes": [
            {"name": "proxy1", "address": address("p1", family), "priority": 150},
            {"name": "proxy2", "address": address("p2", family), "priority": 100},
        ],
    }
    services = None
    if asked != "servers":
        check = {"interval": "100ms", "timeout": f"{100 * SLOW}ms", "rise": 1, "fall": 2}
        one = {"name": "here", "address": endpoint("127.0.0.1", 90)}
        services = [{"name": "web", "check": check, "servers": [one]}]
    if asked == "witness":
        pair["witness"] = [address("s1", f) for f in (4, 6)]
    with Stage(services, pair) as stage:
        if services is None:
            stage.serve("echo")
        else:
            for host in ("p1", "p2"):
                stage.lab.spawn(host, [f"{TOOLS}/echo", "echo", "90"])
        stage.start()
        yield stage


def _drop(stage: Stage, host: str, directions: tuple[str, ...], *what: str) -> None:
    for direction in directions:
        for words in what or ("",):
            stage.lab.drop(host, direction, words)


def _signal(stage: Stage, host: str, number: signal.Signals) -> None:
    for pid in stage[host].everyone():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def inflict(stage: Stage, harm: Harm, hosts: list[str]) -> Callable[[], None]:
    """Returns what heals it."""
    stopped = [pid for host in hosts if not harm.runs for pid in stage[host].everyone()]
    for host in hosts:
        if not harm.runs and harm.lasts:
            _signal(stage, host, signal.SIGSTOP)
        elif not harm.runs:
            stage[host].kill_all()
        elif not harm.carrier:
            stage.lab.pull_cable(host)
        elif not harm.hears and not harm.speaks:
            stage.lab.power_cut(host)
        elif not harm.hears:
            _drop(stage, host, ("to",))
        elif not harm.speaks:
            _drop(stage, host, ("from",))
        else:
            _drop(stage, host, ("from",), *PEER_ONLY)

    def heal() -> None:
        stage.lab.undrop()
        for pid in stopped if harm.lasts else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for host in hosts:
            if not harm.carrier:
                stage.lab.plug_cable(host)
            elif not harm.hears and not harm.speaks:
                stage.lab.restore(host)
            elif not harm.runs and not harm.lasts:
                stage[host].start()

    return heal


class Watch:
    """Who has an address of the pair: each host is looked at all 4 ms."""

    def __init__(self, stage: Stage) -> None:
        self.over = threading.Event()
        self.seen: list[tuple[float, frozenset[str]]] = []
        self.has = {"p1": False, "p2": False}
        self.lock = threading.Lock()
        self.threads = [
            threading.Thread(target=stage.lab.inside, args=(host, lambda h=host: self.look(h)))
            for host in self.has
        ]
        for thread in self.threads:
            thread.start()

    def look(self, host: str) -> None:
        while not self.over.wait(0.004):
            held = any(self.is_here(f) for f in (4, 6))
            with self.lock:
                if held != self.has[host] or not self.seen:
                    self.has[host] = held
                    holders = frozenset(h for h in self.has if self.has[h])
                    self.seen.append((time.monotonic(), holders))

    @staticmethod
    def is_here(family: int) -> bool:
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        with socket.socket(kind, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind((VIP[family], 0))
            except OSError:
                return False
        return True

    def holders(self) -> frozenset[str]:
        with self.lock:
            return frozenset(h for h in self.has if self.has[h])

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.seen.append((time.monotonic(), frozenset()))

    def longest_ms(self, count: int, spans: list[tuple[float, float]]) -> float:
        """Within these times, that so many had one."""
        longest = 0.0
        for (begun, holders), (ended, _) in zip(self.seen, self.seen[1:]):
            for since, until in spans:
                if len(holders) == count:
                    longest = max(longest, min(ended, until) - max(begun, since))
        return longest * 1000


def connect_all(stage: Stage) -> list[Any]:
    clients = []
    for n in range(CLIENTS):
        clients.append(stage.client(6 if n % 2 else 4))
        clients[-1].sendall(b"x")
        assert clients[-1].recv(1) == b"x"
    for one in clients:
        one.setblocking(False)  # talk() waits for nobody
    return clients


def talk(clients: list[Any], seconds: float) -> None:
    """A master hears its clients, whoever else is silent."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for one in clients:
            with contextlib.suppress(OSError):
                one.send(b"y")
                one.recv(4096)
        time.sleep(min(0.02, left))


def lost(clients: list[Any]) -> int:
    """Who does not get an answer any more."""
    count = 0
    for one in clients:
        try:
            one.settimeout(3 * SLOW)
            one.sendall(b"y")
            count += one.recv(1) == b""
        except OSError:
            count += 1
    return count


def transitions(stage: Stage, host: str) -> int:
    return int(stage[host].status()["groups"][0]["transitions"])


def run(stage: Stage, case: Case) -> list[str]:
    """Does it, and says what was not as it must be."""
    outcome, wrong = expected(case), []
    master = stage.wait_any_master(10)
    backup = {"p1": "p2", "p2": "p1"}[master]
    hosts = {"master": [master], "backup": [backup], "both": [master, backup]}[case.victim]
    clients = connect_all(stage)
    before = transitions(stage, master)
    watch = Watch(stage)
    time.sleep(0.1)
    harmed = time.monotonic()
    heal = inflict(stage, case.harm, hosts)
    talk(clients, case.ms / 1000 * PACE)
    during = watch.holders()
    heal()
    healed = time.monotonic()
    if outcome.keeps and lost(clients):
        wrong.append("connections of a master that nothing ails were lost")
    wait_for(lambda: stage.agreed_master() != "", 10 * SLOW)
    time.sleep(0.2)
    watch.end()
    ended = time.monotonic()
    if outcome.keeps and (watch.holders() != {master} or transitions(stage, master) != before):
        wrong.append("a master that nothing ails was replaced")
    if outcome.moves and backup not in during:
        wrong.append(f"the one that could serve had nothing when the harm ended, {set(during)} had")
    could = [(healed if case.victim == "both" and not is_able(case.harm) else harmed, ended)]
    one_network = [(healed, ended)]
    if case.harm.hears and case.harm.speaks and case.harm.carrier:
        one_network = [(harmed, ended)]
    for what, count, spans, most in (
        ("nobody", 0, could, outcome.nobody_ms),
        ("both", 2, one_network, outcome.both_ms),
    ):
        longest = watch.longest_ms(count, spans)
        if longest > most:
            wrong.append(f"{what} had the addresses for {longest:.0f} ms, {most:.0f} at most")
    for one in clients:
        one.close()
    for host in ("p1", "p2"):
        stage.wait_serving(host)
    return wrong


def settle(stage: Stage) -> None:
    """A reign old enough to be one, and both agree."""
    stage.wait_any_master(10)
    time.sleep(0.7 * PACE)


def stood_still(stage: Stage, case: Case, since: float) -> bool:
    """The machine did, by the word of a node that was not stopped."""
    log = [line for h in ("p1", "p2") for line in lines(stage, h, "stood still")]
    return case.harm.name != "stopped" and any(at >= since for at, _ in log)


def run_all(stage: Stage, cases: list[Case], tell: Callable[[str], Any] = print) -> list[str]:
    """Each case, and a line; what was wrong is also returned."""
    failed = []
    for case in cases:
        settle(stage)
        begun = time.time()
        wrong = run(stage, case)
        if wrong and stood_still(stage, case, begun):
            tell(f"{str(case):<44} the machine stood still: once more")
            settle(stage)
            wrong = run(stage, case)
        tell(f"{str(case):<44} {'; '.join(wrong) or 'ok'}")
        failed += [f"{case}: {one}" for one in wrong]
    return failed
