"""Goal: who may be accepted is, who may not waits, and every limit lets go
again; traps T16 to T21 and T38 of tests/TRAPS.md (T16 and T38 also in test_load and
test_traffic)."""

import contextlib
import os
import random
import select
import signal
import socket
import threading
import time
from typing import Any

from stage import SLOW, PORT, cpu_s, families, figure, limit, read_exactly, reset, single, wait_for
from traps import Relay, echo_once, in_thread, is_reset, read_to_end, relay, server_at, service_of


def connect_all(r: Relay, count: int) -> list[socket.socket]:
    """Non-blocking connects, all at once."""

    def start() -> list[socket.socket]:
        af = socket.AF_INET if r.family == 4 else socket.AF_INET6
        socks = []
        for _ in range(count):
            sock = socket.socket(af, socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.connect_ex((r.stage.front(r.family), PORT))
            socks.append(sock)
        return socks

    socks: list[socket.socket] = r.stage.lab.inside("c", start)
    for sock in socks:
        sock.settimeout(10 * SLOW)
    return socks


@families
def test_t17_limits_together(family: int) -> None:
    """Limits of node, service and server at once, in random combinations: when
    the load is over, each lets in as many as it should."""
    chance = random.Random(family)
    for _ in range(3):
        node, service, server = (chance.choice((0, 3, 5, 8)) for _ in range(3))
        spec = {"max_connections": service, "timeouts": {"queue": "20s"}}
        spec["servers"] = [server_at("s1", family, max_connections=server)]
        with relay(family, service=spec, max_connections=node, threads=2) as r:
            wave(r, chance, 40)
            # After the load: as many at once as the least limit allows.
            room = min(n for n in (node, service, server, 20) if n)
            pairs = [r.pair() for _ in range(room)]
            for a, b in pairs:
                echo_once(a, b)
                a.close()
                assert read_to_end(b) == (b"", "end")
                b.close()


def wave(r: Relay, chance: random.Random, count: int) -> None:
    """So many clients at once; each ends in one of three ways."""
    socks = connect_all(r, count)
    gone = chance.sample(socks, count // 5)
    for sock in gone:
        reset(sock) # in the backlog, in the queue, or served
    waiting = [s for s in socks if s not in gone]
    stop = threading.Event()
    served = in_thread(serve_all, r, stop)
    while waiting:
        sock = next_served(waiting)
        assert sock.recv(1) == b"w"
        if chance.random() < 0.5:
            reset(sock)
        else:
            sock.close()
    wait_for(lambda: r.gauges() == (0, 0), 10 * SLOW, 0.05)
    stop.set()
    served()


def next_served(waiting: list[socket.socket]) -> socket.socket:
    """Takes the first one of them that has heard something."""
    ready, _, _ = select.select(waiting, [], [], 10 * SLOW)
    assert ready, f"{len(waiting)} are not served"
    waiting.remove(ready[0])
    return ready[0]


def serve_all(r: Relay, stop: threading.Event) -> bool:
    """A byte to each that comes; closes when the client does."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            threading.Thread(target=serve_one, args=(r.accept(timeout=0.1),)).start()
    return True


def serve_one(b: socket.socket) -> None:
    with b, contextlib.suppress(OSError):
        b.sendall(b"w")
        read_to_end(b)


@families
def test_t18_clients_that_reset_in_the_backlog(family: int) -> None:
    """500 connect and reset before anybody accepts: the next is served."""
    with relay(family) as r:
        os.kill(r.pid, signal.SIGSTOP)
        try:
            socks = connect_all(r, 500)
            time.sleep(0.2)
            for sock in socks:
                reset(sock)
        finally:
            os.kill(r.pid, signal.SIGCONT)
        a = r.client()
        a.sendall(b"?")
        served = 0
        while served == 0:
            b = r.accept()
            with contextlib.suppress(OSError):
                served = len(b.recv(1))
            if not served:
                b.close()
        a.close()
        b.close()


@limit(60)
def test_t20_backlog_while_the_loop_stands() -> None:
    """5,000 connects while the relay is stopped: SYNs that found no room are
    repeated, and all are served."""
    count = 5000 if SLOW == 1 else 500
    with single() as stage:
        stage.serve("echo")
        stage.start()
        r = Relay(stage, 4, {})
        os.kill(r.pid, signal.SIGSTOP)
        try:
            socks = connect_all(r, count)
            time.sleep(0.5)
        finally:
            os.kill(r.pid, signal.SIGCONT)
        for i, sock in enumerate(socks):
            sock.settimeout(15 * SLOW)
            # Not connected yet: sendall() would not wait.
            wait_writable(sock)
            sock.sendall(b"%04d" % i)
        for i, sock in enumerate(socks):
            assert read_exactly(sock, 4) == b"%04d" % i
        for sock in socks:
            sock.close()
        r.clean()


def wait_writable(sock: socket.socket) -> None:
    error = -1
    deadline = time.monotonic() + 15 * SLOW
    while error != 0 and time.monotonic() < deadline:
        try:
            sock.getpeername()
            error = 0
        except OSError:
            time.sleep(0.005)
    assert error == 0, "was not connected"


@families
def test_t21_clients_that_leave_the_queue(family: int) -> None:
    """100 are queued and 50 of them leave: only the other 50 get a server."""
    spec = {"servers": [server_at("s1", family, max_connections=1)]}
    with relay(family, service=spec) as r:
        first, served = r.pair()
        socks = connect_all(r, 100)
        wait_for(lambda: r.gauges() == (101, 100))
        for i, sock in enumerate(socks):
            if i % 4 == 1:
                sock.close() # FIN without a word
            elif i % 4 == 3:
                reset(sock)
        wait_for(lambda: r.gauges() == (51, 50))
        assert r.endings()["client left the queue"] == 50
        r.work["s1"].settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            r.work["s1"].accept()
            raise AssertionError("the server's limit does not hold")
        stay = [s for i, s in enumerate(socks) if i % 2 == 0]
        first.close()
        served.close()
        for i in range(50):
            b = r.accept()
            b.sendall(b"%02d" % i)
            b.close()
            with next_served(stay) as sock:
                assert read_to_end(sock) == (b"%02d" % i, "end")
        assert r.service()["servers"][0]["connections"]["total"] == 51


@families
def test_t21_clients_that_are_gone_before_they_queue(family: int) -> None:
    """They end with their handshake, as a port scan does, while no place is free."""
    spec = {"servers": [server_at("s1", family, max_connections=1)]}
    with relay(family, service=spec) as r:
        first, served = r.pair()
        os.kill(r.pid, signal.SIGSTOP)
        try:
            for _ in range(50):
                r.client().close()
        finally:
            os.kill(r.pid, signal.SIGCONT)
        wait_for(lambda: r.endings().get("client left the queue") == 50)
        assert r.gauges() == (1, 0)
        first.close()
        served.close()
        for _ in range(3):
            a, b = r.pair()
            a.close()
            b.close()
        assert r.node.relay() == r.pid


@families
def test_t21_queue_timeout(family: int) -> None:
    """A place that does not come in time is an end, too; and gives way."""
    spec: dict[str, Any] = {"timeouts": {"queue": "500ms"}}
    spec["servers"] = [server_at("s1", family, max_connections=1)]
    with relay(family, service=spec) as r:
        first, served = r.pair()
        begun = time.monotonic()
        late = r.client()
        assert is_reset(late)
        assert 0.4 < time.monotonic() - begun < 0.5 + figure(500) / 1000
        late.close()
        first.close()
        served.close()
        r.ended(no_place=1, in_order=1)
        a, b = r.pair()
        a.close()
        b.close()


@families
def test_t38_no_server_no_spin(family: int) -> None:
    """Nobody is up: clients wait, then are reset; it costs and logs little."""
    spec = service_of(family, timeouts={"queue": "300ms"})
    with single(services=[spec]) as stage:
        stage.start()
        r = Relay(stage, family, {})
        wait_for(lambda: stage["p1"].server_states() == {"s1": "down"})
        before = cpu_s(r.pid)
        socks = [r.client() for _ in range(200)]
        for sock in socks:
            assert is_reset(sock)
            sock.close()
        assert r.endings() == {"no server is up": 200}
        time.sleep(0.5)
        assert cpu_s(r.pid) - before < 0.3 * SLOW
        warnings = [x for x in stage["p1"].log().splitlines() if "warning" in x]
        assert len(warnings) < 10, warnings
        r.clean()
