"""Goal: what one connection costs is bounded, and so is the time that it takes
of others: R9, R10, R11 and G3 of TRAPS.md."""

import time
from pathlib import Path

from stage import SLOW, families, limit, memory_kib, wait_for
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
            sock.close()
        wait_for(lambda: r.gauges()[1] == 0, 20 * SLOW)
        if SLOW == 1:
            assert full - early < 6 * count, (early, full)
            wait_for(lambda: memory_kib(r.pid) - early < 1.5 * count, 5)
        for sock in held:
            sock.close()


def test_r11_not_spared() -> None:
    """Where memory is out it may be ended; its supervisor may not."""
    def lower() -> None:
        Path("/proc/self/oom_score_adj").write_text("-900")

    was = Path("/proc/self/oom_score_adj").read_text()
    lower()
    try:
        with relay(4) as r:
            scores = {
                pid: int(Path(f"/proc/{pid}/oom_score_adj").read_text())
                for pid in (r.node.pid, r.pid)
            }
            assert scores == {r.node.pid: -900, r.pid: 0}
    finally:
        Path("/proc/self/oom_score_adj").write_text(was)
