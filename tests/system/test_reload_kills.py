"""kill -9 of each process at each step of a reload.

A few of them, by default; all where HAPAIR_KILLS=all.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, Iterator

from gate import Gate
from lab import VIP
from stage import (
    PORT, SLOW, TOOLS, LeftOut, Node, Stage, address, alive, children, connects, endpoint,
    limit, service, wait_for,
)

TIMED = True
# The parts that threads have are tried by unit tests.
THREADS = False

ECHO, TALK, CLIENTS = 82, 8082, 12
LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438  # on every machine

# Of more starts of one node its peer thinks that it is not ours any more.
AT_ONCE = 8

ALL = os.environ.get("HAPAIR_KILLS") == "all"

# In their order: who stands where. A message between relays is "relay:NAME".
STEPS = (
    ("supervisor", "sends PREDECESSOR"),
    ("new failover", "has START"),
    ("new failover", "sends PREPARED"),
    ("new relay", "has START"),
    ("new relay", "sends READY"),
    ("supervisor", "sends SUCCESSOR"),
    ("old relay", "has SUCCESSOR"),
    ("new relay", "sends relay:HELLO"),
    ("old relay", "has relay:HELLO"),
    ("old relay", "sends relay:WORKER"),
    ("old relay", "sends relay:STATE"),
    ("old relay", "sends relay:GATHERED"),
    ("new relay", "has relay:GATHERED"),
    ("new relay", "sends relay:GO"),
    ("old relay", "has relay:GO"),
    ("old relay", "sends relay:BATCH"),
    ("new relay", "has relay:BATCH"),
    ("new relay", "sends relay:TAKEN"),
    ("old relay", "has relay:TAKEN"),
    ("old relay", "sends relay:END"),
    ("new relay", "has relay:END"),
    ("new relay", "sends TAKEN"),
    ("new relay", "sends relay:DONE"),
    ("old relay", "has relay:DONE"),
    ("old relay", "sends relay:GIVEN"),
    ("old relay", "sends GIVEN"),
    ("new failover", "has GROUP"),
    ("new failover", "sends READY"),
)
VICTIMS = ("old relay", "new relay", "old failover", "new failover")

# The turns of a reload: who has what changes there.
CHOSEN = {
    ("supervisor", "sends SUCCESSOR"): ("old relay",),
    ("old relay", "sends relay:BATCH"): ("old relay",),
    ("new relay", "sends relay:TAKEN"): ("old relay", "new relay"),
    ("new relay", "sends TAKEN"): ("old failover", "new relay"),
    ("new relay", "sends relay:DONE"): ("new relay",),
    ("new failover", "sends READY"): ("new failover",),
}


def kills() -> Iterator[tuple[tuple[str, str], str]]:
    for step in STEPS:
        for victim in VICTIMS if ALL else CHOSEN.get(step, ()):
            yield step, victim


def answers(sock: Any) -> bool:
    with contextlib.suppress(OSError):
        sock.sendall(b"still there?")
        return bool(sock.recv(100) == b"still there?")
    return False


def hands(pid: int | None) -> set[int]:
    """The clients, by their ports, whose sockets this process has. The lists in /proc
    are of the whole machine, and take a while."""
    if pid is None:
        return set()
    found = set()
    process = os.pidfd_open(pid)
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(link).startswith("socket:"):
                fd = LIBC.syscall(PIDFD_GETFD, process, int(link.name), 0)
                with socket.socket(fileno=fd) as sock:
                    if sock.family == socket.AF_INET and sock.getsockname()[1] == TALK:
                        found.add(sock.getpeername()[1])
    os.close(process)
    return found


class Reload:
    """One of a master, at a step of which its processes are the test's to kill."""

    def __init__(self, stage: Stage, config: dict[str, Any], host: str, gate: Gate) -> None:
        self.stage, self.config, self.node, self.gate = stage, config, stage[host], gate
        self.old = {f"old {role}": pid for role, pid in self.node.roles().items()}
        self.answer: Any = None
        self.asker = threading.Thread(target=self.ask)

    def ask(self) -> None:
        self.answer = change(self.stage, self.config, self.node)

    def stop_at(self, step: tuple[str, str]) -> None:
        age, _, role = step[0].rpartition(" ")
        pid = self.node.pid if not age else self.old[f"old {role}"]
        new = age == "new"
        self.gate.arm(role, step[1], only=0 if new else pid, never=pid if new else 0)
        self.asker.start()
        wait_for(lambda: self.gate.reached or not self.asker.is_alive(), 5)
        assert self.gate.reached, (step, self.answer)

    def processes(self) -> dict[str, int]:
        found = dict(self.old)
        for pid in set(children(self.node.pid)) - set(self.old.values()):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                if "role" in words:
                    found[f"new {words[words.index('role') + 1]}"] = pid
        return {name: pid for name, pid in found.items() if alive(pid)}

    def finish(self) -> None:
        self.gate.open()
        self.asker.join()


def change(stage: Stage, config: dict[str, Any], node: Node) -> Any:
    """A reload of a file that is another one each time."""
    talk = config["services"][-1]
    before = int(talk["timeouts"]["connect"].removesuffix("ms"))
    talk["timeouts"]["connect"] = f"{before + 1}ms"
    stage.configure(config)
    return node.cli("reload")


@contextlib.contextmanager
def two_nodes() -> Iterator[tuple[Stage, dict[str, Any], dict[str, Gate]]]:
    """Both with a gate."""
    talk = service(
        [endpoint(VIP[4], TALK)],
        name="talk",
        timeouts={"connect": "3000ms"},
        servers=[{"name": "e", "address": endpoint(address("s1"), ECHO)}],
    )
    web = service([endpoint(VIP[4], PORT)])
    with Stage(services=[web, talk], pair={"misses": 10}) as stage:
        stage.serve()
        stage.lab.spawn("s1", [f"{TOOLS}/echo", "echo", str(ECHO)])
        gates = {host: Gate(f"{stage.lab.dir}/gate.{host}") for host in ("p1", "p2")}
        for host in gates:
            gates[host].start(stage[host])
            wait_for(lambda: stage[host].state() in ("master", "backup"), 10)
            stage.wait_serving(host)
        stage.wait_master("p1")
        wait_for(lambda: connects(stage.lab, "c", VIP[4], TALK))
        yield stage, stage.build(), gates


def fill(stage: Stage, held: dict[int, Any]) -> None:
    while len(held) < CLIENTS:
        sock = stage.lab.connect("c", VIP[4], TALK, 5)
        held[sock.getsockname()[1]] = sock
        assert answers(sock)


def moves(node: Node) -> int:
    return node.log().count(" -> master")


def kill_one(
    stage: Stage, config: dict[str, Any], gate: Gate, step: tuple[str, str], victim: str,
    held: dict[int, Any],
) -> None:
    node, peer = stage["p1"], stage["p2"]
    taken = moves(peer)
    fill(stage, held)
    probe = stage.probe(4, 0.5, timeout=4000, interval=2)
    reload = Reload(stage, config, "p1", gate)
    reload.stop_at(step)
    since = time.monotonic()
    # Workers that do not stand there come to their end.
    time.sleep(0.03)
    there = reload.processes()
    other = {"old relay": "new relay", "new relay": "old relay"}.get(victim, "")
    mine, others = hands(there.get(victim)), hands(there.get(other))
    if victim in there:
        os.kill(there[victim], signal.SIGKILL)
        # Hears of each batch that it is the new one's, and does not have it after that.
        if step == ("old relay", "has relay:TAKEN"):
            others = set()
    # Whoever stands there does not answer: others judge by that, and rightly.
    long = time.monotonic() - since > 0.2
    stood = long or step[0] == "new failover"
    reload.finish()
    done = reload.answer
    assert done.returncode == 0 or "nothing was changed" in done.stderr, done
    # The next one is as any other, with processes that have not ended before.
    wait_for(lambda: change(stage, config, node).returncode == 0, 5)
    result = probe.result()
    where = (step, victim, result)
    assert result["ok"] + result["reset"] == result["probes"], where
    assert result["refused"] == result["timeout"] == 0, where
    moved = moves(peer) != taken
    assert not moved or other == "" or stood, where
    lost = {port for port, sock in held.items() if not answers(sock)}
    if not moved and not long:
        assert lost <= (mine - others if other else set()), (where, lost, mine, others)
    assert moved or stage.lab.holders(VIP[4]) == ["p1"], where
    for port in lost:
        held.pop(port).close()
    wait_for(lambda: len(children(node.pid)) == 2, 5)
    if moved:
        stage.wait_any_master()
        assert stage.agreed_master() == "p1" or peer.cli("handover").returncode == 0
        stage.wait_master("p1")


@limit(300 if ALL else 30)
def test_a_kill_at_each_step() -> None:
    """Whoever it is: clients are served, those in the hands of another process stay, no
    address moves for a relay's sake, and nothing is left of the killed one's work."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    each = list(kills())
    for first in range(0, len(each), AT_ONCE):
        held: dict[int, Any] = {}
        with two_nodes() as (stage, config, gates):
            for step, victim in each[first : first + AT_ONCE]:
                kill_one(stage, config, gates["p1"], step, victim, held)


@limit(200 if ALL else 30)
def test_a_killed_supervisor_at_each_step() -> None:
    """Nothing of the node is left, and the other one serves."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with two_nodes() as (stage, config, gates):
        host, other = "p1", "p2"
        for step in STEPS if ALL else (("new relay", "sends relay:TAKEN"),):
            node = stage[host]
            held: dict[int, Any] = {}
            fill(stage, held)
            reload = Reload(stage, config, host, gates[host])
            reload.stop_at(step)
            everyone = [*children(node.pid), node.pid]
            os.kill(node.pid, signal.SIGKILL)
            assert node.process is not None
            node.process.wait()
            reload.finish()
            wait_for(lambda: not any(map(alive, everyone)), 5)
            wait_for(lambda: stage.lab.holders(VIP[4]) == [other], 10)
            wait_for(lambda: connects(stage.lab, "c", VIP[4], TALK), 5)
            gates[host].start(node)
            wait_for(lambda: node.state() == "backup", 10)
            stage.wait_serving(host)
            host, other = other, host


@limit(30)
def test_a_supervisor_that_is_late() -> None:
    """The old failover is not ended at once when the new relay serves. It knows the old
    one alone, whose end it must not see: 250 ms later it would give up the addresses."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with two_nodes() as (stage, config, gates):
        node, taken = stage["p1"], moves(stage["p2"])
        held: dict[int, Any] = {}
        fill(stage, held)
        reload = Reload(stage, config, "p1", gates["p1"])
        reload.stop_at(("new relay", "sends TAKEN"))
        os.kill(node.pid, signal.SIGSTOP)
        gates["p1"].open()
        time.sleep(0.6)
        os.kill(node.pid, signal.SIGCONT)
        reload.finish()
        assert reload.answer.returncode == 0, reload.answer
        assert moves(stage["p2"]) == taken and "master -> " not in node.log(), node.log()
        assert all(answers(sock) for sock in held.values())
        wait_for(lambda: len(children(node.pid)) == 2, 5)


@limit(30)
def test_who_comes_now_waits_for_no_other_connection() -> None:
    """A crowd takes a tenth of a second to change hands. A new client has its server
    meanwhile, where no limit asks how many there are."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with two_nodes() as (stage, config, gates):
        held: dict[int, Any] = {}
        fill(stage, held)
        reload = Reload(stage, config, "p1", gates["p1"])
        reload.stop_at(("old relay", "sends relay:BATCH"))
        with stage.lab.connect("c", VIP[4], TALK, 5) as sock:
            sock.settimeout(0.5)
            assert answers(sock)
            reload.finish()
            assert reload.answer.returncode == 0, reload.answer
            assert answers(sock)
        assert all(answers(sock) for sock in held.values())
