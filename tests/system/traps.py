"""What the tests of the traps share: a relay between scripted ends.

tests/TRAPS.md numbers the traps and says which test is about which. Each ends
with the same questions: no connection counted that is gone, no descriptor left in
the relay, no CLOSE-WAIT of ours.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from typing import Any, Callable, Iterator

from stage import (
    CHECK_PORT, PORT, SLOW, Stage, address, endpoint, read_exactly, single, wait_for,
)

MIB = 1 << 20
# Below the relay's scratch buffer, which it copies; and far above, for which
# it splices.
SIZES = {"copy": 9_000, "splice": 6 * MIB}
TIME_WAITERS = ("LISTEN", "TIME-WAIT")


def server_at(name: str, family: int, **more: Any) -> dict[str, Any]:
    """A server by its address of this family."""
    return {
        "name": name,
        "address": endpoint(address(name, family), PORT),
        **more,
    }


def service_of(family: int, *names: str, **more: Any) -> dict[str, Any]:
    """A service that speaks one family on both sides."""
    check = {"port": CHECK_PORT, "interval": "200ms", "timeout": "1s", "rise": 1, "fall": 2}
    return {
        "name": f"web{family}",
        "listen": [endpoint(address("p1", family), PORT)],
        "check": check,
        "servers": [server_at(n, family) for n in names or ("s1",)],
        **more,
    }


class Relay:
    """A node whose servers are sockets of the test."""

    def __init__(self, stage: Stage, family: int, work: dict[str, Any]) -> None:
        self.stage, self.family, self.work = stage, family, work
        self.node = stage["p1"]
        self.pid = self.node.relay()
        self.before = self.sockets()

    # -- ends ----------------------------------------------------------------

    def client(self, timeout: float = 8) -> socket.socket:
        sock: socket.socket = self.stage.client(self.family, timeout)
        return sock

    def accept(self, name: str = "s1", timeout: float = 8) -> socket.socket:
        self.work[name].settimeout(timeout * SLOW)
        sock: socket.socket = self.work[name].accept()[0]
        sock.settimeout(timeout * SLOW)
        return sock

    def pair(self, name: str = "s1") -> tuple[socket.socket, socket.socket]:
        """Both ends of a connection that carries bytes already."""
        a = self.client()
        b = self.accept(name)
        # Now the relay knows that it is connected: before, a FIN calls it off.
        a.sendall(b"?")
        assert b.recv(1) == b"?"
        return a, b

    def ends(self, first: str) -> tuple[socket.socket, socket.socket]:
        """A pair, the client's end first or the server's."""
        a, b = self.pair()
        return (a, b) if first == "client" else (b, a)

    # -- what the relay says -------------------------------------------------

    def service(self) -> dict[str, Any]:
        return dict(self.node.services()[0])

    def gauges(self) -> tuple[int, int]:
        """Connections that are active, and those that are queued."""
        now = self.service()["connections"]
        return int(now["active"]), int(now["queued"])

    def endings(self) -> dict[str, int]:
        """How connections have ended, without those that never happened."""
        return {k: v for k, v in self.service().get("endings", {}).items() if v}

    def ended(self, **words: int) -> None:
        """Waits until so many have ended so: client_reset=1, …"""
        want = {WORDS[k]: v for k, v in words.items() if v}
        try:
            wait_for(lambda: self.endings() == want, 5 * SLOW, 0.05)
        except AssertionError:
            raise AssertionError(f"{self.endings()} and not {want}") from None

    def files(self) -> list[str]:
        """What the relay's descriptors are."""
        found = []
        for entry in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                found.append(os.readlink(f"/proc/{self.pid}/fd/{entry}"))
        return found

    def sockets(self) -> int:
        return sum(f.startswith("socket:") for f in self.files())

    def pipes(self) -> int:
        """But for the one that tells of a refused system call."""
        report = os.readlink(f"/proc/{self.pid}/fd/4")
        return len({f for f in self.files() if f.startswith("pipe:")} - {report})

    def states(self) -> list[str]:
        """The states of all TCP sockets of the service on the relay's host."""
        out = self.stage.lab.run(
            "p1", "ss", "-Htan", f"( sport = :{PORT} or dport = :{PORT} )"
        ).stdout
        return [line.split()[0] for line in out.splitlines()]

    def clean(self) -> None:
        """What must hold at the end of every test, once its ends are closed."""

        def zero() -> bool:
            """no connection is counted any more"""
            return self.gauges() == (0, 0)

        def closed() -> bool:
            """no socket of a connection is left"""
            # Checks come and go.
            return self.sockets() <= self.before

        wait_for(zero, 5 * SLOW, 0.05)
        wait_for(closed, 5 * SLOW, 0.05)
        wait_for(lambda: "CLOSE-WAIT" not in self.states(), 5 * SLOW, 0.1)
        assert self.node.relay() == self.pid, "the relay was restarted"


WORDS = {
    "in_order": "closed in order",
    "left_queue": "client left the queue",
    "left_connect": "client left before a server was reached",
    "silent": "client said nothing in time",
    "client_reset": "client reset the connection",
    "client_gone": "client does not answer any more",
    "refused": "no server could be reached",
    "unanswered": "no server answered in time",
    "server_reset": "server reset the connection",
    "server_gone": "server does not answer any more",
    "server_down": "its server was given up",
    "no_server": "no server is up",
    "no_place": "no server had a place in time",
    "idle": "nothing moved for timeouts.idle",
    "client_half": "client did not end its side for timeouts.half_closed",
    "server_half": "server did not end its side for timeouts.half_closed",
    "resources": "out of ports, descriptors or memory",
    "moved": "virtual IP has left this node",
    "stopped": "node is being stopped",
    "killed": "closed by an operator",
}


@contextlib.contextmanager
def relay(
    family: int, *names: str, service: dict[str, Any] | None = None,
    prepare: Callable[[Stage], None] | None = None, **more: Any,
) -> Iterator[Relay]:
    """A relay before scripted servers; judges what is left at the end."""
    names = names or ("s1",)
    spec = service_of(family, *names, **(service or {}))
    with single(services=[spec], **more) as stage, contextlib.ExitStack() as stack:
        if prepare:
            prepare(stage)
        work = {n: stack.enter_context(stage.lab.listen(n, PORT)) for n in names}
        for n in names:
            stack.enter_context(stage.lab.listen(n, CHECK_PORT))
        stage.start()
        found = Relay(stage, family, work)
        yield found
        found.clean()


# -- streams -------------------------------------------------------------------


def payload(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def in_thread(do: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    """Starts do(*args); calling the result joins it and gives its value."""
    box: list[Any] = []
    thread = threading.Thread(target=lambda: box.append(do(*args)), daemon=True)
    thread.start()

    def join() -> Any:
        thread.join(60 * SLOW)
        assert box, "the other side came to no end"
        return box[0]

    return join


def read_to_end(sock: socket.socket, pace: float = 0.0) -> tuple[bytes, str]:
    """All that comes, and how it ends: "end" or "reset"."""
    parts = []
    try:
        while part := sock.recv(1 << 16):
            parts.append(part)
            if pace:
                time.sleep(pace)
    except ConnectionResetError:
        return b"".join(parts), "reset"
    return b"".join(parts), "end"


def write_till_stuck(sock: socket.socket, most: int = 64 * MIB) -> int:
    """Fills every buffer on the way; returns how many bytes went in."""
    was, sent, idle = sock.gettimeout(), 0, 0
    sock.setblocking(False)
    while idle < 20 and sent < most:
        try:
            sent += sock.send(b"x" * 65536)
            idle = 0
        except BlockingIOError:
            idle += 1
            time.sleep(0.01)
    sock.settimeout(was)
    return sent


def is_reset(sock: socket.socket) -> bool:
    """What comes next, after any data, is a reset."""
    return read_to_end(sock)[1] == "reset"


def is_quiet(sock: socket.socket, seconds: float) -> bool:
    """Neither bytes nor an end come for so long."""
    was = sock.gettimeout()
    sock.settimeout(seconds)
    try:
        sock.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        sock.settimeout(was)


def echo_once(a: socket.socket, b: socket.socket, data: bytes = b"ping") -> None:
    """Both directions still work."""
    a.sendall(data)
    assert read_exactly(b, len(data)) == data
    b.sendall(data[::-1])
    assert read_exactly(a, len(data)) == data[::-1]
