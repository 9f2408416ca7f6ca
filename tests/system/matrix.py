"""The fault matrix: what ails whom, for how long, and who is there to be asked; and
what must come of it.

A case is a row of facts. Its outcome is worked out from these alone, by the rules of
doc/design.md, and from nothing that the program says: a node that is able holds the
addresses, one at a time, and one whose peer alone suffers loses nothing. `make test`
runs a sample in namespaces, `make faults FAULTS=--matrix` all of it, or
`FAULTS='--matrix --only "another key*links"'` those whose names match.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import random
import shutil
import signal
import socket
import threading
import time
from typing import Any, Callable, Iterator, NamedTuple

import lab as labs
from stage import BINARY, PORT, SLOW, TOOLS, VIP, Stage, address, endpoint, interval_ms, lines
from stage import wait_for, write_key

PEER_ONLY = ("udp dport 8401", "tcp dport 8401", "tcp sport 8401")
NEXT = f"{TOOLS}/hapair_next"  # of a later version
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
    bare: bool = False  # it has not its own address, by which its peer knows it
    restarted: bool = False  # ended in order, and started as something else


# Of those that are restarted each is something of its own, also where both are.
HARMS = [
    Harm("cut off", hears=False, speaks=False, is_heard=False),
    Harm("deaf", hears=False),
    Harm("mute", speaks=False, is_heard=False),
    Harm("without a carrier", hears=False, speaks=False, is_heard=False, carrier=False),
    Harm("not understood", is_heard=False),
    Harm("without its own address", is_heard=False, bare=True),
    Harm("stopped", runs=False, is_heard=False),
    Harm("killed", runs=False, is_heard=False, lasts=False),
    Harm("with another key", is_heard=False, restarted=True),
    Harm("of a version that nobody reads", is_heard=False, restarted=True),
    Harm("of a later version", restarted=True),
    Harm("with another name of the group", is_heard=False, restarted=True),
    Harm("with another file", restarted=True),
]
VICTIMS = ("master", "backup", "both")
TIMES_MS = (60, 200, 1000, 5000)
RESTART_MS = 1000  # what is shorter is no time for a restart
BARE_MS = 1000  # who takes its own address away and gives it back is given so long
ASKED = ("servers", "gateway", "witness", "nobody")
FAMILIES = (4, 6)  # of the nodes' own addresses
WAYS = ("links", "two-armed")  # by which nodes hear each other besides


class Case(NamedTuple):
    harm: Harm
    victim: str
    ms: int

    def __str__(self) -> str:
        return f"{self.victim} {self.harm.name} for {self.ms} ms"


class Where(NamedTuple):
    """Who is there to be asked, and how the nodes are connected."""

    asked: str
    family: int
    way: str = ""  # "": by the one network alone

    def __str__(self) -> str:
        more = f", {self.way}" if self.way else ""
        return f"{self.asked} can be asked, IPv{self.family} between the nodes{more}"


PLACES = [
    *(Where(*row) for row in itertools.product(ASKED, FAMILIES)),
    *(Where(*row) for row in itertools.product(("servers",), FAMILIES, WAYS)),
]


class Outcome(NamedTuple):
    keeps: bool  # the master: the addresses, and every connection
    moves: bool  # the other one holds them when the harm ends
    nobody_ms: float  # at most so long nobody has them though somebody could
    both_ms: float  # and both, on one network
    red: bool  # status says so on both nodes, as long as it lasts


def all_cases() -> list[Case]:
    cases = [Case(*row) for row in itertools.product(HARMS, VICTIMS, TIMES_MS)]
    return [case for case in cases if not case.harm.restarted or case.ms >= RESTART_MS]


def sample(seed: str, count: int) -> list[Case]:
    """One that is restarted, and others. Long ones where they are not longer still."""
    draw = random.Random(seed)
    cases = [case for case in all_cases() if PACE == 1 or case.ms <= 1000]
    restarts = [case for case in cases if case.harm.restarted and case.ms == RESTART_MS]
    others = [case for case in cases if not case.harm.restarted]
    return [draw.choice(restarts), *draw.sample(others, count - 1)]


def is_able(case: Case) -> bool:
    """To serve: whether its peer understands it or not."""
    harm = case.harm
    if harm.bare and case.ms * PACE >= BARE_MS / 2:
        return False
    return harm.hears and harm.speaks and harm.runs and harm.carrier


def noticed_ms(harm: Harm, where: Where) -> float:
    """Until the peer may take over from a master that is not able."""
    dead = MISSES * 20
    if harm.bare:  # its kernel answers until then
        return BARE_MS / PACE + dead
    if where.way and harm.runs and harm.carrier:
        return 5 * dead  # each tells the other that it misses it there
    if harm.runs and harm.is_heard:
        return DEAF_MS + dead  # it says that it serves, until it finds out
    if not harm.runs and harm.lasts:
        return 1000 + 1000 + dead  # its kernel answers: the lease, and its slack
    return dead


def expected_of_restart(case: Case) -> Outcome:
    """The one that is ended gives the addresses away; to nobody, where the other was
    restarted before, and they do not understand each other any more."""
    handed = case.victim == "master" or case.harm.is_heard
    left_ms = 0 if case.victim == "backup" else SLACK_MS if handed else 2000 + SLACK_MS
    return Outcome(
        keeps=case.victim == "backup",
        moves=case.victim != "backup" and (handed or case.ms > left_ms),
        nobody_ms=left_ms * PACE,
        both_ms=SLACK_MS * PACE,
        red=case.harm.name != "of a later version",
    )


def expected(case: Case, where: Where) -> Outcome:
    harm, able = case.harm, is_able(case)
    if harm.restarted:
        return expected_of_restart(case)
    keeps = able or case.victim == "backup"
    taken_ms = noticed_ms(harm, where) + SLACK_MS
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
        red=False,
    )


# -- doing it -----------------------------------------------------------------------


def _nodes(where: Where) -> list[dict[str, Any]]:
    nodes = [
        {"name": "proxy1", "address": address("p1", where.family), "priority": 150},
        {"name": "proxy2", "address": address("p2", where.family), "priority": 100},
    ]
    if where.way == "links":
        for host, node in zip(("p1", "p2"), nodes):
            node["links"] = labs.cable_address(host, where.family)
    return nodes


def _pair(where: Where) -> dict[str, Any]:
    pair: dict[str, Any] = {
        "deaf_timeout": f"{int(DEAF_MS * PACE)}ms",
        "key_file": "{run}/pair.key",
        "nodes": _nodes(where),
    }
    if where.asked == "witness":
        pair["witness"] = [address("s1", f) for f in (4, 6)]
    if where.way == "two-armed":
        first = [f"{VIP[f]}/{labs.PREFIX[f]}" for f in (4, 6)]
        second = [f"{labs.VIP2[f]}/{labs.PREFIX[f]}" for f in (4, 6)]
        there = [{"address": one, "interface": "eth1"} for one in second]
        pair["groups"] = [{"name": "main", "interface": "eth0", "addresses": [*first, *there]}]
    return pair


def _services(where: Where) -> list[dict[str, Any]] | None:
    """Servers on the network can be asked; those on the nodes themselves cannot."""
    if where.asked == "servers":
        return None
    check = {"interval": "100ms", "timeout": f"{100 * SLOW}ms", "rise": 1, "fall": 2}
    one = {"name": "here", "address": endpoint("127.0.0.1", 90)}
    return [{"name": "web", "check": check, "servers": [one]}]


@contextlib.contextmanager
def stage_for(where: Where) -> Iterator[Stage]:
    with Stage(_services(where), _pair(where)) as stage:
        if where.way == "links":
            stage.lab.cable()
        if where.way == "two-armed":
            stage.lab.second_network()
        if where.asked == "servers":
            stage.serve("echo")
        for host in ("p1", "p2"):
            shutil.copy(stage.key_file, f"{stage.lab.host_dir(host)}/pair.key")
            if where.asked != "servers":
                stage.lab.spawn(host, [f"{TOOLS}/echo", "echo", "90"])
            for family in (4, 6) if where.asked == "gateway" else ():
                stage.ip(host, "route", "add", "default", "via", address("s1", family))
        stage.start()
        yield stage


def _drop(stage: Stage, host: str, directions: tuple[str, ...], *what: str) -> None:
    for direction in directions:
        for words in what or ("",):
            stage.lab.drop(host, direction, words)


def _own_address(stage: Stage, host: str, verb: str) -> None:
    """Of the family that the nodes know each other by."""
    node = stage.build()["pair"]["nodes"][int(host[1]) - 1]
    family = 6 if ":" in node["address"] else 4
    own = f"{node['address']}/{labs.PREFIX[family]}"
    stage.ip(host, "addr", verb, own, "dev", "eth0")


def _signal(stage: Stage, host: str, number: signal.Signals) -> None:
    for pid in stage[host].everyone():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _other_file(stage: Stage, host: str, name: str) -> str:
    """A file in which the group is called otherwise; or a server counts otherwise."""
    config, path = copy.deepcopy(stage.build()), f"{stage.lab.dir}/{host}.yaml"
    if "name of the group" in name:
        config["pair"]["groups"][0]["name"] = f"of-{host}"
    else:
        config["services"][0]["servers"][0]["weight"] = {"p1": 2, "p2": 3}[host]
    stage.configure(config, path)
    return path


def _restart(stage: Stage, harm: Harm | None, host: str, understood: bool) -> None:
    """As what the harm says; as what it was, where there is none. One that its peer
    does not understand may never find out how it stands."""
    node, name = stage[host], harm.name if harm else ""
    node.stop()
    node.binary, node.config = BINARY, stage.config
    key = f"{stage.lab.host_dir(host)}/pair.key"
    if "key" in name:
        write_key(key)
    elif harm is None:
        shutil.copy(stage.key_file, key)
    if "version" in name:
        node.binary = NEXT
    if "name of the group" in name or "file" in name:
        node.config = _other_file(stage, host, name)
    os.environ["HAPAIR_NEXT"] = "far" if "nobody reads" in name else ""
    node.start()

    def stands() -> bool:
        """the node knows how it stands, which who restarts the next one waits for"""
        return node.state() in ("master", "backup", *(() if understood else ("init",)))

    wait_for(stands, 10 * SLOW)


def inflict(stage: Stage, harm: Harm, hosts: list[str]) -> Callable[[], None]:
    """Returns what heals it."""
    stopped = [pid for host in hosts if not harm.runs for pid in stage[host].everyone()]
    for host in hosts:
        if harm.restarted:
            _restart(stage, harm, host, harm.is_heard)
        elif not harm.runs and harm.lasts:
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
        elif harm.bare:
            _own_address(stage, host, "del")
        else:
            _drop(stage, host, ("from",), *PEER_ONLY)

    def heal() -> None:
        stage.lab.undrop()
        for pid in stopped if harm.lasts else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for host in hosts:
            if harm.restarted:
                _restart(stage, None, host, harm.is_heard or host == hosts[-1])
            elif not harm.carrier:
                stage.lab.plug_cable(host)
            elif not harm.hears and not harm.speaks:
                stage.lab.restore(host)
            elif not harm.runs and not harm.lasts:
                stage[host].start()
            elif harm.bare:
                _own_address(stage, host, "add")

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

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

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
        if self.over.is_set():
            return
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


def odd_spans(
    case: Case, outcome: Outcome, watch: Watch, harmed: float, healed: float
) -> list[str]:
    """For how long nobody had them, and both."""
    wrong, could = [], case.victim != "both" or is_able(case)
    ended = watch.seen[-1][0]
    joined = case.harm.hears and case.harm.speaks and case.harm.carrier
    for what, count, since, most in (
        ("nobody", 0, harmed if could else healed, outcome.nobody_ms),
        ("both", 2, harmed if joined else healed, outcome.both_ms),
    ):
        longest = watch.longest_ms(count, [(since, ended)])
        if longest > most:
            wrong.append(f"{what} had the addresses for {longest:.0f} ms, {most:.0f} at most")
    return wrong


def is_whole(stage: Stage, where: Where) -> bool:
    """Of a group on two networks: who has it has all of it."""
    if where.way != "two-armed":
        return True
    holders = [stage.lab.holders2(labs.VIP2[f]) for f in (4, 6)]
    return holders == [[stage.agreed_master()]] * 2


def run(stage: Stage, case: Case, where: Where) -> list[str]:
    """Does it, and says what was not as it must be."""
    outcome, wrong = expected(case, where), []
    master = stage.wait_any_master(10)
    backup = {"p1": "p2", "p2": "p1"}[master]
    hosts = {"master": [master], "backup": [backup], "both": [backup, master]}[case.victim]
    clients = connect_all(stage)
    before = transitions(stage, master)
    with Watch(stage) as watch:
        time.sleep(0.1)
        harmed = time.monotonic()
        heal = inflict(stage, case.harm, hosts)
        talk(clients, case.ms / 1000 * PACE)
        during = watch.holders()
        healthy = [h for h in ("p1", "p2") if outcome.red and stage[h].status()["healthy"]]
        heal()
        healed = time.monotonic()
        if outcome.keeps and lost(clients):
            wrong.append("connections of a master that nothing ails were lost")
        wait_for(lambda: stage.agreed_master() != "" and is_whole(stage, where), 10 * SLOW)
        time.sleep(0.2)
    if outcome.keeps and (watch.holders() != {master} or transitions(stage, master) != before):
        wrong.append("a master that nothing ails was replaced")
    if outcome.moves and backup not in during:
        wrong.append(f"the one that could serve had nothing when the harm ended, {set(during)} had")
    if healthy:
        wrong.append(f"{healthy} said that all is well")
    wrong += odd_spans(case, outcome, watch, harmed, healed)
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


def run_all(
    stage: Stage, cases: list[Case], where: Where, tell: Callable[[str], Any] = print
) -> list[str]:
    """Each case, and a line; what was wrong is also returned."""
    failed = []
    for case in cases:
        settle(stage)
        begun = time.time()
        wrong = run(stage, case, where)
        if wrong and stood_still(stage, case, begun):
            tell(f"{str(case):<52} the machine stood still: once more")
            settle(stage)
            wrong = run(stage, case, where)
        tell(f"{str(case):<52} {'; '.join(wrong) or 'ok'}")
        failed += [f"{case}: {one}" for one in wrong]
    return failed
