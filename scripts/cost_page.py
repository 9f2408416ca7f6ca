#!/usr/bin/python3
"""What the page and /metrics cost those who are served: two subjects of scripts/cost.

    scrape    ms of the page's thread for one scrape of /metrics: of a machine that does
              nothing else, and of one whose workers relay all the time; in parentheses
              of the main thread, and of the workers where they have nothing to do
    hostile   us until 99 of 100 small exchanges are over: without, beside so many slow
              and hostile clients of another program on the same network, which is the
              control, and beside the same clients at the page; the medians of so many
              runs each, in turns. And ms a second of the page's thread meanwhile, and
              heartbeats that the peer has missed

Run as a program of its own it is these clients:  cost_page.py ADDRESS PORT CLIENTS
"""

from __future__ import annotations

import contextlib
import errno
import random
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator

WEB = 8404
SCRAPES = 9
ROUNDS = 7
SECONDS = 5
NETWORK = "10.77.0.0/24"  # of all hosts (scripts/lab.py)
ADDRESSES = 20  # that they come from: some have all the places that one may have


# -- the clients ---------------------------------------------------------------------

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n"
TICK_S = 0.02


class Client:
    """One that connects anew when it is turned away, in one of five ways:

    slow      a byte of its request each half second
    deaf      asks for all there is, and reads nothing
    knocking  connects and goes, as fast as it is let
    rude      sends what is no HTTP, and much of it
    busy      asks again and again over one connection, without waiting
    """

    KINDS = ("slow", "deaf", "knocking", "rude", "busy")

    def __init__(self, number: int, to: tuple[str, int], source: str | None) -> None:
        self.kind = self.KINDS[number % len(self.KINDS)]
        self.to, self.source = to, source
        self.sock: socket.socket | None = None
        self.at = random.random()  # not all at the same time
        self.sent = 0

    def close(self) -> None:
        if self.sock:
            self.sock.close()
        self.sock = None

    def connect(self) -> None:
        sock = self.sock = socket.socket()
        sock.setblocking(False)
        if self.kind == "deaf":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        if self.source:
            sock.bind((self.source, 0))
        if sock.connect_ex(self.to) not in (0, errno.EINPROGRESS):
            self.close()
        self.sent = 0

    def say(self) -> bytes:
        if self.kind == "slow":
            text = GET % b"/metrics" + b"X-Slow: " + b"x" * 4096
            return text[self.sent : self.sent + 1]
        if self.kind == "rude":
            return random.randbytes(1024)
        if self.kind == "busy":
            return (GET % random.choice((b"/page.json", b"/health", b"/")) + b"\r\n") * 4
        return b"" if self.sent else GET % b"/history.json" + b"\r\n"

    def turn(self, now: float) -> None:
        if now < self.at:
            return
        self.at = now + (0.5 if self.kind in ("slow", "deaf") else TICK_S)
        try:
            if self.sock is None:
                self.connect()
                return
            if self.kind in ("busy", "slow", "rude"):
                with contextlib.suppress(BlockingIOError):
                    if not self.sock.recv(1 << 18):
                        raise ConnectionResetError
            if self.kind == "knocking":
                self.close()
                return
            self.sent += self.sock.send(self.say())
        except BlockingIOError:
            pass
        except OSError:
            self.close()


def be_hostile(to: tuple[str, int], n: int, sources: list[str]) -> None:
    clients = [Client(i, to, sources[i // len(Client.KINDS) % len(sources)]) for i in range(n)]
    while True:
        begun = time.monotonic()
        for one in clients:
            one.turn(begun)
        time.sleep(max(0.0, begun + TICK_S - time.monotonic()))


# -- the subjects --------------------------------------------------------------------


def threads(pid: int) -> dict[str, list[int]]:
    """Of a process, by name."""
    found: dict[str, list[int]] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found.setdefault((task / "comm").read_text().strip(), []).append(int(task.name))
    return found


def read_answer(sock: socket.socket) -> bytes:
    """One, over a connection that stays."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1 << 20)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    parts, got = [body], len(body)
    while got < length:
        part = sock.recv(1 << 20)
        assert part, "the answer ends too early"
        parts.append(part)
        got += len(part)
    return b"".join(parts)


class Cost:
    """The subjects, with what scripts/cost has for all of its own."""

    def __init__(self, cost: Any) -> None:
        self.cost, self.labs = cost, cost.labs

    def scrape(self, lib: Any, n: int) -> str:
        web = {"listen": [f"{self.labs.address('p1')}:{WEB}"], "allow": NETWORK}
        told = []
        with self.cost.Run(lib, self.cost.services(n, **self.cost.UNCHECKED), web=web) as run:
            for load in (False, True):
                told.append(self.scrapes(run, n, load))
        return f"{told[0]} quiet; {told[1]} busy"

    def scrapes(self, run: Any, n: int, load: bool) -> str:
        lab = run.stage.lab
        names = threads(run.pid)
        page = names["relay-web"][0]
        workers = [tid for name, tids in names.items() if re.fullmatch(r"relay-w\d+", name) for tid in tids]
        took: dict[str, list[float]] = {"page": [], "main": [], "workers": []}
        crowd = None

        def used() -> tuple[int, ...]:
            each = [self.cost.cpu_ns(run.pid, tid) for tid in (page, run.pid, *workers)]
            return (each[0], each[1], sum(each[2:]))

        if load:
            words = ("rr", "-c", "32", "-d", str(SCRAPES * 2), self.labs.address("p1"), str(self.cost.PORT))
            crowd = lab.spawn("c", [f"{run.lib.TOOLS}/bench_client", *words], stdout=subprocess.DEVNULL)
        sock = lab.connect("c", self.labs.address("p1"), WEB, 20)
        for _ in range(SCRAPES):
            time.sleep(1.1)  # the next one is of another snapshot
            before = used()
            sock.sendall(GET % b"/metrics" + b"\r\n")
            body = read_answer(sock)
            assert body.count(b"hapair_server_info{") == n, "not all servers are told of"
            for key, a, b in zip(took, before, used()):
                took[key].append((b - a) / 1e6)
        sock.close()
        if crowd:
            crowd.terminate()
            crowd.wait()
        median = {key: statistics.median(values) for key, values in took.items()}
        idle = "" if load else f", {median['workers']:.2f}"
        return f"{median['page']:.1f} ms, at most {max(took['page']):.1f} ({median['main']:.2f}{idle})"

    @contextlib.contextmanager
    def crowd(self, lab: Any, to: str, n: int) -> Iterator[None]:
        """Such clients: as nice as can be, for what they take themselves is not what
        is measured."""
        argv = ["nice", "-n", "19", sys.executable, "-B", __file__, to, str(WEB), str(n)]
        process = lab.spawn("c", argv)
        time.sleep(1)
        try:
            assert process.poll() is None, "the hostile clients have ended"
            yield
        finally:
            process.kill()
            process.wait()

    def hostile(self, lib: Any, n: int) -> str:
        cost, labs = self.cost, self.labs
        one = {"name": "many", "listen": [f"{labs.VIP[4]}:{cost.PORT}"],
               "servers": [f"{labs.address('s1')}:{cost.ECHO}"], **cost.UNCHECKED}
        web = {"listen": [f"{labs.address(h)}:{WEB}" for h in labs.PROXIES],
               "allow": [f"{cost.CLIENTS}.0.0/16", NETWORK]}
        with lib.Stage(services=[one], web=web, log={"level": "warning", "connections": False}) as stage:
            lab = stage.lab
            words = f"{cost.CLIENTS}.0.0/16 via {labs.address('c')}"
            for host, route in (("c", f"local {cost.CLIENTS}.0.0/16 dev lo"), ("p1", words), ("s2", words)):
                assert lab.run(host, "ip", "route", "add", *route.split()).returncode == 0
            lab.spawn("s1", [f"{lib.TOOLS}/bench_server", str(cost.ECHO)])
            # As nice as the page's thread is.
            lab.spawn("s2", ["nice", "-n", "10", f"{lib.TOOLS}/bench_server", str(WEB)])
            stage.start()
            arms: dict[str, Callable[[], Any]] = {
                "none": contextlib.nullcontext,
                "elsewhere": lambda: self.crowd(lab, labs.address("s2"), n),
                "page": lambda: self.crowd(lab, labs.address("p1"), n),
            }
            return self.tell({arm: [] for arm in arms}, arms, lib, stage)

    def tell(self, took: Any, arms: Any, lib: Any, stage: Any) -> str:
        labs = self.labs
        pid = stage["p1"].relay()
        page = threads(pid)["relay-web"][0]
        argv = [f"{lib.TOOLS}/bench_client", "rr", "-c", "16", "-r", "2000", "-d", str(SECONDS),
                labs.VIP[4], str(self.cost.PORT)]
        used, missed = {arm: 0.0 for arm in arms}, {arm: 0 for arm in arms}
        for number in range(ROUNDS):
            # Each arm comes first, second and last as often as the others.
            order = list(arms)[number % 3 :] + list(arms)[: number % 3]
            for arm in order:
                with arms[arm]():
                    before, lost = self.cost.cpu_ns(pid, page), self.lost(stage)
                    client = stage.lab.spawn("c", argv, stdout=subprocess.PIPE, text=True)
                    took[arm].append(float(self.cost.json.loads(client.communicate(timeout=60)[0])["p99_us"]))
                    used[arm] += (self.cost.cpu_ns(pid, page) - before) / 1e6 / ROUNDS / SECONDS
                    missed[arm] += self.lost(stage) - lost
        assert stage.agreed_master() == "p1", "the group has moved"
        p99 = {arm: statistics.median(values) for arm, values in took.items()}
        return (f"p99 {p99['none']:.0f} us without, {p99['elsewhere']:.0f} beside them elsewhere, "
                f"{p99['page']:.0f} at the page (x {p99['page'] / p99['elsewhere']:.3f}, to without "
                f"x {p99['page'] / p99['none']:.3f}); the page's thread {used['page']:.0f} ms a second; "
                f"heartbeats missed {missed['none']}, {missed['elsewhere']}, {missed['page']}")

    def lost(self, stage: Any) -> int:
        return sum(link["lost"] for link in stage["p2"].status()["peers"][0]["links"])


def subjects(cost: Any) -> dict[str, tuple[str, Callable[..., str]]]:
    """For scripts/cost, which is given: by name, of which sizes, and what measures."""
    own = Cost(cost)
    return {"scrape": ("sizes", own.scrape), "hostile": ("hostile", own.hostile)}


if __name__ == "__main__":
    address, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    be_hostile((address, port), n, [f"10.79.0.{i + 1}" for i in range(ADDRESSES)])
