"""Goal: a server that refuses, is silent or speaks and goes costs a client at
most a retry, and what is our own fault is not blamed on a server; traps T22 to
T27 of tests/TRAPS.md (T26 is test_traps_churn)."""

import contextlib
import socket
import time
from pathlib import Path
from typing import Any, Callable

from stage import CHECK_PORT, PORT, SLOW, Stage, address, families, figure, limit, read_exactly, reset, wait_for
from traps import MIB, Relay, echo_once, in_thread, is_reset, payload, read_to_end, relay, server_at

# A check takes one of our ports, too: one at the start will do.
SELDOM = {"port": CHECK_PORT, "interval": "60s", "timeout": "1s"}


def failures(r: Relay) -> dict[str, int]:
    """Failed connects by server, those with none left out."""
    servers = r.service()["servers"]
    found = {s["name"]: s["connections"]["failed"] for s in servers}
    return {k: v for k, v in found.items() if v}


@families
def test_t22_server_that_is_gone_at_once(family: int) -> None:
    """Accepted and closed; spoken and closed; spoken and reset."""
    with relay(family, service={"retries": 0}) as r:
        for said in (b"", b"bye", b"b" * 20_000):
            for spoken in (b"", b"hello"):
                ends_at_once(r, said, spoken)
        assert failures(r) == {}, "these were connected"
        for said in (b"", b"bye", b"b" * 20_000):
            for spoken in (b"", b"hello"):
                resets_at_once(r, said, spoken)


def ends_at_once(r: Relay, said: bytes, spoken: bytes) -> None:
    a = r.client()
    a.sendall(spoken)
    b = r.accept()
    b.sendall(said)
    b.shutdown(socket.SHUT_WR)
    assert read_to_end(a) == (said, "end")
    a.close()
    b.close()
    wait_for(lambda: r.gauges() == (0, 0))


def resets_at_once(r: Relay, said: bytes, spoken: bytes) -> None:
    """Before the relay looks it was no connection, after that it was one; the
    client sees a reset in either case, and nothing but what was said."""
    wait_for(lambda: r.node.server_states() == {"s1": "up"})
    a = r.client()
    a.sendall(spoken)
    b = r.accept()
    b.sendall(said)
    reset(b)
    got, how = read_to_end(a)
    assert how == "reset" and said.startswith(got)
    a.close()
    wait_for(lambda: r.gauges() == (0, 0))


def reject(stage: Stage, host: str, rule: str) -> None:
    """A firewall of the host's own, that says no."""
    def talk_freely() -> None:
        with contextlib.suppress(OSError):
            Path("/proc/sys/net/ipv6/icmp/ratelimit").write_text("0")

    stage.lab.inside(host, talk_freely)
    done = stage.lab.run(
        host, "nft",
        "add table inet lab; add chain inet lab in { type filter hook input priority 0; };"
        f" add rule inet lab in {rule}",
    )
    assert done.returncode == 0, done.stderr


@families
def test_t22_refused_and_unreachable(family: int) -> None:
    """s1 refuses, s2's host says that it is unreachable; s3 serves all."""
    service: dict[str, Any] = {"retries": 3}
    with relay(family, "s1", "s2", "s3", service=service) as r:
        r.work["s1"].close()
        reject(r.stage, "s2", f"tcp dport {PORT} reject with icmpx type admin-prohibited")
        for _ in range(6):
            begun = time.monotonic()
            a = r.client()
            a.sendall(b"early")
            b = r.accept("s3")
            assert read_exactly(b, 5) == b"early"
            # On a wire this short the kernel misses the ICMPv6 message to its
            # first SYN, while it still holds the socket.
            assert time.monotonic() - begun < 1.1 + figure(500) / 1000
            echo_once(a, b)
            a.close()
            b.close()
        r.ended(in_order=6)
        assert set(failures(r)) == {"s1", "s2"}


@families
def test_t22_silent_server(family: int) -> None:
    """SYNs are swallowed: timeouts.connect, and the client hears of it."""
    service = {"timeouts": {"connect": "300ms"}, "retries": 0}
    with relay(family, service=service) as r:
        r.stage.lab.drop("s1", "to", f"tcp dport {PORT}")
        begun = time.monotonic()
        a = r.client()
        a.sendall(b"hello")
        assert is_reset(a)
        assert 0.25 < time.monotonic() - begun < 0.3 + figure(400) / 1000
        a.close()
        r.stage.lab.undrop()
        r.ended(unanswered=1)
        assert failures(r) == {"s1": 1}


@families
@limit(60)
def test_t27_lost_syns(family: int) -> None:
    """The first SYN is lost, or two of them: timeouts.connect, 5s by default,
    outlives their repetition after 1 s and 3 s. A late SYN-ACK is no different
    (T22)."""
    lost, seconds = {4: (2, 3.0), 6: (1, 1.0)}[family]
    with relay(family) as r:
        r.stage.lab.drop("s1", "from", f"tcp sport {PORT} tcp flags syn")
        begun = time.monotonic()
        a = r.client()
        a.sendall(b"hello")
        time.sleep(seconds - 0.5 - 0.2 * lost)
        r.stage.lab.undrop()
        b = r.accept()
        assert read_exactly(b, 5) == b"hello"
        took = time.monotonic() - begun
        assert took < seconds + 1 * SLOW, took
        echo_once(a, b)
        a.close()
        b.close()
        assert r.service()["connections"]["retries"] == 0


def ports(first: int, last: int) -> Callable[[Stage], None]:
    """The ports that the relay's host connects from."""
    def write() -> None:
        path = Path("/proc/sys/net/ipv4/ip_local_port_range")
        path.write_text(f"{first} {last}")

    return lambda stage: stage.lab.inside("p1", write)


@families
@limit(60)
def test_t23_out_of_ports(family: int) -> None:
    """10 ports, 50 clients, with `source` and without: those without a port
    are reset as our failure, no server is blamed, nothing spins."""
    for more in ({}, {"source": address("p1", family)}):
        service = {"check": SELDOM, **more}
        with relay(family, service=service, prepare=ports(40000, 40009)) as r:
            clients = connect_some(r, 50)
            wait_for(lambda: r.service()["connections"]["total"] == 50)
            free = r.gauges()[0]
            assert 9 <= free <= 10, (free, r.endings())
            r.ended(resources=50 - free)
            served = [r.accept() for _ in range(free)]
            assert failures(r) == {}
            for b in served:
                b.sendall(b"!")
                b.close()
            got = [read_to_end(a)[0] for a in clients]
            assert got.count(b"!") == free
            for a in clients:
                a.close()
            wait_for(lambda: r.gauges() == (0, 0))
            assert r.node.server_states() == {"s1": "up"}
            # Ports come back, and so does the service.
            a, b = r.pair()
            a.close()
            b.close()


def connect_some(r: Relay, count: int) -> list[socket.socket]:
    """Those of so many whose connect() was not reset already."""
    socks = []
    for _ in range(count):
        with contextlib.suppress(ConnectionResetError):
            socks.append(r.client())
    return socks


@families
@limit(60)
def test_t24_source_shares_ports_between_servers(family: int) -> None:
    """300 ports and two servers: with `source`, 560 connections at once."""
    service = {"source": address("p1", family), "check": SELDOM}
    with relay(family, "s1", "s2", service=service, prepare=ports(40000, 40299)) as r:
        begun = time.monotonic()
        pairs = []
        for i in range(280):
            pairs += [(r.client(), None), (r.client(), None)]
        ends = [r.accept(n) for n in ("s1", "s2") for _ in range(280)]
        assert time.monotonic() - begun < 5 * SLOW
        assert r.gauges() == (560, 0)
        peers = {b.getpeername()[0].removeprefix("::ffff:") for b in ends}
        assert peers == {address("p1", family)}
        for b in ends:
            b.close()
        for a, _ in pairs:
            assert read_to_end(a) == (b"", "end")
            a.close()
        r.ended(in_order=560)


@families
def test_t25_early_data_arrives_once(family: int) -> None:
    """The first server refuses, the second accepts: what the client has said
    meanwhile comes there once, in whole; little and much."""
    service = {"timeouts": {"connect": "300ms"}}
    for closed in (True, False):
        with relay(family, "s1", "s2", service=service) as r:
            if closed:
                r.work["s1"].close()
            else:
                r.stage.lab.drop("s1", "to", f"tcp dport {PORT}")
            for size in (5, 3 * MIB) * 2:
                data = payload(size)
                a = r.client()

                def say() -> bool:
                    a.sendall(data)
                    a.shutdown(socket.SHUT_WR)
                    return True

                said = in_thread(say)
                b = r.accept("s2")
                assert read_to_end(b) == (data, "end")
                said()
                b.close()
                a.close()
            r.ended(in_order=4)
            assert r.service()["connections"]["retries"] == failures(r)["s1"]


@families
def test_t25_a_place_freed_by_a_failed_connect(family: int) -> None:
    """s1 has one place and refuses: the place is free for the next client."""
    service: dict[str, Any] = {"retries": 1}
    with relay(family, "s1", "s2", service=service) as r:
        r.work["s1"].close()
        pairs = []
        for _ in range(6):
            a = r.client()
            pairs.append((a, r.accept("s2")))
        loads = [s["connections"]["active"] for s in r.service()["servers"]]
        assert loads == [0, 6], loads
        for a, b in pairs:
            a.close()
            b.close()


@families
@limit(60)
def test_t25_no_retry_after_the_last(family: int) -> None:
    """All servers that are left refuse, another takes no new connections
    (weight 0): the client is told, and is not left hanging."""
    service: dict[str, Any] = {"retries": 2, "timeouts": {"queue": "2s"}}
    service["servers"] = [server_at("s1", family), server_at("s2", family, weight=0)]
    service["check"] = {"port": 81, "interval": "200ms", "rise": 1, "fall": 1}
    with relay(family, "s1", "s2", service=service) as r:
        reject(r.stage, "s1", "tcp dport {80, 81} reject with tcp reset")
        begun = time.monotonic()
        # The reset may be there before connect() has looked.
        with contextlib.suppress(ConnectionResetError):
            a = r.client(timeout=8)
            assert is_reset(a)
            a.close()
        assert time.monotonic() - begun < 5 * SLOW
