"""Goal: a living peer that pauses is no dead peer, however long: R14 of
TRAPS.md."""

import socket

from stage import families
from traps import is_quiet, read_to_end, relay


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
