"""Goal: the end of one side becomes the same end of the other, after the last
byte of what it said; traps T1 to T9 of tests/TRAPS.md."""

import contextlib
import fcntl
import socket
import struct
import termios
import threading
import time
from typing import Any

from stage import SLOW, PORT, Stage, cpu_s, families, figure, limit, read_exactly, reset, wait_for
from traps import (
    MIB, SIZES, echo_once, in_thread, is_reset, payload, read_to_end, relay, write_till_stuck,
)

TIMED = True  # it judges milliseconds or processor time

SIDES = ("client", "server")


def send_and_end(sock: socket.socket, data: bytes) -> bool:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    return True


def is_broken(sock: socket.socket) -> bool:
    """Nothing can be written any more."""
    try:
        sock.send(b"?")
        return False
    except OSError:
        return True


def shrink(sock: socket.socket) -> None:
    """A reader that has room for little: the rest waits in the relay."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)


def outq(sock: socket.socket) -> int:
    """Bytes that the other side's kernel has not acknowledged (SIOCOUTQ)."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]


@families
@limit(60)
def test_t01_fin_after_last_byte(family: int) -> None:
    """A request, its FIN, a pause, the answer; either side first (T1, T11)."""
    with relay(family) as r:
        for n, (size, first) in enumerate((s, f) for s in SIZES.values() for f in SIDES):
            x, y = r.ends(first)
            request, answer = payload(size, n), payload(size + 1, ~n)
            sent = in_thread(send_and_end, x, request)
            assert read_to_end(y) == (request, "end")
            sent()
            time.sleep(0.2)
            # Half-closed, and the other direction works all the same.
            sent = in_thread(send_and_end, y, answer)
            assert read_to_end(x) == (answer, "end")
            sent()
            x.close()
            y.close()
        r.ended(in_order=4)


@families
@limit(60)
def test_t01_fin_behind_a_slow_reader(family: int) -> None:
    """The FIN comes while the relay still holds bytes, or a pipe of them."""
    with relay(family) as r:
        for n, (size, first) in enumerate((s, f) for s in SIZES.values() for f in SIDES):
            x, y = r.ends(first)
            shrink(y)
            data = payload(size, n)
            sent = in_thread(send_and_end, x, data)
            time.sleep(0.2)
            assert read_to_end(y, 0.0005) == (data, "end")
            sent()
            y.sendall(b"late")
            y.close()
            assert read_to_end(x) == (b"late", "end")
            x.close()
        r.ended(in_order=4)


@families
@limit(60)
def test_t01_ends_at_once_many_times(family: int) -> None:
    """A few bytes and the FIN in one go: not one of them is lost (#2505)."""
    count = 1000 // SLOW
    with relay(family) as r:
        def serve() -> bool:
            for i in range(count):
                b = r.accept()
                got, how = read_to_end(b)
                b.sendall(b"%d:" % len(got) + got[-50:])
                b.close()
            return True

        served = in_thread(serve)
        for i in range(count):
            a = r.client()
            data = b"%06d" % i * (1 + i % 1700)
            send_and_end(a, data)
            assert read_to_end(a) == (b"%d:" % len(data) + data[-50:], "end")
            a.close()
        served()
        r.ended(in_order=count)


def swallow_syns(stage: Stage) -> None:
    """Nothing gets to the server's port; checks do."""
    stage.lab.drop("s1", "to", f"tcp dport {PORT}")


@families
def test_t02_fin_before_the_connect(family: int) -> None:
    """With data, both are delivered; without, the connect is called off."""
    with relay(family) as r:
        swallow_syns(r.stage)
        loud, mute = r.client(), r.client()
        loud.sendall(b"hello")
        loud.shutdown(socket.SHUT_WR)
        mute.shutdown(socket.SHUT_WR)
        r.ended(left_connect=1)
        assert r.gauges() == (1, 0)
        assert is_reset(mute)
        r.stage.lab.undrop()
        b = r.accept() # the SYN is repeated after a second
        assert read_to_end(b) == (b"hello", "end")
        b.sendall(b"bye")
        b.close()
        assert read_to_end(loud) == (b"bye", "end")
        loud.close()
        mute.close()
        r.ended(left_connect=1, in_order=1)


@families
def test_t02_reset_before_the_connect(family: int) -> None:
    """A client that is gone costs no connection, even if it had spoken."""
    with relay(family) as r:
        swallow_syns(r.stage)
        loud, mute = r.client(), r.client()
        loud.sendall(b"hello")
        time.sleep(0.1)
        reset(loud)
        reset(mute)
        r.ended(left_connect=2)
        r.stage.lab.undrop()


@families
def test_t03_reset_is_passed_on(family: int) -> None:
    """Idle, after bytes, and half-closed: the other sees a reset, at once."""
    with relay(family) as r:
        for first in SIDES:
            for before in ("nothing", "bytes", "its end", "my end"):
                x, y = r.ends(first)
                if before == "bytes":
                    echo_once(x, y)
                elif before == "its end":
                    y.shutdown(socket.SHUT_WR)
                    assert read_to_end(x) == (b"", "end")
                elif before == "my end":
                    x.shutdown(socket.SHUT_WR)
                    assert read_to_end(y) == (b"", "end")
                begun = time.monotonic()
                reset(x)
                if before == "my end":
                    # It has read an end: only writing tells it of the reset.
                    wait_for(lambda: is_broken(y))
                else:
                    assert is_reset(y), (first, before)
                assert time.monotonic() - begun < figure(300) / 1000
                y.close()
        r.ended(client_reset=4, server_reset=4)


@families
@limit(60)
def test_t03_reset_in_the_middle(family: int) -> None:
    """Of a bulk transfer, while the other reads, or while it is stuck."""
    with relay(family) as r:
        for first in SIDES:
            for stuck in (False, True):
                x, y = r.ends(first)
                if stuck:
                    shrink(y)
                    write_till_stuck(x)
                    reading = None
                else:
                    reading = in_thread(read_to_end, y)
                    x.sendall(b"m" * (8 * MIB))
                begun = time.monotonic()
                reset(x)
                got = reading() if reading else read_to_end(y)
                assert got[1] == "reset", (first, stuck)
                assert time.monotonic() - begun < figure(500) / 1000
                y.close()
        r.ended(client_reset=2, server_reset=2)


@families
@limit(60)
def test_t04_answer_then_reset(family: int) -> None:
    """A server answers, and closes with input unread: the answer counts."""
    with relay(family) as r:
        a, b = r.pair()

        def upload() -> str:
            try:
                a.sendall(b"u" * (10 * MIB))
                return "all"
            except (ConnectionResetError, BrokenPipeError):
                return "reset"

        sent = in_thread(upload)
        read_exactly(b, 1000)
        b.sendall(b"z" * 100)
        b.close()
        assert sent() == "reset"
        # Its end is not looked at: send() was told of the reset already.
        assert read_to_end(a)[0] == b"z" * 100
        a.close()
        r.ended(server_reset=1)


@families
def test_t05_stalled_and_reset_is_no_spin(family: int) -> None:
    """One is stuck, the other paused: waiting costs nothing, nor does the end."""
    with relay(family) as r:
        for first in SIDES:
            x, y = r.ends(first)
            shrink(y)
            write_till_stuck(x)
            before = cpu_s(r.pid)
            time.sleep(0.3)
            assert cpu_s(r.pid) - before < 0.1, "spins while stuck"
            reset(x)
            wait_for(lambda: r.gauges() == (0, 0))
            y.close()
            # Half-closed both ways in turn, with EPOLLHUP in sight.
            x, y = r.ends(first)
            x.shutdown(socket.SHUT_WR)
            assert read_to_end(y) == (b"", "end")
            before = cpu_s(r.pid)
            time.sleep(0.3)
            assert cpu_s(r.pid) - before < 0.1, "spins while half-closed"
            y.close()
            assert read_to_end(x) == (b"", "end")
            x.close()
        r.ended(client_reset=1, server_reset=1, in_order=2)


@families
@limit(60)
def test_t06_answer_to_a_talking_client(family: int) -> None:
    """The server answers and ends, the client talks on: unread words of it in
    the relay's socket must not turn the end into a reset, for a slow reader
    either."""
    with relay(family) as r:
        for slow in (False, True):
            a, b = r.pair()
            if slow:
                shrink(a)
            stop = threading.Event()

            def chatter() -> bool:
                while not stop.is_set():
                    a.sendall(b"n" * 1000)
                    time.sleep(0.002)
                a.shutdown(socket.SHUT_WR)
                return True

            answer = payload(5 * MIB)
            talk = in_thread(chatter)
            heard = in_thread(read_to_end, b)
            reading = in_thread(read_to_end, a, 0.0003 if slow else 0.0)
            b.sendall(answer)
            b.shutdown(socket.SHUT_WR)
            assert reading() == (answer, "end")
            stop.set()
            talk()
            assert heard()[1] == "end"
            a.close()
            b.close()
        r.ended(in_order=2)


@families
@limit(60)
def test_t06_answer_that_ends_in_a_reset(family: int) -> None:
    """A server answers and closes with words of the client unread, once its
    kernel knows the answer to be taken: a slow client still gets all of it, and
    then the reset. One that takes nothing is not waited for."""
    answer = payload(400_000)
    with relay(family) as r:
        a, b = r.pair()
        a.sendall(b"unread")
        time.sleep(0.1)
        b.sendall(answer)
        wait_for(lambda: outq(b) == 0)
        b.close()
        assert read_to_end(a, 0.0002) == (answer, "reset")
        a.close()
        a, b = r.pair()
        shrink(a)
        a.sendall(b"unread")
        time.sleep(0.1)
        write_till_stuck(b)
        begun = time.monotonic()
        b.close()
        wait_for(lambda: r.gauges() == (0, 0), 5)
        assert time.monotonic() - begun < figure(1500) / 1000
        a.close()
        r.ended(server_reset=2)


@families
@limit(60)
def test_t07_vanished_after_its_fin(family: int) -> None:
    """One side ends, the other host is gone: half_closed ends it."""
    service = {"timeouts": {"half_closed": f"{500 * SLOW}ms"}}
    for first, gone, host in (("client", "server_half", "s1"), ("server", "client_half", "c")):
        with relay(family, service=service) as r:
            x, y = r.ends(first)
            x.shutdown(socket.SHUT_WR)
            assert read_to_end(y) == (b"", "end")
            r.stage.lab.power_cut(host)
            begun = time.monotonic()
            r.ended(**{gone: 1})
            assert 0.3 * SLOW < time.monotonic() - begun < 1.5 * SLOW
            r.stage.lab.restore(host)
            x.close()
            y.close()


@families
def test_t07_half_closed_counts_from_the_last_byte(family: int) -> None:
    """An answer that takes longer than half_closed in all is not cut."""
    with relay(family, service={"timeouts": {"half_closed": f"{500 * SLOW}ms"}}) as r:
        a, b = r.pair()
        a.shutdown(socket.SHUT_WR)
        for i in range(6):
            time.sleep(0.15 * SLOW)
            b.sendall(b"%d" % i)
        b.close()
        assert read_to_end(a) == (b"012345", "end")
        a.close()
        r.ended(in_order=1)


def few_ports(stage: Stage) -> None:
    """300 ports for the relay's own connections."""
    def write() -> None:
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as f:
            f.write("40000 40299")

    stage.lab.inside("p1", write)


def exchange(r: Any, count: int, client_first: bool) -> None:
    """So many short connections, one after the other."""
    def serve() -> bool:
        for _ in range(count):
            b = r.accept()
            assert read_exactly(b, 4) == b"ping"
            b.sendall(b"pong")
            if client_first:
                assert read_to_end(b) == (b"", "end")
            b.close()
        return True

    served = in_thread(serve)
    for _ in range(count):
        a = r.client()
        a.sendall(b"ping")
        assert read_exactly(a, 4) == b"pong"
        if not client_first:
            assert read_to_end(a) == (b"", "end")
        a.close()
    served()
    r.ended(in_order=count)


@families
def test_t08_server_first_keeps_no_port(family: int) -> None:
    """Who ends first has the TIME_WAIT; here it is the server."""
    with relay(family, prepare=few_ports) as r:
        exchange(r, 900 // SLOW, client_first=False)


@families
def test_t08_client_first_with_source(family: int) -> None:
    """Here TIME_WAIT is on our ports: with `source` they are used again."""
    with relay(
        family, prepare=few_ports, service={"source": f"{address_of(family)}"}
    ) as r:
        exchange(r, 900 // SLOW, client_first=True)


def address_of(family: int) -> str:
    return {4: "10.77.0.1", 6: "fd77::1"}[family]


@limit(90)
def test_t09_mass_kill() -> None:
    """2,000 connections under load are reset in a moment, each once, on both
    legs: the node is being stopped."""
    count = 2000 // SLOW
    with relay(4, threads=2) as r:
        pairs = [r.pair() for _ in range(count)]
        stop = threading.Event()

        def load() -> bool:
            while not stop.is_set():
                for a, _ in pairs[::10]:
                    with contextlib.suppress(OSError):
                        a.send(b"l" * 100)
            return True

        busy = in_thread(load)
        time.sleep(0.2)
        assert r.gauges() == (count, 0)
        begun = time.monotonic()
        r.node.process.terminate()
        for n, (a, b) in enumerate(pairs):
            # Where load() writes, its send() may be told instead.
            assert is_reset(b) and (is_reset(a) or n % 10 == 0)
        took = time.monotonic() - begun
        stop.set()
        busy()
        assert took < figure(2000) / 1000, took
        assert r.node.process.wait(10) == 0
        lines = r.node.log().count("end=KD")
        assert lines == count, lines
        for sock in (s for pair in pairs for s in pair):
            sock.close()
        r.clean = lambda: None # type: ignore[method-assign]
