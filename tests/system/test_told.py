"""Goal: everybody is told. Whatever a client waits for when the master ends or hangs,
it has a reset or an answer 1.5 s after the claim, also when the same happens to the
other node within the minute: F25 of tests/TRAPS.md."""

import contextlib
import os
import select
import signal
import socket
import threading
import time
from typing import Any, Callable, Iterator

from stage import (
    CHECK_PORT,
    PORT,
    SLOW,
    TOOLS,
    VIP,
    Stage,
    address,
    endpoint,
    figure,
    limit,
    lines,
    wait_for,
)
from test_wire import wire

TIMED = True  # it judges milliseconds or processor time

SILENT = 82  # a server that takes connections and says nothing
NOBODY = 83  # one that swallows them
FRONTS = ("once", "talk", "greet", "mute", "queue", "down", "listen", "connect", "full")


def port(front: str) -> int:
    return 8000 + FRONTS.index(front)


def front(name: str, server: str, to: int, check: str = "none", **more: Any) -> dict[str, Any]:
    """A service of one server; its name says what its clients meet."""
    one = {"name": server, "address": endpoint(address(server), to)}
    one.update(more.pop("place", {}))
    return {
        "name": name,
        "listen": [endpoint(VIP[f], port(name)) for f in (4, 6)],
        "check": {"type": check, "interval": "100ms", "timeout": "100ms", "fall": 1},
        "timeouts": {"connect": "60s", "queue": "60s", "first_byte": "60s"},
        "servers": [one],
        **more,
    }


def fronts() -> list[dict[str, Any]]:
    return [
        front("talk", "s1", PORT),
        front("greet", "s1", CHECK_PORT),
        front("mute", "s2", SILENT),
        front("queue", "s2", SILENT, place={"max_connections": 1}),
        front("down", "s1", SILENT, check="tcp"),
        front("listen", "s1", PORT, connect="at_first_byte"),
        front("connect", "s3", NOBODY),
        front("full", "s2", SILENT, max_connections=1),
    ]


# What a client does once it is connected, by kind: where, and what it has sent and got.
KINDS = {
    "idle": ("talk", b"x", 1),
    "busy": ("talk", b"x", 1),
    "greeted": ("greet", b"", 3),
    "waits for a greeting": ("mute", b"", 0),
    "waits for an answer": ("mute", b"x", 0),
    "half-closed": ("mute", b"x", 0),
    "queued": ("queue", b"", 0),
    "queued, has spoken": ("queue", b"x", 0),
    "queued, nobody is up": ("down", b"", 0),
    "silent": ("listen", b"", 0),
    "connecting": ("connect", b"x", 0),
    "in the backlog": ("full", b"", 0),
    "in the backlog, has spoken": ("full", b"x", 0),
    "in the backlog, half-closed": ("full", b"x", 0),
}


def known_to(stage: Stage, host: str) -> int:
    return int(wire(stage, host)["connections"])


class Crowd:
    """Clients of all kinds, and when each was told."""

    def __init__(self, stage: Stage, peer: str) -> None:
        self.stage = stage
        # Of an earlier reign, which the relay takes for live.
        self.before = known_to(stage, peer)
        self.kinds: dict[int, str] = {}
        self.sockets: dict[int, socket.socket] = {}
        self.told: dict[int, float] = {}

    def enter(self) -> None:
        # Who has the one place there is.
        for name in ("queue", "full"):
            self.add(f"holds the place of {name}", 4, name)
        time.sleep(0.05 * SLOW)
        for kind, (name, said, got) in KINDS.items():
            for family in (4, 6):
                sock = self.add(f"{kind}, v{family}", family, name)
                sock.sendall(said)
                if got:
                    assert len(sock.recv(got)) == got, kind
                if kind == "busy":
                    sock.send(b"x")
                if "half-closed" in kind:
                    sock.shutdown(socket.SHUT_WR)

    def add(self, kind: str, family: int, name: str) -> socket.socket:
        sock = self.stage.lab.connect("c", VIP[family], port(name), 5 * SLOW)
        self.kinds[sock.fileno()] = kind
        self.sockets[sock.fileno()] = sock
        return sock

    def wait_known(self, host: str) -> None:
        def known() -> bool:
            """the other node knows all of them"""
            return known_to(self.stage, host) >= self.before + len(self.kinds)

        wait_for(known, 5 * SLOW)

    def look(self, poll: "select.poll") -> None:
        for fd, _ in poll.poll(10):
            try:
                data = self.sockets[fd].recv(100)
                if data and self.kinds[fd].startswith("busy"):
                    self.sockets[fd].send(data)
            except OSError:
                data = b""
            if not data:
                self.told[fd] = time.time()
                poll.unregister(fd)

    def watch(self, until: Callable[[], float]) -> None:
        """Until all are told, or the time is over."""
        poll = select.poll()
        for fd, sock in self.sockets.items():
            sock.setblocking(False)
            poll.register(fd, select.POLLIN)
        while len(self.told) < len(self.sockets) and time.time() < until():
            self.look(poll)

    def judge(self, since: float) -> None:
        late = {
            kind: round(self.told[fd] - since, 2) if fd in self.told else "never"
            for fd, kind in self.kinds.items()
            if self.told.get(fd, since + 99) > since + figure(1500) / 1000
        }
        last = max(self.told.values(), default=since) - since
        print(f"{len(self.told)} of {len(self.kinds)} told, the last after {last:.2f} s")
        for sock in self.sockets.values():
            sock.close()
        assert not late, late


@contextlib.contextmanager
def stage_of_all_kinds() -> Iterator[Stage]:
    with Stage(services=fronts(), threads=1) as stage:
        for mode in (("echo", str(PORT)), ("banner", str(CHECK_PORT), "s1")):
            stage.lab.spawn("s1", [f"{TOOLS}/echo", *mode])
        with stage.lab.listen("s2", SILENT):
            stage.lab.drop("s3", "to", f"tcp dport {NOBODY}")
            stage.start()
            yield stage


def claims(stage: Stage, host: str) -> list[float]:
    return [at for at, _ in lines(stage, host, "-> master")]


def told_twice(harm: Callable[[Stage, str], Any], heal: Callable[[Stage, str], Any]) -> None:
    """All kinds at once; whoever is master is harmed, and once more within a minute."""
    with stage_of_all_kinds() as stage:
        for _ in range(2):
            master = stage.wait_any_master()
            backup = {"p1": "p2", "p2": "p1"}[master]
            stage.wait_serving(backup)
            crowd = Crowd(stage, backup)
            crowd.enter()
            crowd.wait_known(backup)
            before = len(claims(stage, backup))
            harm(stage, master)
            begun = time.time()

            def until() -> float:
                found = claims(stage, backup)[before:]
                return (found[0] if found else begun + 5) + 3 * SLOW

            crowd.watch(until)
            crowd.judge(wait_for(lambda: claims(stage, backup)[before:], 5 * SLOW)[0])
            time.sleep(0.5 * SLOW)
            heal(stage, master)


@limit(60)
def test_power_cut_twice() -> None:
    told_twice(lambda s, h: s.lab.power_cut(h), lambda s, h: s.lab.restore(h))


@limit(60)
def test_kill_of_all_twice() -> None:
    told_twice(lambda s, h: s[h].kill_all(), lambda s, h: s[h].start())


def pause_all(stage: Stage, host: str, seconds: float) -> threading.Timer:
    """All processes of the node stand still for so long, and then go on."""
    pids = stage[host].everyone()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def wake() -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    timer = threading.Timer(seconds * SLOW, wake)
    timer.start()
    return timer


@limit(60)
def test_master_that_stands_still() -> None:
    """Everything on the master stands still for 3 s, and wakes up: whoever was
    connected is told by then, and who connected meanwhile is told then."""
    with stage_of_all_kinds() as stage:
        crowd = Crowd(stage, "p2")
        crowd.enter()
        crowd.wait_known("p2")
        timer = pause_all(stage, "p1", 3)
        begun = time.time()
        late = Crowd(stage, "p2")
        for kind, name in (("speaks", "talk"), ("is greeted", "greet"), ("waits", "mute")):
            for family in (4, 6):
                late.add(f"came meanwhile, {kind}, v{family}", family, name)
        crowd.watch(lambda: begun + 3 * SLOW)
        timer.join()
        woken = time.time()
        late.watch(lambda: woken + 2 * SLOW)
        crowd.judge(claims(stage, "p2")[0])
        late.judge(woken)


def close_first(stage: Stage, server: socket.socket, family: int) -> int:
    """A connection that the relay's side ends first, so that TIME_WAIT is there; the
    client's port."""
    with stage.lab.connect("c", VIP[family], port("once"), 5 * SLOW) as sock:
        server.accept()[0].close()
        assert not sock.recv(100)
        return int(sock.getsockname()[1])


def connect_from(stage: Stage, family: int, own: int) -> socket.socket:
    """From that very port."""
    sock = stage.lab.socket("c", family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(5 * SLOW)
    sock.bind((address("c", family), own))
    sock.connect((VIP[family], port("once")))
    return sock


def test_what_lingers_on_the_new_master_is_in_nobodys_way() -> None:
    """A client's connection has ended at one node, and the kernel there remembers
    its ends for a minute; by the same port it is served by the other node, which
    loses power: it is told all the same."""
    with Stage(services=[front("once", "s1", CHECK_PORT)]) as stage, stage.lab.listen(
        "s1", CHECK_PORT
    ) as server:
        stage.start()
        ports = [close_first(stage, server, family) for family in (4, 6)]
        assert stage["p1"].cli("handover").returncode == 0
        stage.wait_master("p2")
        crowd = Crowd(stage, "p1")
        clients = [connect_from(stage, f, own) for f, own in zip((4, 6), ports)]
        for sock, family in zip(clients, (4, 6)):
            crowd.kinds[sock.fileno()] = f"waits, v{family}"
            crowd.sockets[sock.fileno()] = sock
        crowd.wait_known("p1")
        found = stage.lab.run("p1", "ss", "-tanH", "state", "time-wait").stdout.split()
        assert all(any(x.endswith(f":{own}") for x in found) for own in ports), found
        before = len(claims(stage, "p1"))
        stage.lab.power_cut("p2")
        claimed = wait_for(lambda: claims(stage, "p1")[before:], 5 * SLOW)[0]
        crowd.watch(lambda: claimed + 2 * SLOW)
        crowd.judge(claimed)
        told = stage["p1"].status()["peers"][0]["told"]
        assert told == {"clients": 2, "servers": 0, "silent": 0}, told
