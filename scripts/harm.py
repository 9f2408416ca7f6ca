"""The faults of scripts/faults: what each does to a node, and what is allowed.

A fault's harm(stage, host, healing, prepared) harms the master `host` and leaves
in `healing` (an ExitStack, unwound when the probes have ended) what puts it right
again. It may return figures of its own. `prepared` is what prepare(stage) gave,
before the probes began.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

import lab as labs

HEARTBEAT = "udp dport 8401"
ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR, VNET_HDR_BYTES = 263, 15, 10
IDLE_CLIENTS = 5000


class Goal(NamedTuple):
    """At most so much; None: not judged."""

    gap_ms: float | None = None
    failed: int | None = None
    late: int | None = None
    refused: int | None = None
    one_ms: float = 1000  # until one node has the addresses


class Fault(NamedTuple):
    name: str
    what: str
    harm: Callable[[Any, str, contextlib.ExitStack, Any], dict[str, Any] | None]
    default: Goal
    fast: Goal
    claims: int = 1  # how often a node is to become master
    seconds: float = 1.0  # of probes, after the fault
    timeout_ms: int = 200  # of a connect
    heals_late: bool = False  # `one after` counts from the healing
    fresh: bool = False  # a role that dies again and again is started later and later
    prepare: Callable[[Any], Any] | None = None

    def goal(self, settings: str) -> Goal:
        return self.default if settings == "default" else self.fast


def other(host: str) -> str:
    return "p2" if host == "p1" else "p1"


# -- hosts and cables ---------------------------------------------------------------


def power_cut(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    healing.callback(stage.lab.restore, host)
    stage.lab.power_cut(host)


def pull_cable(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    healing.callback(stage.lab.plug_cable, host)
    stage.lab.pull_cable(host)


# -- orders -----------------------------------------------------------------------


def sigterm(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    os.kill(stage[host].pid, signal.SIGTERM)


def hand_over(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    done = stage[host].cli("handover")
    assert done.returncode == 0, done.stderr


# -- deaths -----------------------------------------------------------------------


def kill_all(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    stage[host].kill_all()


def kill_relay(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    os.kill(stage[host].relay(), signal.SIGKILL)


def kill_failover(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    os.kill(stage[host].failover(), signal.SIGKILL)


def kill_supervisor(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    os.kill(stage[host].pid, signal.SIGKILL)


def _stop(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(5)
    for pid in pids:
        # The supervisor replaces a role that stands still.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def stop_failover(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    _stop([stage[host].failover()])


def stop_all(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    _stop(stage[host].everyone())


# -- the network between the nodes --------------------------------------------------


def heartbeats_cut(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    healing.callback(stage.lab.undrop)
    for side in labs.PROXIES:
        stage.lab.drop(side, "from", HEARTBEAT)


def heartbeats_one_way(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    healing.callback(stage.lab.undrop)
    stage.lab.drop(host, "from", HEARTBEAT)


def heartbeats_lossy(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    healing.callback(stage.lab.undrop)
    for side in labs.PROXIES:
        stage.lab.drop(side, "from", f"{HEARTBEAT} numgen random mod 100 < 20")


def heartbeats_doubled(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    """A second copy of each goes straight to the other node's port."""

    def nft(text: str) -> None:
        done = stage.lab.run(labs.SWITCH, "nft", text)
        assert done.returncode == 0, done.stderr

    healing.callback(nft, "delete table netdev lab")
    lines = ["add table netdev lab"]
    for side in labs.PROXIES:
        hook = f"{{ type filter hook ingress device {side} priority 0; }}"
        lines.append(f"add chain netdev lab {side} {hook}")
        lines.append(f"add rule netdev lab {side} {HEARTBEAT} dup to {other(side)}")
    nft("; ".join(lines))


def heartbeats_reordered(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    """The switch drops them; we pass them on, each pair the other way round."""
    stopped = threading.Event()
    threads = [
        threading.Thread(target=_swap_pairs, args=(stage.lab, side, stopped))
        for side in labs.PROXIES
    ]

    def heal() -> None:
        stage.lab.undrop()
        stopped.set()
        for thread in threads:
            thread.join()

    healing.callback(heal)
    for thread in threads:
        thread.start()
    for side in labs.PROXIES:
        stage.lab.drop(side, "from", HEARTBEAT)


def _packet_socket(lab: labs.Lab, port: str) -> socket.socket:
    sock = lab.inside(
        labs.SWITCH, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    )
    # The hosts leave checksums to "the hardware"; only this header says so.
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    lab.inside(labs.SWITCH, lambda: sock.bind((port, ETH_P_ALL)))
    return sock


def _swap_pairs(lab: labs.Lab, side: str, stopped: threading.Event) -> None:
    held: bytes | None = None
    with _packet_socket(lab, side) as source, _packet_socket(lab, other(side)) as sink:
        source.settimeout(0.05)
        while not stopped.is_set():
            try:
                frame, where = source.recvfrom(2048)
            except TimeoutError:
                continue
            if where[2] == socket.PACKET_OUTGOING or not _is_heartbeat(frame):
                continue
            if held is None:
                held = frame
                continue
            sink.send(frame)
            sink.send(held)
            held = None


def _is_heartbeat(frame: bytes) -> bool:
    """Of UDP over IPv4, to the nodes' port; the lab's nodes have no other."""
    frame = frame[VNET_HDR_BYTES:]
    return frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == struct.pack("!H", 8401)


# -- the host ----------------------------------------------------------------------


def containers_churned(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    """Network namespaces come and go: for each the kernel's one lock is kept long."""
    inside = "ip link add v0 type veth peer name v1 && ip link add br0 type bridge && ip link set v0 master br0"
    process = subprocess.Popen(["sh", "-ec", f"while :; do unshare -n sh -c '{inside}'; done"])
    healing.callback(process.wait)
    healing.callback(process.kill)


# -- the clock ---------------------------------------------------------------------


def clock_stepped(stage: Any, host: str, healing: contextlib.ExitStack, _: Any) -> None:
    """An hour on, an hour back, for both nodes (tests/preload/clock.c)."""
    path = Path(stage.lab.dir, "clock")

    def set_to(seconds: int) -> None:
        with path.open("r+b") as f:
            f.write(struct.pack("=q", seconds))

    healing.callback(set_to, 0)
    set_to(3600)
    time.sleep(0.5)
    set_to(-3600)


# -- who only waits ------------------------------------------------------------------


Clients = list[socket.socket]


def connect_idle(stage: Any) -> Clients:
    """Thousands of clients that will wait for nothing."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return list(stage.lab.inside("c", _connect_idle))


def idle_clients(
    stage: Any, host: str, healing: contextlib.ExitStack, clients: Clients
) -> dict[str, Any]:
    """The power goes: when each of them knows, from when the peer has the address."""
    try:
        power_cut(stage, host, healing, None)
        labs.wait_for(lambda: labs.VIP[4] in stage.lab.addresses(other(host)), 5, 0.002)
        return _await_resets(clients)
    finally:
        for sock in clients:
            sock.close()


def idle_handover(
    stage: Any, host: str, healing: contextlib.ExitStack, clients: Clients
) -> dict[str, Any]:
    """They are reset before the address leaves, or told by the peer."""
    try:
        hand_over(stage, host, healing, None)
        return _await_resets(clients)
    finally:
        for sock in clients:
            sock.close()


def _connect_idle() -> Clients:
    clients = []
    for i in range(IDLE_CLIENTS):
        family = (socket.AF_INET, socket.AF_INET6)[i % 2]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(5)
        sock.connect((labs.VIP[4 if family == socket.AF_INET else 6], 80))
        sock.recv(100)  # the banner: its server is reached
        sock.setblocking(False)
        clients.append(sock)
    return clients


def _await_resets(clients: Clients) -> dict[str, Any]:
    poll = select.epoll()
    for sock in clients:
        poll.register(sock, select.EPOLLIN)
    left = {sock.fileno(): sock for sock in clients}
    begun = last = time.monotonic()
    while left and time.monotonic() < begun + 3:
        for fd, _ in poll.poll(0.1):
            sock = left[fd]
            try:
                sock.recv(1)  # the end in order would be a lie
                continue
            except BlockingIOError:
                continue  # woken for nothing: it waits on
            except ConnectionResetError:
                pass
            poll.unregister(fd)
            del left[fd]
            last = time.monotonic()
    poll.close()
    return {"reset_ms": (last - begun) * 1000 if not left else -1, "hung": len(left)}


# -- the list ------------------------------------------------------------------------

CUT, CUT_FAST = Goal(gap_ms=80), Goal(gap_ms=25)
NOTHING = Goal(failed=0, late=0)
PATIENT = {"timeout_ms": 3000, "seconds": 1.2}
UNMOVED = {"claims": 0, "timeout_ms": 3000, "seconds": 2.5}


def both(goal: Goal) -> dict[str, Goal]:
    return {"default": goal, "fast": goal}


FAULTS = [
    Fault("power cut", "the master's port is silent, its carrier stays", power_cut,
          CUT, CUT_FAST, heals_late=True),
    Fault("cable pulled", "the master loses its carrier", pull_cable,
          CUT, CUT_FAST, heals_late=True),
    Fault("SIGTERM", "the master is stopped in good order", sigterm,
          **both(NOTHING), **PATIENT),
    Fault("handover", "`hapair handover` on the master", hand_over,
          **both(NOTHING), **PATIENT),
    Fault("kill -9 of all", "every process of the master at once", kill_all,
          **both(Goal(gap_ms=20, one_ms=4000))),
    Fault("kill -9 of the relay", "who connects meanwhile waits and is served", kill_relay,
          **both(Goal(gap_ms=50, refused=0)), claims=0, timeout_ms=3000, fresh=True),
    Fault("kill -9 of failover", "it comes back with the state it had", kill_failover,
          **both(Goal(gap_ms=50)), claims=0, fresh=True),
    Fault("kill -9 of supervisor", "its children end with it", kill_supervisor,
          **both(Goal(gap_ms=50))),
    Fault("SIGSTOP of failover", "for 5 s", stop_failover,
          **both(Goal(one_ms=10000)), claims=0, seconds=5.5, fresh=True),
    Fault("SIGSTOP of all", "for 5 s", stop_all,
          **both(Goal(one_ms=10000)), claims=1, seconds=5.5, fresh=True),
    Fault("heartbeats cut", "on all links, both ways; the hosts live", heartbeats_cut,
          **both(NOTHING), **UNMOVED),
    Fault("heartbeats cut one way", "the master's are lost, it hears all", heartbeats_one_way,
          **both(NOTHING), **UNMOVED),
    Fault("heartbeats lost, 20 %", "by chance, both ways", heartbeats_lossy,
          **both(NOTHING), **UNMOVED),
    Fault("heartbeats doubled", "each comes twice, both ways", heartbeats_doubled,
          **both(NOTHING), **UNMOVED),
    Fault("heartbeats reordered", "each pair the other way round", heartbeats_reordered,
          **both(NOTHING), **UNMOVED),
    Fault("containers churned", "network namespaces come and go beside us", containers_churned,
          **both(NOTHING), **UNMOVED),
    Fault("clock stepped", "an hour on, then two back, on both nodes", clock_stepped,
          **both(NOTHING), **UNMOVED),
    Fault("power cut, idle clients", "5,000 that only wait: all are told", idle_clients,
          CUT, CUT_FAST, seconds=4.0, heals_late=True, prepare=connect_idle),
    Fault("handover, idle clients", "5,000 that only wait: all are told", idle_handover,
          **both(Goal(failed=0)), timeout_ms=3000, seconds=4.0, prepare=connect_idle),
]
