"""Goal: the relay never lies about bytes. What one side sent arrives at the
other in order and whole, a FIN as a FIN after the last byte, a reset as one."""

import contextlib
import hashlib
import os
import socket
import struct
import threading
import time
from typing import Any, Iterator

from stage import (
    PORT, SLOW, Stage, families, figure, limit, memory_kib, read_all, read_exactly,
    reset, scripted_service, single, wait_for,
)
from traps import in_thread, is_reset

TIMED = True  # it judges milliseconds or processor time

MIB = 1 << 20


@contextlib.contextmanager
def joined(family: int, **more: Any) -> Iterator[tuple[Stage, Any, Any]]:
    """A client and a server socket with the relay between them."""
    with single(services=[scripted_service(**more)]) as stage:
        with stage.scripted("s1") as work:
            stage.start()
            with stage.client(family) as a:
                b, _ = work.accept()
                # The relay is to know, too: before, a FIN calls it off (T2).
                time.sleep(0.05 * SLOW)
                with b:
                    a.settimeout(10 * SLOW)
                    b.settimeout(10 * SLOW)
                    yield stage, a, b


def send_hashed(sock: socket.socket, total: int) -> tuple[str, int]:
    """Sends fresh random bytes and the end; returns their hash and number."""
    digest = hashlib.sha1()
    block = os.urandom(MIB)
    for i in range(0, total, MIB):
        part = struct.pack("Q", i) + block[8 : min(MIB, total - i)]
        digest.update(part)
        sock.sendall(part)
    sock.shutdown(socket.SHUT_WR)
    return digest.hexdigest(), total


def read_hashed(sock: socket.socket) -> tuple[str, int]:
    """Reads to the end; the hash and number of the bytes that came."""
    digest, total = hashlib.sha1(), 0
    while part := sock.recv(1 << 18):
        digest.update(part)
        total += len(part)
    return digest.hexdigest(), total


@families
def test_client_ends_first(family: int) -> None:
    """The request, its FIN, and then an answer of 10 MB."""
    with joined(family) as (_, a, b):
        a.sendall(b"q" * MIB)
        a.shutdown(socket.SHUT_WR)
        assert read_all(b) == b"q" * MIB
        time.sleep(0.3)  # half-closed and silent for a while
        sent = in_thread(send_hashed, b, 10 * MIB)
        assert read_hashed(a) == sent()


@families
def test_server_ends_first(family: int) -> None:
    """The answer and its FIN, while the client goes on sending."""
    with joined(family) as (_, a, b):
        b.sendall(b"answer")
        b.shutdown(socket.SHUT_WR)
        assert read_all(a) == b"answer"
        time.sleep(0.3)
        sent = in_thread(send_hashed, a, 10 * MIB)
        assert read_hashed(b) == sent()


@families
def test_end_waits_for_held_bytes(family: int) -> None:
    """A FIN behind bytes that a slow reader leaves in the relay (T1)."""
    with joined(family) as (_, a, b):
        a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        sent = in_thread(send_hashed, a, 8 * MIB)
        time.sleep(0.5)
        assert read_hashed(b) == sent()
        b.sendall(b"late")
        b.close()
        assert read_all(a) == b"late"


@families
def test_end_without_a_byte(family: int) -> None:
    """A client that says nothing and ends: so does its server."""
    with joined(family) as (_, a, b):
        a.shutdown(socket.SHUT_WR)
        assert read_all(b) == b""
        b.shutdown(socket.SHUT_WR)
        assert read_all(a) == b""


@families
def test_reset_reaches_the_server(family: int) -> None:
    with joined(family) as (_, a, b):
        a.sendall(b"x")
        assert b.recv(1) == b"x"
        begun = time.monotonic()
        reset(a)
        assert is_reset(b)
        assert time.monotonic() - begun < figure(100) / 1000


@families
def test_reset_reaches_the_client(family: int) -> None:
    with joined(family) as (_, a, b):
        b.sendall(b"x")
        assert a.recv(1) == b"x"
        begun = time.monotonic()
        reset(b)
        assert is_reset(a)
        assert time.monotonic() - begun < figure(100) / 1000


@families
def test_reset_while_half_closed(family: int) -> None:
    with joined(family) as (_, a, b):
        a.shutdown(socket.SHUT_WR)
        assert read_all(b) == b""
        reset(b)
        assert is_reset(a)


@families
def test_reset_at_a_stalled_reader(family: int) -> None:
    """The client resets while the relay holds bytes for a stuck server (T3)."""
    with joined(family) as (_, a, b):
        b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        a.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                a.send(b"x" * 65536)
                time.sleep(0.001)
        time.sleep(0.2)
        begun = time.monotonic()
        reset(a)
        assert is_reset(b)
        assert time.monotonic() - begun < figure(500) / 1000


@families
def test_answer_before_a_reset(family: int) -> None:
    """The server answers and closes with unread input: the answer counts (T4)."""
    with joined(family) as (_, a, b):
        a.sendall(b"y" * (4 * MIB // 8))
        b.recv(100)
        b.sendall(b"z" * 100)
        b.close()
        time.sleep(0.1)
        assert read_exactly(a, 100) == b"z" * 100
        assert is_reset(a)


@families
def test_answer_and_close_while_the_client_sends(family: int) -> None:
    """5 MB answered and closed; the client never stops: all arrive (T6)."""
    with joined(family) as (_, a, b):
        stop = threading.Event()

        def chatter() -> bool:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    a.sendall(b"n" * 1000)
                    time.sleep(0.001)
            return True

        def absorb() -> bool:
            with contextlib.suppress(OSError):
                while b.recv(1 << 16):
                    pass
            return True

        talk = in_thread(chatter)
        sent = in_thread(send_hashed, b, 5 * MIB)
        absorbed = in_thread(absorb)
        time.sleep(0.3)
        assert read_hashed(a) == sent()
        stop.set()
        talk()
        a.close()
        absorbed()


@families
@limit(60)
def test_64_mib_both_ways(family: int) -> None:
    with joined(family) as (_, a, b):
        tasks = [
            in_thread(send_hashed, a, 64 * MIB),
            in_thread(send_hashed, b, 64 * MIB),
            in_thread(read_hashed, b),
            in_thread(read_hashed, a),
        ]
        up, down, up_read, down_read = [task() for task in tasks]
        assert up == up_read
        assert down == down_read


@families
def test_small_exchanges_are_not_delayed(family: int) -> None:
    """Two small writes a request: no Nagle, no 40 ms (T30)."""
    with joined(family) as (_, a, b):
        a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        b.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        for _ in range(100):
            a.sendall(b"a")
            a.sendall(b"b")
            assert read_exactly(b, 2) == b"ab"
            b.sendall(b"c")
            assert a.recv(1) == b"c"
        assert time.monotonic() - begun < figure(500) / 1000


@families
def test_r15_two_pieces_wait_for_nothing(family: int) -> None:
    """On a new connection, from an end without TCP_NODELAY, whose second piece
    waits until we have acknowledged the first. Either end; the best of many."""
    with single(services=[scripted_service()]) as stage:
        with stage.scripted("s1") as work:
            stage.start()
            for first in ("client", "server"):
                took = []
                for _ in range(20):
                    with stage.client(family) as a, work.accept()[0] as b:
                        x, y = (a, b) if first == "client" else (b, a)
                        begun = time.monotonic()
                        x.sendall(b"x")
                        x.sendall(b"y")
                        assert read_exactly(y, 2) == b"xy"
                        took.append(time.monotonic() - begun)
                assert min(took) < 0.005, (first, took)


@families
@limit(60)
def test_stalled_readers_cost_no_memory(family: int) -> None:
    """50 clients push at servers that do not read: flat, and intact after."""
    with single(services=[scripted_service()]) as stage:
        with stage.scripted("s1") as work:
            stage.start()
            relay = stage["p1"].relay()
            pairs = []
            for _ in range(50):
                a = stage.client(family)
                b, _ = work.accept()
                a.settimeout(20 * SLOW)
                b.settimeout(20 * SLOW)
                pairs.append((a, b))
            sent = [in_thread(send_hashed, a, 12 * MIB) for a, _ in pairs]
            time.sleep(1.5)
            early = memory_kib(relay)
            time.sleep(1.5)
            assert memory_kib(relay) - early < 512 * SLOW, "grows while stalled"
            # 600 MiB are under way: what the relay holds of each is bounded.
            assert early < (60 if SLOW == 1 else 1000) * 1024, early
            read = [in_thread(read_hashed, b) for _, b in pairs]
            for wrote, got in zip(sent, read):
                assert wrote() == got()
            for a, b in pairs:
                a.close()
                b.close()


@families
def test_server_that_speaks_and_goes_at_once(family: int) -> None:
    """Accept, a banner, close, all before the relay looks (T22)."""
    with single(services=[scripted_service()]) as stage:
        with stage.scripted("s1") as work:
            stage.start()
            for _ in range(50):
                with stage.client(family) as a:
                    b, _ = work.accept()
                    b.sendall(b"bye")
                    b.close()
                    assert read_all(a) == b"bye"


@families
def test_nothing_is_left_open(family: int) -> None:
    """After all that, no connection of the relay's stays behind."""
    with joined(family) as (stage, a, b):
        a.close()
        assert read_all(b) == b""
        b.close()

        def gone() -> bool:
            """no established or half-closed connection on the service"""
            lines = stage.lab.run(
                "p1", "ss", "-Htn", "state", "all", f"( sport = :{PORT} or dport = :{PORT} )"
            ).stdout.splitlines()
            return not [x for x in lines if not x.startswith(("LISTEN", "TIME-WAIT"))]

        wait_for(gone, 3)
        status = stage["p1"].status()["services"][0]
        assert status["connections"]["active"] == 0, status
        assert status["connections"]["total"] == 1, status
