"""Goal: bytes in pipes are as safe as bytes in memory: none is lost, doubled
or put before another, and none gets into a stranger's connection; traps T10 to
T15 and T31 of tests/TRAPS.md."""

import os
import socket
import struct
import subprocess
import time

from stage import SLOW, cpu_s, families, limit, reset, wait_for
from traps import (
    MIB, Relay, echo_once, in_thread, is_reset, payload, read_to_end, relay,
    write_till_stuck,
)

WORKER_PIPES = 64 # PIPES_MAX of proxy/data/pipes.h


def send_parts(sock: socket.socket, data: bytes, sizes: tuple[int, ...]) -> bool:
    """In writes of these sizes, in turn, and the end."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        sock.sendall(data[at : at + size])
        at += size
        turn += 1
    sock.shutdown(socket.SHUT_WR)
    return True


@families
@limit(60)
def test_t10_pipe_full_is_not_socket_empty(family: int) -> None:
    """1-byte and 64 KB writes in turn at a slow reader: no stall, no spin."""
    with relay(family) as r:
        for first in ("client", "server"):
            x, y = r.ends(first)
            y.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            data = payload(8 * MIB)
            before = cpu_s(r.pid)
            sent = in_thread(send_parts, x, data, (1, 65536))
            assert read_to_end(y, 0.001) == (data, "end")
            sent()
            assert cpu_s(r.pid) - before < 0.5 * SLOW, "busy with a slow reader"
            x.close()
            y.close()
        r.ended(in_order=2)


@families
@limit(60)
def test_t12_order_while_switching(family: int) -> None:
    """Numbered words, now in bulk and now in drops, now read and now not: the
    relay goes from copying to splicing and back with bytes held."""
    count = 2 * MIB
    data = struct.pack(f"<{count}I", *range(count))
    with relay(family) as r:
        x, y = r.ends("server")
        sizes = (7, 900_000, 1, 300, 1_500_000, 65_536, 65_537, 20_000)
        sent = in_thread(send_parts, x, data, sizes)
        got, rest = bytearray(), len(data)
        while len(got) < rest:
            part = y.recv(1 << 20)
            assert part, "an early end"
            if len(got) // (MIB) != (len(got) + len(part)) // MIB:
                time.sleep(0.03) # all buffers on the way fill up
            got += part
        sent()
        assert got == data
        y.close()
        x.close()


@families
@limit(60)
def test_t13_no_bytes_in_a_strangers_connection(family: int) -> None:
    """Abort with bytes stuck in pipes; the streams after that are clean."""
    with relay(family, threads=1) as r:
        for round_ in range(2):
            stuck = [r.ends("client" if i % 2 else "server") for i in range(20)]
            for x, y in stuck:
                y.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            filling = [in_thread(write_till_stuck, x, 8 * MIB) for x, _ in stuck]
            for done in filling:
                done()
            for x, y in stuck:
                reset(x if round_ else y)
                assert is_reset(y if round_ else x)
                (y if round_ else x).close()
            data = payload(3 * MIB, round_)
            for _ in range(4):
                x, y = r.ends("server")
                sent = in_thread(send_parts, x, data, (len(data),))
                assert read_to_end(y) == (data, "end")
                sent()
                x.close()
                y.close()
        assert r.pipes() <= WORKER_PIPES


def exchange_bulk(r: Relay, count: int, size: int) -> None:
    """So many bulk streams at once, each slow at first, byte by byte right."""
    data = payload(size)
    pairs = [r.ends("server") for _ in range(count)]
    sent = [in_thread(send_parts, x, data, (len(data),)) for x, _ in pairs]
    time.sleep(0.3)
    read = [in_thread(read_to_end, y, 0.0005) for _, y in pairs]
    for done, got in zip(sent, read):
        assert got() == (data, "end")
        done()
    for x, y in pairs:
        x.close()
        y.close()


@families
@limit(60)
def test_t14_no_pipe_to_be_had(family: int) -> None:
    """Descriptors run out when the first stream gets large: it is copied."""
    with relay(family, threads=1) as r:
        pairs = [r.ends("server") for _ in range(8)]
        used = len(r.files())
        assert r.pipes() == 0
        set_files(r.pid, used)
        data = payload(6 * MIB)
        sent = [in_thread(send_parts, x, data, (len(data),)) for x, _ in pairs]
        for (x, y), done in zip(pairs, sent):
            assert read_to_end(y) == (data, "end")
            done()
            y.close()
            x.close()
        assert len(r.files()) <= used
        # Descriptors are there again, and so is the service.
        set_files(r.pid, 4096)
        a, b = r.pair()
        echo_once(a, b)
        a.close()
        b.close()


def set_files(pid: int, count: int) -> None:
    """The relay's limit of descriptors, set as the user that it is."""
    ids = os.stat(f"/proc/{pid}")
    subprocess.run(
        ["prlimit", f"--pid={pid}", f"--nofile={count}:"],
        check=True, user=ids.st_uid, group=ids.st_gid, extra_groups=[],
    )


@limit(60)
def test_t15_pipes_are_bounded() -> None:
    """More bulk streams than pipes on two threads: some copy, all are right."""
    count = 150 if SLOW == 1 else 70
    with relay(4, threads=2) as r:
        most = 0
        done = in_thread(exchange_bulk, r, count, 4 * MIB)

        def finished() -> bool:
            """the streams are through"""
            nonlocal most
            most = max(most, r.pipes())
            return r.endings().get("closed in order", 0) == count

        wait_for(finished, 40 * SLOW, 0.1)
        done()
        assert 0 < most <= 2 * WORKER_PIPES, most
        wait_for(lambda: r.gauges() == (0, 0))
        assert r.pipes() <= 2 * WORKER_PIPES


@families
@limit(60)
def test_t31_reset_during_splice(family: int) -> None:
    """The destination of a splice is reset, again and again: no SIGPIPE."""
    with relay(family) as r:
        for i in range(30 // SLOW):
            x, y = r.ends("client" if i % 2 else "server")
            writing = in_thread(write_till_stuck, x, 16 * MIB)
            y.recv(MIB)
            y.recv(MIB)
            reset(y)
            try:
                writing()
            except AssertionError:
                pass # its send() has told it
            wait_for(lambda: r.gauges() == (0, 0))
            x.close()
        assert sum(r.endings().values()) == 30 // SLOW
