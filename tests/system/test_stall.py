"""Goal: who stands still is no holder for long, and who is stopped and goes on
does no harm: each process watches the others by what their threads count."""

import contextlib
import ctypes
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, Iterator

from stage import SLOW, VIP, Stage, alive, figure, limit, together, wait_for

TIMED = True  # it judges milliseconds or processor time

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
PTRACE_SYSCALL, PTRACE_SETOPTIONS, PTRACE_GET_SYSCALL_INFO = 24, 0x4200, 0x420E
TRACESYSGOOD, ENTRY = 1, 1
SENDTO = {"x86_64": 44, "aarch64": 206}[os.uname().machine]
WALL = 0x40000000


@contextlib.contextmanager
def holders(stage: Stage) -> Iterator[set[tuple[str, ...]]]:
    """Who holds the addresses meanwhile, looked at as often as can be."""
    seen: set[tuple[str, ...]] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for family in (4, 6):
                seen.add(tuple(stage.lab.holders(VIP[family])))
            time.sleep(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def transitions(stage: Stage, host: str) -> int:
    return int(stage[host].status()["groups"][0]["transitions"])


def stopped_failover(**pair: Any) -> None:
    with Stage(pair=pair) as stage:
        stage.serve()
        stage.start()
        before = stage["p1"].failover()
        moves = transitions(stage, "p2")
        running = stage.probes(3.5 * SLOW)
        time.sleep(0.5)
        with holders(stage) as seen:
            os.kill(before, signal.SIGSTOP)
            began = time.monotonic()
            wait_for(lambda: stage["p1"].roles().get("failover", before) != before, 3 * SLOW)
            # Before its peer gives it up, after hang_timeout.
            assert time.monotonic() - began <= figure(1000) / 1000
            time.sleep(max(0, 2.5 - (time.monotonic() - began)))
        result = running.result()
        assert not alive(before)
        # Nobody ever left: what a busy machine delays is not refused or reset.
        assert result["refused"] == result["reset"] == 0, result
        assert result["gap_ms"] <= figure(300), result
        stage.wait_master("p1")
        assert transitions(stage, "p2") == moves, "the peer took over"
        assert seen == {("p1",)}
        log = stage["p1"].log()
        assert re.search(r"failover: \[process\] process \d+ stands still for \d+ ms, killing it", log)
        assert "failover process restarted" in log


@limit(60)
def test_stopped_failover() -> None:
    """SIGSTOP of the master's failover: it is replaced by one that knows
    what it was; one holder throughout, nobody notices, nothing flaps."""
    stopped_failover()


@limit(60)
def test_stopped_failover_at_the_fastest() -> None:
    """The same, where the peer doubts it after 10 ms."""
    if SLOW == 1:  # a slow build stands still for that long by itself
        stopped_failover(interval="5ms", misses=2)


def test_stopped_failover_of_the_backup() -> None:
    """The same on the other side: the master does not care."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        before = stage["p2"].failover()
        with holders(stage) as seen:
            os.kill(before, signal.SIGSTOP)
            wait_for(lambda: stage["p2"].roles().get("failover", before) != before, 3 * SLOW)
            stage.wait_master("p1")
        assert seen == {("p1",)}


@limit(60)
def test_stopped_relay() -> None:
    """SIGSTOP of all threads of the master's relay: the peer serves after 1 s,
    after 5 s it is killed, and the node is well again."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        before = stage["p1"].relay()
        running = stage.probes(2, timeout=2000, interval=20)  # over before the 5 s are
        time.sleep(0.5)
        os.kill(before, signal.SIGSTOP)
        began = time.monotonic()
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW)
        took = time.monotonic() - began
        assert 0.9 <= took <= 1 + figure(500) / 1000, took
        assert running.result()["gap_ms"] <= 1000 + figure(500)
        assert re.search(r"relay (main thread|worker \d) stands still", stage["p1"].log())
        wait_for(lambda: stage["p1"].roles().get("relay", before) != before, 5 + 3 * SLOW)
        took = time.monotonic() - began
        assert 4.9 <= took <= 5 + figure(1500) / 1000, took
        assert not alive(before)
        stage.wait_serving("p1")
        stage.wait_master("p2")


@limit(60)
def test_relay_that_goes_on() -> None:
    """Stopped for 2.5 s and then continued: it leaves, and stays as backup, the
    very process that it was."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        relay = stage["p1"].relay()
        os.kill(relay, signal.SIGSTOP)
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW)
        time.sleep(1)
        os.kill(relay, signal.SIGCONT)
        stage.wait_master("p2")
        assert stage["p1"].relay() == relay
        assert stage["p1"].state() == "backup"


def stop_thread(tid: int) -> None:
    """This thread alone, until go_on(): the others run on."""
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        assert libc.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(tid, WALL)


def stop_in_sendto(tid: int) -> None:
    """The same, as soon as it has something to send and has not sent it."""
    stop_thread(tid)
    info = ctypes.create_string_buffer(88)
    libc.ptrace(PTRACE_SETOPTIONS, tid, None, TRACESYSGOOD)
    while True:
        libc.ptrace(PTRACE_SYSCALL, tid, None, None)
        os.waitpid(tid, WALL)
        libc.ptrace(PTRACE_GET_SYSCALL_INFO, tid, ctypes.c_size_t(len(info)), info)
        if info.raw[0] == ENTRY and int.from_bytes(info.raw[24:32], "little") == SENDTO:
            return


def go_on(tid: int) -> None:
    assert libc.ptrace(PTRACE_DETACH, tid, None, None) == 0, os.strerror(ctypes.get_errno())


def thread(pid: int, name: str) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


def one_thread(name: str, told: str) -> None:
    with Stage(threads=2) as stage:
        stage.serve()
        stage.start()
        tid = thread(stage["p1"].relay(), name)
        stop_thread(tid)
        try:
            wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW)
            wait_for(lambda: told in stage["p1"].log(), 5)
        finally:
            go_on(tid)
        stage.wait_master("p2")


def test_one_worker_of_two() -> None:
    """The other one and the main thread turn, and half of the clients hang."""
    one_thread("relay-w1", "relay worker 1 stands still")


def test_main_thread_of_the_relay() -> None:
    """No checks and no status any more, though connections are served."""
    one_thread("hapair-relay", "relay main thread stands still")


def test_watchdog_of_the_service_manager() -> None:
    """It is told that the supervisor turns, twice in the time that it allows;
    and nothing when it does not ask."""
    with Stage(single=True) as stage, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        stage.serve()
        path = f"{stage.lab.dir}/notify"
        sock.bind(path)
        sock.settimeout(5 * SLOW)
        asked = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(200000 * SLOW)}
        os.environ.update(asked)
        try:
            stage["p1"].start()
        finally:
            for name in asked:
                del os.environ[name]
        heard = b""
        while b"READY=1" not in heard:
            heard = sock.recv(1000)
        began = time.monotonic()
        for _ in range(10):
            assert sock.recv(1000) == b"WATCHDOG=1"
        assert figure(800) <= (time.monotonic() - began) * 1000 <= figure(1300)
        stage["p1"].stop()
        os.environ["NOTIFY_SOCKET"] = path
        try:
            stage["p1"].start()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        # What the first one said last comes first.
        while sock.recv(1000) != b"STOPPING=1":
            pass
        assert b"READY=1" in sock.recv(1000)
        stage.wait_serving("p1")
        sock.setblocking(False)
        time.sleep(0.5)
        with contextlib.suppress(BlockingIOError):
            while True:
                assert b"WATCHDOG" not in sock.recv(1000)


@limit(60)
def test_stopped_while_it_sends() -> None:
    """A host that is paused just when a heartbeat was about to go out: that one
    goes out late, and still the node knows that it was away, and drops first."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        others = [stage["p1"].pid, stage["p1"].relay()]
        failover = stage["p1"].failover()
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        stop_in_sendto(failover)
        try:
            wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 10 * SLOW)
        finally:
            go_on(failover)
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        stage.wait_master("p2")
        assert stage["p1"].tells("master -> init, reason: own process stood still")


@together
def test_all_stopped_and_continued() -> None:
    """All processes of a node for 3 s (a paused host): nobody blames another."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        before: dict[str, Any] = stage["p2"].roles()
        pids = stage["p2"].everyone()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        assert stage["p2"].roles() == before
        assert "stands still" not in stage["p2"].log()
        stage.wait_master("p1")
