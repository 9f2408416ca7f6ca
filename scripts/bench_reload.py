"""What a reload costs connections: hapair beside haproxy and nginx, for `bench`.

Each relay holds the same connections of tests/tools/mixed_load, gets a new one each
millisecond, and is reloaded again and again; between two reloads some more come and
stay. What is told: the slowest ping in the time of a reload, beside the slowest in as
long a time without one; who was refused or cut off; the processes that linger, with
their memory; and what is lost when those are killed, as at a stop of their host.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple

import lab as labs
from figures import aligned, number
from lab import Lab
from lab_load import PLAIN, MixedLoad, mixture

COUNTS = (100, 5000)  # connections that are held
RELOADS = 5
LATER = 4  # connections that come between two of them, and stay
WINDOW = 0.7  # seconds, for a reload and for the time without one
FRONT, BACK = 9100, 9200

HAPAIR = """\
services:
  - name: mixed
    listen: {relay}:{front}
    timeouts: {{idle: 1h, half_closed: 1h}}
    retries: {turn}
    servers: ["{server}:{back}"]
threads: 1
control: {run_dir}/reload.sock
pid_file: {run_dir}/reload.pid
"""

# Listening sockets are handed over, as Debian's configuration has it.
HAPROXY = """\
global
  nbthread 1
  maxconn {connections}
  stats socket {dir}/reload.stats expose-fd listeners
defaults
  mode tcp
  retries {turn}
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen mixed
  bind {relay}:{front}
  server s {server}:{back}
"""

NGINX = """\
load_module {module};
daemon off;
worker_processes 1;
pid {dir}/reload.pid;
error_log {dir}/reload.log;
events {{ worker_connections {descriptors}; }}
stream {{
  proxy_timeout 1h;
  proxy_half_close on;
  proxy_next_upstream_tries {turn};
  server {{ listen {relay}:{front} backlog=65535; proxy_pass {server}:{back}; }}
}}
"""


class Way(NamedTuple):
    """How a relay is run, and made to read its file anew."""

    config: str
    argv: tuple[str, ...]
    sig: int  # to its first process


def ways(binary: str) -> dict[str, Way]:
    return {
        "haproxy": Way(HAPROXY, ("haproxy", "-W", "-db", "-f", "{config}"), signal.SIGUSR2),
        "nginx": Way(NGINX, ("nginx", "-c", "{config}"), signal.SIGHUP),
        "hapair": Way(HAPAIR, (binary, "run", "-c", "{config}"), signal.SIGHUP),
    }


class Setting(NamedTuple):
    """Where it happens: the lab of `bench`, and its addresses and processors."""

    lab: Lab
    tools: str
    relay: str
    server: str
    module: str
    load_cpu: str
    relay_cpu: str
    below: Callable[[int], list[int]]  # a process and all that descend from it
    rss: Callable[[list[int]], int]


class Run:
    """One relay under one load."""

    def __init__(self, where: Setting, way: Way, count: int) -> None:
        self.where, self.way, self.count = where, way, count
        self.path = f"{where.lab.dir}/reload.conf"
        self.turn = 0
        self.write()
        argv = [a.format(config=self.path) for a in way.argv]
        self.process = where.lab.spawn(
            "p1", ["taskset", "-c", where.relay_cpu, *argv],
            log=f"{where.lab.dir}/reload.out", env=where.lab.kept_at("reload"),
        )
        labs.wait_for(self.answers, 10, 0.1)
        self.load = MixedLoad(
            where.lab, where.tools, mixture(count, PLAIN), [where.relay], FRONT,
            "-p", "20", "-b", "2000" if count > 1000 else "500",
            server_port=BACK, prefix=("taskset", "-c", where.load_cpu),
        )
        self.later: list[Any] = []

    def write(self) -> None:
        """The next file: it differs from the last one."""
        self.turn = self.turn % 9 + 1
        connections = self.count + 2000
        text = self.way.config.format(
            relay=self.where.relay, server=self.where.server, front=FRONT, back=BACK,
            turn=self.turn, connections=connections, descriptors=2 * connections,
            dir=self.where.lab.dir, run_dir=self.where.lab.run_dir, module=self.where.module,
        )
        Path(self.path).write_text(text)

    def answers(self) -> bool:
        try:
            self.where.lab.connect("c", self.where.relay, FRONT, 1).close()
            return True
        except OSError:
            return False

    def measure(self) -> dict[str, Any]:
        load, process = self.load, self.process
        if not load.ask("hold")["done"]:
            raise SystemExit(f"bench: reload: not all are there: {load.complaints()}")
        load.ask("go")
        time.sleep(0.3)
        before = set(self.where.below(process.pid))
        out: dict[str, Any] = {"reload_ms": [], "calm_ms": [], "fresh_ms": []}
        for _ in range(RELOADS):
            for key in ("calm_ms", "reload_ms"):
                load.ask("mark")
                if key == "reload_ms":
                    self.write()
                    process.send_signal(self.way.sig)
                time.sleep(WINDOW)
                mark = load.ask("mark")
                out[key].append(mark["max_us"] / 1000)
            out["fresh_ms"].append(mark["fresh_max_us"] / 1000)
            for _ in range(LATER):
                self.later.append(self.where.lab.connect("c", self.where.relay, FRONT, 5))
        rest = load.ask("rest")
        time.sleep(0.3)
        out.update(self.lingering(before))
        end = load.ask("mark")
        kept = [sock for sock in self.later if is_open(sock)]
        out.update(
            lost=rest["lost"], lost_kinds=rest["lost_kinds"], refused=rest["refused"],
            corrupt=end["corrupt"], held=load.held + len(self.later),
            lost_by_kill=end["lost"] - rest["lost"] + len(self.later) - len(kept),
        )
        return out

    def lingering(self, before: set[int]) -> dict[str, Any]:
        """Who is beyond what runs without a reload; they are killed then. The eldest
        that carry on are nobody's leftovers: so many as there were are the newest."""
        now = sorted(self.where.below(self.process.pid), key=started_at)
        newest = {self.process.pid, *now[len(now) - len(before) + 1:]}
        old = [pid for pid in now if pid not in newest]
        found = {"old": len(old), "old_bytes": self.where.rss(old)}
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        time.sleep(2)  # for all ends to be seen
        return found

    def close(self) -> None:
        for sock in self.later:
            sock.close()
        self.load.close()
        pids = self.where.below(self.process.pid)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def started_at(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return 0


def is_open(sock: Any) -> bool:
    """Nobody has ended it: there is nothing to be read, not even an end."""
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


# -- what came out ---------------------------------------------------------------


def measure(
    where: Setting, binary: str, names: list[str], turns: int, tell: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """{"hapair 100": a run a turn, ...}"""
    found: dict[str, list[dict[str, Any]]] = {}
    known = ways(binary)
    for turn in range(turns):
        for count in COUNTS:
            for name in [n for n in names if n in known]:
                tell(f"turn {turn + 1} of {turns}: reload, {name}, {count}")
                run = Run(where, known[name], count)
                try:
                    found.setdefault(f"{name} {count}", []).append(run.measure())
                finally:
                    run.close()
    return found


def every(runs: list[dict[str, Any]], key: str) -> list[float]:
    return [ms for run in runs for ms in run[key]]


def table(found: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    yield f"reload: {RELOADS} reloads, connections of every kind, one more each millisecond"
    rows = [["", "pause ms", "max", "without", "max", "new ms", "refused", "lost", "old", "MB",
             "lost by kill"]]
    for name, runs in found.items():
        pauses, calm = every(runs, "reload_ms"), every(runs, "calm_ms")
        middle = {
            key: statistics.median(run[key] for run in runs)
            for key in ("old", "old_bytes", "lost_by_kill", "held")
        }
        rows.append([
            name, number(statistics.median(pauses)), number(max(pauses)),
            number(statistics.median(calm)), number(max(calm)),
            number(statistics.median(every(runs, "fresh_ms"))),
            *(f"{sum(run[key] for run in runs)}" for key in ("refused", "lost")),
            f"{middle['old']:.0f}", f"{middle['old_bytes'] / 1e6:.1f}",
            f"{middle['lost_by_kill']:.0f} of {middle['held']:.0f}",
        ])
    yield from aligned(rows)
    yield "  pause: the slowest ping in the time of a reload, the median of all reloads; without:"
    yield "  in as long a time without one; new: the slowest short connection; old: processes"
    yield "  that linger, and what is lost when they are killed"
    yield ""
