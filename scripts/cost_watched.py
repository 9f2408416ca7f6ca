"""What an operator's questions cost those who exchange something meanwhile: the
subject `watched` of scripts/cost."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

SECONDS = 10  # of a round; six of them are the minute
LIST_EVERY, KILL_EVERY, WATCH_EVERY = 5, 1, 1
SLICE = 0.0005  # of a stranger's work

# Burns processor time as it is told: [when, how much, within how long], in seconds.
STRANGER = """
import json, sys, time
begun = time.monotonic()
for at, cpu, wall in json.loads(sys.argv[1]):
    time.sleep(max(0, begun + at - time.monotonic()))
    pieces = max(1, round(cpu / float(sys.argv[2])))
    for i in range(pieces):
        until = time.thread_time() + cpu / pieces
        while time.thread_time() < until:
            pass
        time.sleep(max(0, begun + at + (i + 1) * wall / pieces - time.monotonic()))
"""


def thread_times(pid: int) -> dict[str, int]:
    """Processor time of a relay in ns: of its workers, and of its other threads."""
    found = {"workers": 0, "others": 0}
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            there = Path(f"/proc/{pid}/task/{task}")
            name = (there / "comm").read_text()
            ns = int((there / "schedstat").read_text().split()[0])
            found["workers" if name.startswith("relay-w") else "others"] += ns
    return found


class Spent:
    """What commands of one kind have cost."""

    def __init__(self) -> None:
        self.n, self.cpu, self.wall = 0, 0.0, 0.0

    def add(self, cpu: float, wall: float) -> None:
        self.n, self.cpu, self.wall = self.n + 1, self.cpu + cpu, self.wall + wall

    def mean(self) -> tuple[float, float]:
        return self.cpu / max(1, self.n), self.wall / max(1, self.n)


def wait(process: subprocess.Popen[Any]) -> float:
    """Its end, and the processor time that it has had."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return float(used.ru_utime + used.ru_stime)


class Operator:
    """Lists, kills and watches, at a pace or without a rest."""

    def __init__(self, binary: str, control: str, ids: list[str]) -> None:
        self.binary, self.control, self.ids = binary, control, ids
        self.spent = {"connections": Spent(), "kill": Spent(), "status": Spent()}

    def start(self, *words: str, nice: int = 0) -> subprocess.Popen[Any]:
        argv = ["nice", "-n", str(nice)] if nice else []
        argv += [self.binary, *words, "-s", self.control]
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL)

    def run(self, *words: str, nice: int = 0) -> None:
        begun = time.monotonic()
        process = self.start(*words, nice=nice)
        self.spent[words[0]].add(wait(process), time.monotonic() - begun)
        assert process.returncode == 0, words

    def paced(self, over: threading.Event) -> None:
        begun = time.monotonic()
        for second in range(SECONDS + 5):
            if second % LIST_EVERY == 0:
                self.run("connections")
            if second % KILL_EVERY == 0:
                self.run("kill", self.ids.pop())
            if over.wait(max(0, begun + second + 1 - time.monotonic())):
                return

    def hurried(self, over: threading.Event) -> None:
        while not over.is_set():
            self.run("connections", nice=19)
            self.run("kill", self.ids.pop(), nice=19)

    @contextlib.contextmanager
    def at_work(self, hurried: bool) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self.hurried if hurried else self.paced, args=(over,))
        every = WATCH_EVERY / 2 if hurried else WATCH_EVERY
        begun = time.monotonic()
        watcher = self.start("status", "--watch", str(every), nice=19 if hurried else 0)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            watcher.terminate()
            redraws = (time.monotonic() - begun) / every
            used = wait(watcher)
            for _ in range(round(redraws)):
                self.spent["status"].add(used / redraws, used / redraws)

    def text(self) -> str:
        told = []
        for name, spent in self.spent.items():
            cpu, wall = (1e3 * s for s in spent.mean())
            told.append(f"{spent.n} {name} of {cpu:.0f} ms" + (f" in {wall:.0f}" if wall > cpu else ""))
        return ", ".join(told)

    def plan(self, relay: float) -> list[tuple[float, float, float]]:
        """The same for who has nothing to do with us; with what the relay did for it
        beside the workers, a round."""
        lists = [second for second in range(SECONDS) if second % LIST_EVERY == 0]
        cpu, wall = self.spent["connections"].mean()
        work = [(float(at), cpu + relay / len(lists), wall) for at in lists]
        for name, every in (("kill", KILL_EVERY), ("status", WATCH_EVERY)):
            cpu, wall = self.spent[name].mean()
            work += [(at + 0.5, cpu, wall) for at in range(0, SECONDS, every)]
        return sorted(work)


@contextlib.contextmanager
def stranger(plan: list[tuple[float, float, float]]) -> Iterator[None]:
    argv = [sys.executable, "-c", STRANGER, json.dumps(plan), str(SLICE)]
    with subprocess.Popen(argv) as process:
        try:
            yield
        finally:
            process.terminate()


def kill_behind(ask: Callable[[str, str], bytes], control: str, one: str) -> float:
    """Seconds that a kill takes, where somebody has asked for a list and does not read."""
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(control)
        deaf.sendall(b"connections\n")
        time.sleep(0.5)
        begun = time.monotonic()
        answer = ask(control, f"kill {one}")
        assert b"is closed" in answer, answer
        return time.monotonic() - begun


class Rounds:
    """Of one kind, and what the relay did meanwhile."""

    def __init__(self) -> None:
        self.p50: list[float] = []
        self.p99: list[float] = []
        self.used = {"workers": 0.0, "others": 0.0}  # seconds

    def ms_a_second(self, name: str) -> float:
        return self.used[name] * 1e3 / (len(self.p99) * SECONDS)

    def text(self, calm: Rounds) -> str:
        p99 = statistics.median(self.p99)
        more = f" (x {p99 / statistics.median(calm.p99):.2f})" if self is not calm else ""
        return (
            f"p50 {statistics.median(self.p50):.0f} us, p99 {p99:.0f} us{more}; of the processors "
            f"{self.ms_a_second('workers'):.1f} ms a second for workers, "
            f"{self.ms_a_second('others'):.1f} for other threads of the relay"
        )


class Watched:
    def __init__(self, pid: int, load: Callable[[int], dict[str, Any]]) -> None:
        self.pid, self.load = pid, load

    def one(self, rounds: Rounds) -> None:
        before = thread_times(self.pid)
        found = self.load(SECONDS)
        after = thread_times(self.pid)
        rounds.p50.append(float(found["p50_us"]))
        rounds.p99.append(float(found["p99_us"]))
        for name, ns in after.items():
            rounds.used[name] += (ns - before[name]) / 1e9

    def all(self, paced: Operator, hurried: Operator, n: int) -> str:
        calm, operator, other, hurry = (Rounds() for _ in range(4))

        def watched() -> None:
            with paced.at_work(hurried=False):
                self.one(operator)

        def beside_a_stranger() -> None:
            relay = max(0, operator.used["others"] - calm.used["others"]) / len(operator.p99)
            with stranger(paced.plan(relay)):
                self.one(other)

        def pressed() -> None:
            with hurried.at_work(hurried=True):
                self.one(hurry)

        kinds = [lambda: self.one(calm), watched, beside_a_stranger, pressed]
        self.one(Rounds())  # nothing is cold from here on
        # There and back: what changes by and by is in all of them alike.
        for i in range(n):
            for kind in kinds if i % 2 == 0 else reversed(kinds):
                kind()
        lines = [
            ("without", calm.text(calm)),
            (f"an operator, {paced.text()}", operator.text(calm)),
            ("a stranger who takes as much", other.text(calm)),
            (f"without a rest, {hurried.text()}", hurry.text(calm)),
        ]
        return "".join(f"\n    {name}: {text}" for name, text in lines)
