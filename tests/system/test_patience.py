"""Goal: a living peer that pauses is no dead peer, however long: R3, R4 and R14
of TRAPS.md. Who is dead is found as fast: t32 of test_traps_flow."""

import os
import socket
import time

from stage import families, limit
from traps import is_quiet, read_to_end, relay, write_till_stuck

# HAPAIR_PATIENCE=300 pauses for five minutes: the kernel's window probes are up
# to two minutes apart by then.
PAUSE_S = int(os.environ.get("HAPAIR_PATIENCE", "40"))


@families
def test_r14_half_closed_for_ever(family: int) -> None:
    """A request and its end; the answer takes its time. With 0s nothing of ours
    is running meanwhile, and keepalive asks a host that lives."""
    service = {"timeouts": {"half_closed": "0s"}, "keepalive": "1s"}
    with relay(family, service=service) as r:
        for first in ("client", "server"):
            x, y = r.ends(first)
            x.sendall(b"request")
            x.shutdown(socket.SHUT_WR)
            assert read_to_end(y) == (b"request", "end")
            assert is_quiet(x, 4)
            y.sendall(b"answer")
            y.close()
            assert read_to_end(x) == (b"answer", "end")
            x.close()
        r.ended(in_order=2)


@limit(300 + PAUSE_S)
def test_r03_r04_closed_windows() -> None:
    """Neither the client nor the server reads, each on a connection of its own,
    for longer than keepalive would wait (31 s). Then all of it arrives."""
    with relay(4, service={"keepalive": "1s"}) as r:
        stuck = []
        for first in ("client", "server"):
            x, y = r.ends(first)
            y.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
            stuck.append((x, y, write_till_stuck(x)))
        begun = time.monotonic()
        while time.monotonic() - begun < PAUSE_S:
            time.sleep(1)
            assert r.gauges() == (2, 0), (time.monotonic() - begun, r.endings())
        for x, y, count in stuck:
            x.shutdown(socket.SHUT_WR)
            # The last probe may just have gone: the next takes its time.
            y.settimeout(130)
            assert len(read_to_end(y)[0]) == count
            y.close()
            x.close()
        r.ended(in_order=2)
