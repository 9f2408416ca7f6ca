"""Goal: what one connection costs is bounded, and so is the time that it takes
of others: R9, R10, R11 and G3 of TRAPS.md."""

import json
import shutil
import subprocess
from pathlib import Path

from stage import (
    SLOW, TOOLS, LeftOut, Stage, address, alone, connects, families, figure, limit, memory_kib,
    reset, single, wait_for,
)
from traps import relay, server_at

TIMED = True  # it judges memory and processor time


@families
@limit(60)
def test_r11_a_crowd_in_the_queue(family: int) -> None:
    """Each has sent 64 KiB and waits for a server that has one place: memory
    for a request of each, and back when they have left."""
    count = 1000 // SLOW
    one = server_at("s1", family, max_connections=1)
    spec = {"servers": [one], "timeouts": {"queue": "60s"}}
    with relay(family, threads=1, service=spec) as r:
        held = r.pair()
        early = memory_kib(r.pid)
        crowd = []
        for _ in range(count):
            sock = r.client()
            sock.setblocking(False)
            try:
                sock.send(b"x" * 65536)
            except BlockingIOError:
                pass
            crowd.append(sock)
        wait_for(lambda: r.gauges()[1] == count, 20 * SLOW)
        full = memory_kib(r.pid)
        for sock in crowd:
            reset(sock)  # a FIN behind a request would wait for the answer
        wait_for(lambda: r.gauges()[1] == 0, 20 * SLOW)
        if SLOW == 1:
            assert full - early < 6 * count, (early, full)
            wait_for(lambda: memory_kib(r.pid) - early < 1.5 * count, 15)
        for sock in held:
            sock.close()


def score_of(pid: int | str) -> Path:
    return Path(f"/proc/{pid}/oom_score_adj")


def test_r11_not_spared() -> None:
    """Where memory is out it may be ended; its supervisor may not."""
    try:
        score_of("self").write_text("-900")
    except PermissionError:
        raise LeftOut("nobody may be spared on this machine")
    with relay(4) as r:
        scores = [score_of(pid).read_text() for pid in (r.node.pid, r.pid)]
        assert scores == ["-900\n", "0\n"], scores


# Of a slow build the first figure is as good as the third.
ROUNDS = 3 if SLOW == 1 else 1


def small_beside_bulk(stage: Stage, front: str) -> float:
    """The median round trip in ms of 2 connections beside 16 downloads, over a
    second in the middle of these."""
    down = stage.lab.spawn(
        "c", [f"{TOOLS}/bench_client", "down", "-c", "16", "-d", "2", front, "81"],
        stdout=subprocess.DEVNULL,
    )
    rr = stage.lab.spawn(
        "c", [f"{TOOLS}/bench_client", "rr", "-c", "2", "-w", "0.5", "-d", "1", front, "80"],
        stdout=subprocess.PIPE, text=True,
    )
    found = json.loads(rr.communicate()[0])
    down.wait()
    return float(found["p50_us"]) / 1000


def middle(stage: Stage, front: str) -> float:
    return sorted(small_beside_bulk(stage, front) for _ in range(ROUNDS))[ROUNDS // 2]


HAPROXY = """
global
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
listen small
    bind {here}:80
    server s {there}:80
listen bulk
    bind {here}:81
    server s {there}:81
"""


@alone
@limit(90)
def test_r09_small_exchanges_go_first() -> None:
    """16 downloads and 2 ping-pongs on one thread: no slower than haproxy in the
    same minute, or what is a wait to nobody."""
    services = [
        {"name": f"port{p}", "listen": [f"{address('p1')}:{p}"], "check": {"type": "none"},
         "servers": [f"{address('s1')}:{p}"]}
        for p in (80, 81)
    ]
    with single(services=services, threads=1, log={"level": "notice"}) as stage:
        stage.lab.spawn("s1", [f"{TOOLS}/bench_server", "80"])
        stage.start(wait=False)
        wait_for(lambda: connects(stage.lab, "c", address("p1"), 80))
        ours = middle(stage, address("p1"))
        if shutil.which("haproxy") is None:
            print("haproxy is not installed: it stands against no one")
            assert ours < figure(25), ours
            return
        config = Path(stage.lab.dir, "haproxy.cfg")
        config.write_text(HAPROXY.format(here=address("p2"), there=address("s1")))
        stage.lab.spawn("p2", ["haproxy", "-db", "-f", str(config)])
        wait_for(lambda: connects(stage.lab, "c", address("p2"), 80))
        theirs = middle(stage, address("p2"))
        print(f"median: {ours:.2f} ms, haproxy {theirs:.2f} ms")
        assert ours < max(theirs, 1), (ours, theirs)
