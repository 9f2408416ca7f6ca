"""What the system tests share: two nodes of hapair in a lab, and their servers.

A test is a function test_*() in a test_*.py, run by `run` in a process of its
own with a fresh lab. Figures (milliseconds allowed) go through figure(), so
that slow builds are judged by the same rules at another pace.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import lab as labs  # noqa: E402  (found by the line above)
from lab import Lab, address, endpoint, wait_for  # noqa: E402,F401

BINARY = os.environ.get("HAPAIR", str(ROOT / "build/hapair"))
TOOLS = os.environ.get("HAPAIR_TOOLS", str(ROOT / "build/tests/tools"))
SLOW = 5 if os.environ.get("HAPAIR_SLOW") else 1

NODES = {"p1": "proxy1", "p2": "proxy2"}
VIP = labs.VIP
PORT = 80  # of the service, and of its servers
CHECK_PORT = 81  # where a scripted server lets itself be checked

SANITIZER = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer"
)


class LeftOut(Exception):
    """What a test needs is not here, and cannot be had: why."""


def interval_ms() -> int:
    """The heartbeat's, slower where the machine has more to do than one test:
    processes were seen to stand still for 94 and 153 ms there, and 60 ms is what
    a master survives by default. Renewing an address was seen to take 20 ms."""
    together = 3 if os.environ.get("HAPAIR_TOGETHER") else 1
    return 20 * max(SLOW, together)


def figure(ms: float) -> float:
    """Milliseconds allowed, more where the build is slow."""
    return ms * SLOW


def families(test: Callable[..., None]) -> Callable[..., None]:
    """Runs the test once with family=4 and once with family=6."""
    setattr(test, "families", (4, 6))
    return test


def together(test: Callable[..., None]) -> Any:
    """Of a module that is TIMED, this one waits more than it judges."""
    setattr(test, "timed", False)
    return test


def alone(test: Callable[..., None]) -> Any:
    """Of a module that is TIMED, this one judges too closely for a neighbour."""
    setattr(test, "alone", True)
    return test


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Before all that is not real-time, however busy the machine: for what has
    but milliseconds to happen in. What it starts is not."""
    first = os.sched_param(1)
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, first)
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def limit(seconds: float) -> Callable[[Callable[..., None]], Any]:
    """The test's time, where the usual does not do."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        setattr(test, "limit", seconds)
        return test

    return mark


def server(name: str, family: int = 4, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "address": endpoint(address(name, family), PORT),
        **more,
    }


def service(listen: list[str], **more: Any) -> dict[str, Any]:
    return {
        "name": "web",
        "listen": listen,
        "check": {
            "interval": "100ms",
            "timeout": f"{100 * SLOW}ms",
            "rise": 1,
            "fall": 2,
        },
        # One server is reached by IPv6, whatever the clients use.
        "servers": [server("s1"), server("s2", 6), server("s3")],
        **more,
    }


class Node:
    """One hapair on one proxy host."""

    def __init__(self, lab: Lab, host: str, config: str) -> None:
        self.lab, self.host, self.config = lab, host, config
        self.name = NODES[host]
        self.log_path = f"{lab.dir}/{self.name}.log"
        self.state_dir = f"{lab.host_dir(host)}/state"
        self.process: subprocess.Popen[Any] | None = None
        self.binary = BINARY

    def start(self, *args: str, prefix: tuple[str, ...] = (), **more: Any) -> None:
        more.setdefault("log", self.log_path)
        argv = [*prefix, self.binary, "run", "-c", self.config, *args]
        env = environment(self.lab)
        env["STATE_DIRECTORY"] = self.state_dir
        self.process = self.lab.spawn(self.host, argv, env=env, **more)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def roles(self) -> dict[str, int]:
        """{"relay": pid, "failover": pid}, by the words they were started with"""
        found = {}
        for pid in children(self.pid):
            with contextlib.suppress(OSError):
                # None while it is between its fork and its exec.
                words = Path(f"/proc/{pid}/cmdline").read_text()
                if role := re.search(r"\0role\0(\w+)\0", words):
                    found[role[1]] = pid
        return found

    def relay(self) -> int:
        return int(wait_for(lambda: self.roles().get("relay")))

    def failover(self) -> int:
        return int(wait_for(lambda: self.roles().get("failover")))

    def everyone(self) -> list[int]:
        return [self.pid, *self.roles().values()]

    def kill_all(self) -> None:
        """kill -9 of supervisor and roles at once: stopped, none has the time to
        react to the death of another."""
        pids = self.everyone()
        for sig in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sig)

    def stop(self, timeout: float = 10) -> int:
        """SIGTERM and its end; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout * SLOW)

    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return Path(self.log_path).read_text(errors="replace")
        return ""

    def tells(self, text: str) -> bool:
        """Its log does, within a moment: the log's writer is a thread, and whoever
        was answered over a socket may be here before it."""
        with contextlib.suppress(AssertionError):
            wait_for(lambda: text in self.log(), SLOW)
        return text in self.log()

    def cli(self, command: str, *args: str) -> subprocess.CompletedProcess[str]:
        """A command that talks to this node."""
        sock = f"{self.lab.host_dir(self.host)}/control.sock"
        return hapair(command, *args, "-s", sock)

    def status(self) -> dict[str, Any]:
        """What `status --json` prints, {} where the daemon cannot be reached. Asked
        over the socket itself: tests ask again and again, and the program costs 14 ms
        of a processor each time, thrice that under a sanitizer."""
        deadline = time.monotonic() + SLOW
        text = b""
        # A relay that dies takes a question along that it was to answer.
        while not text and time.monotonic() < deadline:
            try:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(5)
                    sock.connect(f"{self.lab.host_dir(self.host)}/control.sock")
                    sock.sendall(b"status\n")
                    text = read_all(sock)
            except OSError:
                return {}
        # A relay that was late may have answered beside who answered for it.
        return dict(json.JSONDecoder().raw_decode(text.decode() or "{}")[0])

    def services(self) -> list[dict[str, Any]]:
        """As its relay tells. Where that is late status says what the file has."""
        return list(wait_for(
            lambda: [s for s in self.status().get("services", []) if "connections" in s], 5 * SLOW
        ))

    def state(self) -> str:
        """The group's state, or that the node is silent."""
        groups = self.status().get("groups") or [{"state": "silent"}]
        return str(groups[0]["state"])

    def server_states(self) -> dict[str, str]:
        services = self.status().get("services") or [{"servers": []}]
        return {s["name"]: s["state"] for s in services[0]["servers"]}


class Probe:
    """A running probe; result() waits for its end."""

    def __init__(self, process: subprocess.Popen[Any]) -> None:
        self.process = process

    def result(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=60)
        return dict(json.loads(out))


class Probes:
    """One of IPv4 and one of IPv6; the worse of the two is what counts."""

    def __init__(self, probes: list[Probe]) -> None:
        self.probes = probes

    def result(self) -> dict[str, Any]:
        v4, v6 = (p.result() for p in self.probes)
        worst: dict[str, Any] = {"v4": v4, "v6": v6}
        for key in ("probes", "ok", "late", "refused", "reset", "timeout", "other"):
            worst[key] = v4[key] + v6[key]
        worst["gap_ms"] = max(v4["gap_ms"], v6["gap_ms"])
        worst["latency_max_ms"] = max(v["latency_ms"]["max"] for v in (v4, v6))
        return worst


class Stage:
    """A lab with a configuration for both nodes. Use as a context manager."""

    def __init__(
        self,
        services: list[dict[str, Any]] | None = None,
        pair: dict[str, Any] | None = None,
        single: bool = False,
        **more: Any,
    ) -> None:
        self.lab = Lab()
        self.single = single
        self.services, self.pair, self.more = services, pair or {}, more
        self.nodes: dict[str, Node] = {}

    def __enter__(self) -> Stage:
        self.lab.__enter__()
        reports = Path(self.lab.dir, "sanitizer")
        reports.mkdir()
        reports.chmod(0o777)
        self.key_file = f"{self.lab.dir}/pair.key"
        write_key(self.key_file)
        self.config = f"{self.lab.dir}/hapair.yaml"
        self.configure(self.build())
        for host in ("p1",) if self.single else ("p1", "p2"):
            self.nodes[host] = Node(self.lab, host, self.config)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is not None:
                self.tell()
            else:
                self.check_sanitizers()
        finally:
            self.lab.close()

    def __getitem__(self, host: str) -> Node:
        return self.nodes[host]

    # -- configuration -----------------------------------------------------

    def front(self, family: int = 4) -> str:
        """Where clients connect to."""
        return address("p1", family) if self.single else VIP[family]

    def build(self) -> dict[str, Any]:
        listen = [endpoint(self.front(f), PORT) for f in (4, 6)]
        config: dict[str, Any] = {
            "services": self.services or [service(listen)],
            "control": f"{self.lab.run_dir}/control.sock",
            "log": {"level": "debug"},
        }
        for one in config["services"]:
            one.setdefault("listen", listen)
        if not self.single:
            config["pair"] = {
                "nodes": [
                    {"name": "proxy1", "address": "10.77.0.1", "priority": 150},
                    {"name": "proxy2", "address": "10.77.0.2", "priority": 100},
                ],
                "key_file": self.key_file,
                "interval": f"{interval_ms()}ms",
                # As many of them as by default: leases and patience follow.
                "hang_timeout": f"{50 * interval_ms()}ms",
                "groups": [
                    {
                        "name": "main",
                        "interface": "eth0",
                        "addresses": [f"{VIP[f]}/{labs.PREFIX[f]}" for f in (4, 6)],
                    }
                ],
                **self.pair,
            }
        config.update(self.more)
        return config

    def configure(self, config: dict[str, Any], path: str | None = None) -> None:
        """Writes the file. JSON is YAML, so no writer of our own is needed."""
        text = json.dumps(config, indent=2).replace("{run}", self.lab.run_dir)
        Path(path or self.config).write_text(text + "\n")

    # -- actors --------------------------------------------------------------

    def serve(self, mode: str = "banner", *names: str) -> dict[str, Any]:
        """The test server on s1 s2 s3, or on those named."""
        started = {}
        for name in names or labs.SERVERS:
            argument = [name] if mode == "banner" else []
            started[name] = self.lab.spawn(
                name, [f"{TOOLS}/echo", mode, str(PORT), *argument]
            )
        for name in started:
            wait_for(lambda: connects(self.lab, name, address(name), PORT))
        return started

    def start(self, *hosts: str, master: str = "p1", wait: bool = True) -> None:
        """Starts the nodes (all, or those named) and waits till they serve."""
        for host in hosts or tuple(self.nodes):
            self[host].start()
            if wait and not self.single and not hosts:
                # So that every run begins with the same master.
                wait_for(lambda: self[host].state() in ("master", "backup"), 10 * SLOW)
        if not wait:
            return
        for host in hosts or tuple(self.nodes):
            self.wait_serving(host)
        if not self.single and not hosts:
            self.wait_master(master)

    def wait_serving(self, host: str) -> None:
        def serving() -> bool:
            """the first checks of all servers are done"""
            states = self[host].server_states()
            return bool(states) and "unknown" not in states.values()

        wait_for(serving, 10 * SLOW)

    def agreed_master(self) -> str:
        """The one holder of both addresses, if all nodes say that it is; or ""."""
        has = {host: self.lab.addresses(host) for host in labs.PROXIES}
        holders, others = ([h for h in has if VIP[f] in has[h]] for f in (4, 6))
        if len(holders) != 1 or others != holders:
            return ""
        for name, node in self.nodes.items():
            if node.process is None or node.process.poll() is not None:
                continue
            if node.state() != ("master" if name == holders[0] else "backup"):
                return ""
        return str(holders[0])

    def wait_master(self, host: str, timeout: float = 5) -> None:
        """Both addresses are at this node alone, and all agree on it."""

        def agreed() -> bool:
            """one holder of both addresses, and both nodes say so"""
            return self.agreed_master() == host

        wait_for(agreed, timeout * SLOW)

    def wait_any_master(self, timeout: float = 5) -> str:
        """The same, whichever node it is."""
        return str(wait_for(self.agreed_master, timeout * SLOW))

    def probe(self, family: int = 4, seconds: float = 3, **more: Any) -> Probe:
        """Connects each millisecond, from `at`, and wants a server's banner."""
        argv = [f"{TOOLS}/gap_probe", "-d", str(seconds), "-e", more.pop("expect", "s")]
        argv += ["-t", str(more.pop("timeout", int(figure(200))))]
        argv += ["-i", str(more.pop("interval", SLOW))]
        argv += [more.pop("to", self.front(family)), str(PORT)]
        return Probe(self.lab.spawn(more.pop("at", "c"), argv, stdout=subprocess.PIPE, text=True))

    def probes(self, seconds: float = 3, **more: Any) -> Probes:
        """Both families, each every 2 ms."""
        more.setdefault("interval", 2 * SLOW)
        return Probes([self.probe(f, seconds, **more) for f in (4, 6)])

    def client(self, family: int = 4, timeout: float = 5) -> Any:
        return self.lab.connect("c", self.front(family), PORT, timeout * SLOW)

    def ask(self, family: int = 4) -> str:
        """The banner of whoever serves a new connection."""
        with self.client(family) as sock:
            return str(sock.recv(100).decode().strip())

    @contextlib.contextmanager
    def scripted(self, name: str = "s1") -> Iterator[Any]:
        """A listening socket that the test serves itself; checks go aside."""
        with self.lab.listen(name, PORT) as work, self.lab.listen(name, CHECK_PORT):
            yield work

    @contextlib.contextmanager
    def lab_address(self, host: str, family: int, prefix: int) -> Iterator[None]:
        """The virtual IP on a host that has nothing to do with it."""
        words = (f"{VIP[family]}/{prefix}", "dev", "eth0")
        more = ("nodad",) if family == 6 else ()
        self.ip(host, "addr", "add", *words, *more)
        yield
        self.ip(host, "addr", "del", *words)

    def ip(self, host: str, *words: str) -> None:
        """`ip` with these words on a host, where it must succeed."""
        done = self.lab.run(host, "ip", *words)
        assert done.returncode == 0, (words, done.stderr)

    # -- judgement -------------------------------------------------------------

    def check_sanitizers(self) -> None:
        """A report of a sanitizer fails whatever test it appears in."""
        for path in Path(self.lab.dir, "sanitizer").iterdir():
            report = path.read_text(errors="replace")
            # The leak checker's remark on a thread that waits for a stuck sink
            # at the end; a leak would be reported besides.
            if re.fullmatch(r"(==\d+==Running thread \d+ was not suspended\..*\n?)+", report):
                continue
            raise AssertionError(report[:8000])
        for node in self.nodes.values():
            assert not SANITIZER.search(node.log()), "a sanitizer complained"

    def tell(self) -> None:
        """What a reader of a failure wants to see."""
        for node in self.nodes.values():
            print(f"--- {node.name}: addresses {self.lab.addresses(node.host)}")
            lines = node.log().splitlines()
            kept = [x for x in lines if "web: connection" not in x]
            print("\n".join(lines[-60:] if len(kept) < 5 else kept[-80:]))
        for path in Path(self.lab.dir, "sanitizer").iterdir():
            print(f"--- {path.name}\n{path.read_text(errors='replace')[:8000]}")


def single(**more: Any) -> Stage:
    """One node without a pair: for what is about the relay alone."""
    return Stage(single=True, **more)


def scripted_service(*names: str, **more: Any) -> dict[str, Any]:
    """A service of scripted servers: see Stage.scripted()."""
    check = {"port": CHECK_PORT, "interval": "200ms", "timeout": "1s", "rise": 1, "fall": 2}
    servers = [server(n) for n in names or ("s1",)]
    return {"name": "web", "check": check, "servers": servers, **more}


def write_script(path: str, body: str) -> str:
    """A shell script that may be run; returns its path."""
    Path(path).write_text(f"#!/bin/sh\n{body}\n")
    os.chmod(path, 0o755)
    return path


def write_key(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(fd, "w") as f:
        f.write(secrets.token_hex(32) + "\n")


def environment(lab: Lab) -> dict[str, str]:
    """Where sanitizers report to: stderr may be the thing under test."""
    env = dict(os.environ)
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        report = f"log_path={lab.dir}/sanitizer/{name[:4].lower()}"
        env[name] = ":".join(filter(None, (env.get(name), report)))
    env["TSAN_OPTIONS"] += f":suppressions={ROOT}/tests/tsan.supp"
    return env


def hapair(*args: str, timeout: float = 20, **more: Any) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end, on the machine itself: files and words."""
    return subprocess.run(
        [BINARY, *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        **more,
    )


# Not every kernel has it.
LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()


def children(pid: int) -> list[int]:
    """Those that live."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        if LISTS_CHILDREN:
            tasks = Path(f"/proc/{pid}/task").glob("*/children")
            found = [int(child) for task in tasks for child in task.read_text().split()]
        else:
            found = [p for p in map(int, filter(str.isdigit, os.listdir("/proc")))
                     if parent(p) == pid]
    return list(filter(alive, found))


def parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def connects(lab: Lab, host: str, addr: str, port: int) -> bool:
    try:
        lab.connect(host, addr, port, timeout=1).close()
        return True
    except OSError:
        return False


def lines(stage: Stage, host: str, what: str) -> list[tuple[float, str]]:
    """(seconds since 1970, text) of the log's lines that hold `what`."""
    found = []
    for line in stage[host].log().splitlines():
        if what in line and (m := re.match(r"(\S+)Z ", line)):
            at = datetime.fromisoformat(m[1]).replace(tzinfo=timezone.utc)
            found.append((at.timestamp(), line))
    return found


def memory_kib(pid: int, field: str = "VmRSS") -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+)", text, re.M)
    assert found, field
    return int(found[1])


def cpu_s(pid: int) -> float:
    """User and system time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_all(sock: Any) -> bytes:
    """To the end of the stream."""
    return bytes(sock.makefile("rb").read())


def read_exactly(sock: Any, count: int) -> bytes:
    """`count` bytes, fewer only at the end of the stream."""
    got = b""
    while len(got) < count and (part := sock.recv(count - len(got))):
        got += part
    return got


def reset(sock: Any) -> None:
    """Closes by a reset, not in order."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
