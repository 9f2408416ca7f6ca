"""Goal: the wire between the nodes comes up by itself, carries each node's live
connections to the other, and its end means that all processes are gone: at
once when they are, not when failover alone is replaced, and never because of
what a stranger says."""

import contextlib
import errno
import os
import signal
import socket
import time
from typing import Any

from stage import (
    SLOW,
    VIP,
    Stage,
    address,
    alone,
    families,
    figure,
    limit,
    lines,
    read_all,
    wait_for,
    write_key,
)

TIMED = True  # it judges milliseconds or processor time
PORT = 8401


def pair(family: int) -> dict[str, Any]:
    """Nodes that know each other by addresses of this family."""
    return {
        "nodes": [
            {"name": "proxy1", "address": address("p1", family), "priority": 150},
            {"name": "proxy2", "address": address("p2", family), "priority": 100},
        ]
    }


def wire(stage: Stage, host: str) -> dict[str, Any]:
    peers = stage[host].status().get("peers") or [{}]
    return dict(peers[0].get("wire") or {"up": False, "connections": -1, "rejected": -1})


def wait_up(stage: Stage) -> None:
    def up() -> bool:
        """the wire is up, at both ends"""
        return all(wire(stage, h)["up"] for h in ("p1", "p2"))

    wait_for(up, 5 * SLOW)


@families
def test_comes_up_and_counts(family: int) -> None:
    """Opened and closed connections are known to the backup, soon and exactly."""
    with Stage(pair=pair(family)) as stage:
        stage.serve()
        stage.start()
        wait_up(stage)
        clients = [stage.client(f) for f in (4, 6) for _ in range(20)]
        for client in clients:
            assert client.recv(10)
        wait_for(lambda: wire(stage, "p2")["connections"] == 40, 2 * SLOW)
        assert wire(stage, "p1")["connections"] == 0
        for client in clients[:15]:
            client.close()
        wait_for(lambda: wire(stage, "p2")["connections"] == 25, 2 * SLOW)
        for client in clients[15:]:
            client.close()
        wait_for(lambda: wire(stage, "p2")["connections"] == 0, 2 * SLOW)
        assert "up" in stage["p1"].cli("status").stdout


def test_connections_to_the_hosts_own_address_are_not_its_business() -> None:
    """Only a virtual IP moves, so only its connections are told of."""
    listen = [f"{VIP[4]}:80", f"{address('p1')}:80"]
    with Stage(services=[{"name": "web", "listen": listen,
                          "check": {"interval": "100ms"},
                          "servers": [f"{address('s1')}:80"]}]) as stage:
        stage.serve("banner", "s1")
        stage.start()
        wait_up(stage)
        with stage.lab.connect("c", address("p1"), 80) as own, stage.client() as virtual:
            assert own.recv(10) and virtual.recv(10)
            wait_for(lambda: wire(stage, "p2")["connections"] == 1, 2 * SLOW)
            time.sleep(0.1)
            assert wire(stage, "p2")["connections"] == 1


def kill_at_once(stage: Stage, host: str) -> float:
    """kill -9 of everything on the host; returns when, in the log's time."""
    pids = stage[host].everyone()
    # Stopped first: else who is killed last still has time for a word.
    for sig in (signal.SIGSTOP, signal.SIGKILL):
        begun = time.time()
        for pid in pids:
            os.kill(pid, sig)
    return begun


@limit(60)
@alone
@families
def test_kill_of_all_ends_it_at_once(family: int) -> None:
    """kill -9 of everything, three times: 5 ms later the peer knows, at the
    best (the kernel frees a process's memory before its sockets, which may take
    10 ms on a busy machine), and 20 ms later it serves, in the middle."""
    ended, claimed = [], []
    for _ in range(3):
        with Stage(pair=pair(family)) as stage:
            stage.serve()
            stage.start()
            wait_up(stage)
            begun = kill_at_once(stage, "p1")
            wait_for(lambda: lines(stage, "p2", "-> master"), 3)
            ended.append(1000 * (lines(stage, "p2", "wire: down")[0][0] - begun))
            claimed.append(1000 * (lines(stage, "p2", "-> master")[0][0] - begun))
            assert lines(stage, "p2", "its processes are gone")
            stage.wait_master("p2", 10)
    print(f"wire ended after {ended} ms, claimed after {claimed} ms")
    assert min(ended) <= figure(5), ended
    assert sorted(claimed)[1] <= figure(20), claimed


def test_a_replaced_failover_is_no_end() -> None:
    """kill -9 of failover alone, on either node: the peer never sees the wire
    end, a new one takes its place, and what it knew it still knows."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        wait_up(stage)
        clients = [stage.client(f) for f in (4, 6) for _ in range(10)]
        wait_for(lambda: wire(stage, "p2")["connections"] == 20, 2 * SLOW)
        for host, other in (("p1", "p2"), ("p2", "p1")):
            was = stage[host].failover()
            os.kill(was, signal.SIGKILL)
            wait_for(lambda: lines(stage, other, "in place of an earlier one"), 5 * SLOW)
            wait_for(lambda: stage[host].failover() != was, 5)
            wait_up(stage)
            assert not lines(stage, other, "wire: down"), stage[other].log()
            wait_for(lambda: wire(stage, "p2")["connections"] == 20, 2 * SLOW)
        stage.wait_master("p1")
        for client in clients:
            client.close()
        wait_for(lambda: wire(stage, "p2")["connections"] == 0, 2 * SLOW)


def test_a_relay_that_dies_takes_its_connections_along() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        wait_up(stage)
        clients = [stage.client() for _ in range(10)]
        wait_for(lambda: wire(stage, "p2")["connections"] == 10, 2 * SLOW)
        os.kill(stage["p1"].relay(), signal.SIGKILL)
        wait_for(lambda: wire(stage, "p2")["connections"] == 0, 3 * SLOW)
        wait_for(lambda: stage["p1"].state() == "master", 5)
        for client in clients:
            client.close()


@limit(45)
def test_comes_back_after_a_cut() -> None:
    """Cut for so long that the connection is given up: it returns, with what
    has changed meanwhile."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        wait_up(stage)
        clients = [stage.client() for _ in range(10)]
        wait_for(lambda: wire(stage, "p2")["connections"] == 10, 2 * SLOW)
        stage.lab.drop("p2", "to", f"tcp sport {PORT}")
        stage.lab.drop("p2", "from", f"tcp sport {PORT}")
        stage.lab.drop("p2", "to", f"tcp dport {PORT}")
        wait_for(lambda: lines(stage, "p1", "wire: down"), 8)
        clients.pop().close()
        clients.append(stage.client(6))
        clients.append(stage.client(6))
        time.sleep(0.2)
        assert wire(stage, "p2")["connections"] == 10, "kept while it is down"
        stage.lab.undrop()
        wait_up(stage)
        wait_for(lambda: wire(stage, "p2")["connections"] == 11, 2 * SLOW)
        assert stage["p1"].state() == "master"
        assert stage["p1"].status()["groups"][0]["transitions"] == 1


def test_wrong_key() -> None:
    """Different keys: never up, counted, and said a second at most."""
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        for host in ("p1", "p2"):
            write_key(f"{stage.lab.host_dir(host)}/pair.key")
        stage.serve()
        for host in ("p1", "p2"):
            stage[host].start()
        wait_for(lambda: wire(stage, "p2")["rejected"] >= 2, 10 * SLOW)
        time.sleep(2)
        for host in ("p1", "p2"):
            assert wire(stage, host)["up"] is False
            told = lines(stage, host, "wire: refused")
            assert 1 <= len(told) <= 6 * SLOW, told
            assert stage[host].tells("another key")


def strangers(stage: Stage) -> list[socket.socket]:
    """Connections from the peer's own address that are none of the peer's:
    silent, noise, the beginning of what it would say."""
    opened = []
    for word in (b"", b"\0" * 5000, b"hapW\x01", os.urandom(3000)):
        sock = stage.lab.connect("p1", address("p2"), PORT)
        with contextlib.suppress(OSError):
            sock.sendall(word)  # it may be ended already
        opened.append(sock)
    return opened


def test_strangers_do_no_harm() -> None:
    """They are ended, counted, and neither wire nor groups take notice."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        wait_up(stage)
        with stage.client() as client:
            assert client.recv(10)
            wait_for(lambda: wire(stage, "p2")["connections"] == 1, 2 * SLOW)
            opened = [sock for _ in range(5) for sock in strangers(stage)]
            wait_for(lambda: wire(stage, "p2")["rejected"] >= 20, 5 * SLOW)
            for sock in opened:
                sock.settimeout(3 * SLOW)
                with contextlib.suppress(ConnectionResetError):
                    read_all(sock)  # a greeting, and then the end
            assert wire(stage, "p2")["up"] and wire(stage, "p2")["connections"] == 1
            assert not lines(stage, "p1", "wire: down") + lines(stage, "p2", "wire: down")
            assert len(lines(stage, "p2", "wire: refused")) <= 6 * SLOW
            for host in ("p1", "p2"):
                assert stage[host].status()["groups"][0]["transitions"] == 1


@families
def test_others_than_the_peer_are_not_heard(family: int) -> None:
    """Who comes from elsewhere gets no answer at all, however many they are."""
    with Stage(pair=pair(family)) as stage:
        stage.serve()
        stage.start("p2")
        seats = [stage.lab.socket("c", family) for _ in range(50)]
        for seat in seats:
            seat.setblocking(False)
            seat.connect_ex((address("p2", family), PORT))
        stage.start("p1")
        wait_up(stage)
        assert wire(stage, "p2")["rejected"] == 0
        for seat in seats:
            assert seat.connect_ex((address("p2", family), PORT)) == errno.EALREADY


def test_wire_is_made_while_strangers_sit_there() -> None:
    """Silent connections from the peer's own host do not keep it out."""
    with Stage() as stage:
        stage.serve()
        stage.start("p2")
        seats = [stage.lab.connect("p1", address("p2"), PORT) for _ in range(8)]
        stage.start("p1")
        wait_up(stage)
        for seat in seats:
            seat.close()


def test_marked_as_network_control() -> None:
    """DSCP CS6, as heartbeats are."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        wait_up(stage)

        def tap() -> socket.socket:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            sock.bind(("eth0", 3))
            sock.settimeout(5)
            return sock

        seen = set()
        with stage.lab.inside("p2", tap) as sock:
            end = time.monotonic() + 3
            while len(seen) < 2 and time.monotonic() < end:
                packet = sock.recv(2048)
                header = 4 * (packet[0] & 15)
                ports = packet[header : header + 4]
                if packet[0] >> 4 == 4 and packet[9] == 6 and PORT.to_bytes(2, "big") in (
                    ports[:2], ports[2:]
                ):
                    assert packet[1] >> 2 == 48, packet[1]
                    seen.add(packet[12:16])
        assert len(seen) == 2, "both ends"
