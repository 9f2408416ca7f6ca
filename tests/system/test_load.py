"""Goal: many clients, and more than there is room for: those who do not fit
wait in the backlog and are served later, nobody is turned away or forgotten."""

import contextlib
import os
import socket
import time
from typing import Any

from stage import (
    SLOW, PORT, Stage, cpu_s, families, figure, limit, read_exactly, reset,
    scripted_service, service, single, wait_for,
)

TIMED = True  # it judges milliseconds or processor time


def active(stage: Stage) -> int:
    return int(stage["p1"].services()[0]["connections"]["active"])


def connect_all(stage: Stage, family: int, count: int) -> list[Any]:
    """Non-blocking connects, all at once."""
    def start() -> list[Any]:
        af = socket.AF_INET if family == 4 else socket.AF_INET6
        socks = []
        for _ in range(count):
            sock = socket.socket(af, socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.connect_ex((stage.front(family), PORT))
            socks.append(sock)
        return socks

    socks: list[Any] = stage.lab.inside("c", start)
    for sock in socks:
        sock.settimeout(10 * SLOW)
    return socks


@families
@limit(60)
def test_1000_connections_at_once(family: int) -> None:
    """All are open together, each with its own echo, over the virtual IP."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        socks = connect_all(stage, family, 1000)
        for i, sock in enumerate(socks):
            sock.sendall(b"%06d" % i)
        for i, sock in enumerate(socks):
            assert read_exactly(sock, 6) == b"%06d" % i
        assert active(stage) == 1000
        for sock in socks:
            sock.close()
        wait_for(lambda: active(stage) == 0, 5 * SLOW)


@families
def test_max_connections_of_a_service(family: int) -> None:
    """With room for 4, the 5th to 8th wait unserved, and then get their turn."""
    spec = scripted_service(max_connections=4)
    with single(services=[spec], threads=2) as stage:
        with stage.scripted("s1") as work:
            stage.start()
            socks = connect_all(stage, family, 8)
            served = [work.accept()[0] for _ in range(4)]
            work.settimeout(0.5)
            try:
                work.accept()
                raise AssertionError("a fifth was let in")
            except TimeoutError:
                pass
            assert active(stage) == 4
            work.settimeout(5 * SLOW)
            for sock in served:
                reset(sock)
            # Four ended; the four that waited come, in less than no time.
            begun = time.monotonic()
            later = [work.accept()[0] for _ in range(4)]
            assert time.monotonic() - begun < figure(1000) / 1000
            for sock in later:
                sock.sendall(b"!")
            heard = 0
            for sock in socks:
                with contextlib.suppress(ConnectionResetError):
                    heard += len(sock.recv(1))
                sock.close()
            assert heard == 4
            for sock in later:
                sock.close()
            wait_for(lambda: active(stage) == 0, 5)


def test_max_connections_of_the_node() -> None:
    """The node's limit holds over all its services together."""
    one = scripted_service()
    two = {**scripted_service(), "name": "two"}
    with single(services=[one, two], max_connections=3, threads=1) as stage:
        one["listen"] = ["10.77.0.1:80"]
        two["listen"] = ["10.77.0.1:90"]
        stage.configure(stage.build())
        with stage.scripted("s1") as work:
            stage.start()
            lab = stage.lab
            socks = [lab.connect("c", "10.77.0.1", p) for p in (80, 90, 80, 90, 80)]
            served = [work.accept()[0] for _ in range(3)]
            work.settimeout(0.5)
            try:
                work.accept()
                raise AssertionError("a fourth was let in")
            except TimeoutError:
                pass
            work.settimeout(5 * SLOW)
            for sock in served:
                reset(sock)
            for _ in range(2):
                work.accept()[0].close()
            for sock in socks:
                sock.close()


def test_client_that_leaves_the_backlog() -> None:
    """Who gave up while waiting does not cost the next one its place (T21)."""
    with single(services=[scripted_service(max_connections=1)]) as stage:
        with stage.scripted("s1") as work:
            stage.start()
            first = stage.client()
            served, _ = work.accept()
            gone = connect_all(stage, 4, 5)
            time.sleep(0.1)
            for sock in gone:
                sock.close()
            last = stage.client()
            last.sendall(b"last")
            first.close()
            served.close()
            deadline = time.monotonic() + 5 * SLOW
            got = b""
            while got != b"last" and time.monotonic() < deadline:
                sock, _ = work.accept()
                sock.settimeout(5)
                with contextlib.suppress(ConnectionResetError):
                    got = sock.recv(4)
                sock.close()
            assert got == b"last"
            last.close()


@families
def test_descriptor_shortage(family: int) -> None:
    """256 descriptors, 200 clients: some wait, all are served, no spin (T16)."""
    with single(services=[service([])], threads=1) as stage:
        stage.services[0].pop("listen")
        stage.configure(stage.build())
        stage.serve("echo")
        stage["p1"].start(prefix=("prlimit", "--nofile=256:256"))
        stage.wait_serving("p1")
        relay = stage["p1"].relay()
        socks = connect_all(stage, family, 200)
        time.sleep(0.5)
        before = cpu_s(relay)
        time.sleep(1)
        assert cpu_s(relay) - before < 0.3, "spins while it cannot accept"
        # It still answers, checks and heartbeats keep their descriptors.
        assert 0 < active(stage) < 128
        assert stage["p1"].server_states() == dict.fromkeys(("s1", "s2", "s3"), "up")
        for i, sock in enumerate(socks):
            sock.sendall(b"%03d" % i)
            assert read_exactly(sock, 3) == b"%03d" % i
            sock.close()
        wait_for(lambda: active(stage) == 0, 5 * SLOW)


@limit(60)
def test_churn_leaves_nothing() -> None:
    """4,000 short connections: no descriptor and no memory stays behind."""
    with single() as stage:
        stage.serve()
        stage.start()
        stage.probe(4, 1).result()
        relay = stage["p1"].relay()

        def open_files() -> int:
            return len(os.listdir(f"/proc/{relay}/fd"))

        wait_for(lambda: active(stage) == 0, 5)
        before = open_files()
        for family in (4, 6):
            result = stage.probe(family, 2).result()
            assert result["ok"] == result["probes"], result
        wait_for(lambda: active(stage) == 0, 5)
        # Checks come and go.
        wait_for(lambda: open_files() <= before, 5)
