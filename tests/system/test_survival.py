"""Goal: connections of a service with `path: kernel` outlive their node. Whatever
happens to the master (its power, all of its processes, an operator's handover), those
that clients have made go on, byte for byte, in both families; and a node that returns
is told of them, so that the next death costs nothing either."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

from lab_load import MixedLoad
from test_handover import served
from stage import PORT, SLOW, TOOLS, VIP, Stage, address, alone, endpoint, limit, wait_for

TIMED = True  # it judges milliseconds

HOSTS = ("p1", "p2")
KINDS = {"idle": 40, "ping": 40, "bulk": 4, "client-ended": 8, "server-ended": 8}
# The retransmission timer of who had a segment under way; more is another fault.
PAUSE_MS = 220
STREAM_PORT = 8402
CHECK_PORT = 81


def kernel_service() -> dict[str, Any]:
    """One server, at both of its addresses: a client's family is its server's."""
    return {
        "name": "web",
        "path": "kernel",
        "listen": [endpoint(VIP[f], PORT) for f in (4, 6)],
        "check": {"interval": "1s", "timeout": "1s", "rise": 1},
        "timeouts": {"half_closed": "1h"},
        "servers": [
            {"name": f"v{f}", "address": endpoint(address("s1", f), PORT)} for f in (4, 6)
        ],
    }


class Survivors(Stage):
    """Two nodes, each with pins of its own, as two hosts would have them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(services=[kernel_service()], kernel={"pins": "{run}/bpf/hapair"}, **more)

    def __enter__(self) -> Survivors:
        super().__enter__()
        self.lab.bpf_files()
        return self

    def forget(self, host: str) -> None:
        """What a reboot does to its kernel."""
        pins = f"{self.lab.host_dir(host)}/bpf"
        subprocess.run(["umount", "-l", pins], check=True)
        subprocess.run(["mount", "-t", "bpf", "-o", "mode=700", "bpf", pins], check=True)
        for device in ("eth0", "lo"):
            self.lab.run(host, "tc", "qdisc", "del", "dev", device, "clsact")

    def kernel(self, host: str) -> dict[str, Any]:
        """What its status says of the first service's connections."""
        found = self[host].status().get("services") or [{}]
        return dict(found[0].get("kernel") or {})

    def wait_protected(self, host: str, active: int) -> None:
        def protected() -> bool:
            """all of its connections are known to the peer"""
            status = self[host].status()
            told = (status.get("services") or [{}])[0].get("kernel") or {}
            linked = (status.get("kernel") or {}).get("stream") == "linked"
            return linked and told.get("active") == told.get("protected") == active

        try:
            wait_for(protected, 10 * SLOW)
        except AssertionError:
            status = self[host].status()
            raise AssertionError((self.kernel(host), status.get("kernel"))) from None


@contextlib.contextmanager
def survivors(**more: Any) -> Iterator[tuple[Survivors, MixedLoad]]:
    """p1 is master and has connections of every kind, all of them protected."""
    with Survivors(**more) as stage:
        fronts = [VIP[4], VIP[6]]
        load = MixedLoad(stage.lab, TOOLS, KINDS, fronts, PORT, "-f", "0", "-p", "20")
        stage.start()
        # Whoever comes before the directors are there is relayed.
        stage.wait_protected("p1", 0)
        load.must("hold")
        stage.wait_protected("p1", load.held)
        load.must("mark")
        yield stage, load
        end = load.must("end")
        assert end["in_order"] == end["opened"], end
        load.close()


def other(host: str) -> str:
    return "p2" if host == "p1" else "p1"


def resets(stage: Stage) -> int:
    """That clients have sent or got. (Servers see those of checks, too.)"""
    text = str(stage.lab.run("c", "nstat", "-az", "TcpOutRsts", "TcpEstabResets").stdout)
    return sum(int(n) for n in re.findall(r"^Tcp\w+\s+(\d+)", text, re.M))


def went_on(stage: Survivors, load: MixedLoad, most_ms: float) -> float:
    """Nothing was lost so far, and no ping took longer; how long the slowest took."""
    # The slowest may be under way still.
    time.sleep(0.3 * SLOW)
    mark = load.must("mark")
    pause = float(mark["max_us"] - mark["late_us"]) / 1000
    # A slow build among others is judged by what was lost alone.
    assert SLOW > 1 or pause <= most_ms, mark
    return float(mark["max_us"]) / 1000


def takes_over(stage: Survivors, load: MixedLoad, host: str, detection_ms: float = 120) -> float:
    """`host` has all of it, a moment after the other one has died."""
    wait_for(lambda: VIP[4] in stage.lab.addresses(host), 5 * SLOW)
    pause = went_on(stage, load, PAUSE_MS + detection_ms)
    assert stage.kernel(host).get("active") == load.held, stage.kernel(host)
    return pause


def returns(stage: Survivors, load: MixedLoad, host: str) -> None:
    """It is a backup that knows of all."""
    wait_for(lambda: stage[host].state() == "backup", 10 * SLOW)
    stage.wait_protected(other(host), load.held)
    load.must("mark")


def cut_off(stage: Survivors, host: str) -> None:
    stage.lab.power_cut(host)


def killed(stage: Survivors, host: str) -> None:
    stage[host].kill_all()


def back(stage: Survivors, host: str) -> None:
    stage.lab.restore(host)


def started(stage: Survivors, host: str) -> None:
    stage[host].start()


def rebooted(stage: Survivors, host: str) -> None:
    stage.forget(host)
    stage[host].start()


@alone
@limit(60)
def test_deaths() -> None:
    """Power, and kill -9 of all: whoever returns is told, in time for the next one."""
    with survivors() as (stage, load):
        pauses = []
        master = "p1"
        for death, detection_ms, return_ in (
            (cut_off, 120, back),
            (killed, 1000, rebooted),
            (killed, 1000, started),
            (cut_off, 120, back),
        ):
            death(stage, master)
            pauses.append(takes_over(stage, load, other(master), detection_ms))
            return_(stage, master)
            returns(stage, load, master)
            master = other(master)
        print(f"{load.held} held; pauses of {pauses} ms")


@alone
@limit(60)
def test_what_nobody_notices() -> None:
    """Handovers there and back, and the death of each process by itself."""
    with survivors() as (stage, load):
        was = resets(stage)
        for giver in HOSTS:
            done = stage[giver].cli("handover")
            assert done.returncode == 0, done.stderr
            stage.wait_master(other(giver))
            went_on(stage, load, 100)
            stage.wait_protected(other(giver), load.held)
        assert resets(stage) == was
        for host in HOSTS:
            for role in ("director", "failover", "relay"):
                pid = int(wait_for(lambda: stage[host].roles().get(role)))
                os.kill(pid, signal.SIGKILL)
                wait_for(lambda: stage[host].roles().get(role) not in (None, pid), 5 * SLOW)
                went_on(stage, load, 100)
                stage.wait_protected("p1", load.held)
        assert stage.lab.holders(VIP[4]) == ["p1"]


@alone
@limit(60)
def test_new_clients_of_a_handover() -> None:
    """One a millisecond: each is connected without having to repeat its SYN."""
    with Survivors() as stage:
        stage.serve("banner", "s1")
        stage.start()
        stage.wait_protected("p1", 0)
        for giver in HOSTS:
            running = stage.probes(1, timeout=3000)
            time.sleep(0.3)
            done = stage[giver].cli("handover")
            assert done.returncode == 0, done.stderr
            result = running.result()
            served(result, 1000 // SLOW)
            assert result["latency_max_ms"] < 900 * SLOW, result
            stage.wait_master(other(giver))
            held = re.compile(r"handover: [1-9]\d* new clients held")
            wait_for(lambda: held.search(stage[giver].log()), 3 * SLOW)
            # Of nobody the relay had to take care.
            assert not re.search(r"relay\[\d+\] info: .*: connection client=", stage[giver].log())


@alone
@limit(60)
def test_a_node_that_returns_waits_until_it_knows() -> None:
    """With `preempt` it is given its group back when it was told of all connections,
    and until then not by an operator's word either."""
    pair = {"preempt": True, "preempt_delay": "0s"}
    with survivors(pair=pair) as (stage, load):
        stage["p1"].kill_all()
        takes_over(stage, load, "p2", 1000)
        stage.forget("p1")
        # It is heard, but its director cannot be told yet.
        stage.lab.drop("p1", "from", f"tcp dport {STREAM_PORT}")
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "backup", 10 * SLOW)
        for words in (("--dry-run",), ()):
            asked = stage["p2"].cli("handover", *words)
            said = asked.stdout + asked.stderr
            assert asked.returncode == 1 and "does not know all connections" in said, asked
        assert stage["p2"].state() == "master"
        stage.lab.undrop()
        stage.wait_master("p1", 10)
        went_on(stage, load, PAUSE_MS)
        assert stage.kernel("p1").get("active") == load.held


def refusing_service() -> dict[str, Any]:
    """s2 passes its check, and refuses clients: they are connected to s1."""
    servers = [
        {"name": f"{host}v{f}", "address": endpoint(address(host, f), PORT)}
        for host in ("s1", "s2")
        for f in (4, 6)
    ]
    check = {"type": "tcp", "port": CHECK_PORT, "interval": "1s", "rise": 1}
    return {**kernel_service(), "servers": servers, "check": check}


@contextlib.contextmanager
def refusing() -> Iterator[Survivors]:
    stage = Survivors()
    stage.services = [refusing_service()]
    with stage:
        stage.serve("banner", "s1")
        for host in ("s1", "s2"):
            stage.lab.spawn(host, [f"{TOOLS}/echo", "banner", str(CHECK_PORT), host])
        stage.start()
        stage.wait_protected("p1", 0)
        yield stage


def begin_to_connect(stage: Stage, family: int) -> socket.socket:
    sock = stage.lab.socket("c", family)
    sock.setblocking(False)
    assert sock.connect_ex((VIP[family], PORT)) == errno.EINPROGRESS
    return sock


@alone
@limit(60)
def test_a_refusal_that_the_next_owner_hears() -> None:
    """Of a SYN that the dead one sent: the next server is tried, as ever."""
    with refusing() as stage:
        stage.lab.drop("s2", "to", f"tcp dport {PORT}")
        waiting = [begin_to_connect(stage, f) for f in 4 * (4, 6)]
        time.sleep(0.2 * SLOW)
        stage["p1"].kill_all()
        wait_for(lambda: VIP[4] in stage.lab.addresses("p2"), 5 * SLOW)
        stage.lab.undrop()
        for sock in waiting:
            with sock:
                sock.settimeout(4 * SLOW)
                assert sock.recv(100).strip() == b"s1"
