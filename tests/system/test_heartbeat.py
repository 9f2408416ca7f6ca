"""Goal: what the nodes tell each other is well-formed and authenticated;
nothing that a stranger, a wrong key or an old packet says changes anything."""

import os
import socket
import statistics
import time
from pathlib import Path

from stage import (
    SLOW, VIP, Stage, address, families, interval_ms, limit, wait_for, write_key,
)

PORT = 8401
ETH_P_ALL = 3


def payloads(stage: Stage, host: str, sender: str, count: int) -> list[bytes]:
    """Heartbeats of `sender` as they reach `host`, from the wire."""
    def tap() -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        sock.bind(("eth0", ETH_P_ALL))
        sock.settimeout(5)
        return sock

    found: list[bytes] = []
    want = socket.inet_aton(address(sender))
    with stage.lab.inside(host, tap) as sock:
        while len(found) < count:
            packet = sock.recv(2048)
            header = 4 * (packet[0] & 15)
            if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
                continue
            port = int.from_bytes(packet[header + 2 : header + 4], "big")
            if packet[12:16] == want and port == PORT:
                length = int.from_bytes(packet[header + 4 : header + 6], "big")
                found.append(packet[header + 8 : header + length])
    return found


def peer(stage: Stage, host: str) -> dict:
    """What the node thinks of the other; {} while it has only begun."""
    return dict((stage[host].status().get("peers") or [{}])[0])


def rejected(stage: Stage, host: str) -> int:
    return sum(link["rejected"] for link in peer(stage, host).get("links", []))


def snapshot(stage: Stage) -> list:
    groups = [stage[h].status()["groups"][0] for h in ("p1", "p2")]
    return [(g["state"], g["since"], g["transitions"]) for g in groups]


@limit(45)
def test_wireshark_reads_them() -> None:
    fields = ["ip.src", "udp.srcport", "udp.dstport", "udp.length", "ip.ttl",
              "ip.dsfield.dscp", "frame.time_relative", "_ws.malformed"]
    with Stage() as stage:
        stage.serve()
        stage.start()
        argv = ["tshark", "-n", "-i", "eth0", "-f", f"udp port {PORT}", "-c", "100",
                "-a", "duration:10", "-T", "fields", "-E", "separator=;"]
        for field in fields:
            argv += ["-e", field]
        done = stage.lab.run("p2", *argv)
        rows = [dict(zip(fields, x.split(";"))) for x in done.stdout.splitlines()]
        assert len(rows) == 100, done.stderr
        for row in rows:
            assert row["udp.dstport"] == str(PORT), row
            assert row["_ws.malformed"] == "", row
            assert 8 + 64 <= int(row["udp.length"]) <= 8 + 512, row
            assert row["ip.ttl"] == "255", row
        for host in ("p1", "p2"):
            times = [float(r["frame.time_relative"]) for r in rows
                     if r["ip.src"] == address(host)]
            assert len(times) > 30, (host, len(times))
            steps = [b - a for a, b in zip(times, times[1:])]
            interval = interval_ms() / 1000
        assert 0.5 * interval < statistics.median(steps) < 1.25 * interval, steps
        assert len({r["udp.length"] for r in rows}) == 1, "one size"


def test_wrong_key() -> None:
    """Different keys: neither accepts the other, both say so."""
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        for host in ("p1", "p2"):
            write_key(f"{stage.lab.host_dir(host)}/pair.key")
        stage.serve()
        for host in ("p1", "p2"):
            stage[host].start()
        for host in ("p1", "p2"):
            wait_for(lambda: rejected(stage, host) > 3, 5 * SLOW)
        time.sleep(2)
        for host in ("p1", "p2"):
            known = peer(stage, host)
            assert known["reachable"] is False and known["links"][0]["up"] is False, known
            assert known["links"][0]["received"] == 0, known
            done = stage[host].cli("status")
            assert done.returncode == 1, done.stdout
            # They say why, and a line a second at most, not one a packet.
            lines = [x for x in stage[host].log().splitlines() if "dropped: " in x]
            assert 1 <= len(lines) <= 4 * SLOW, lines


@families
def test_forged_packets_change_nothing(family: int) -> None:
    """Noise and almost-right packets, from the peer's host and a stranger's."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        real = payloads(stage, "p2", "p1", 3)
        before, count = snapshot(stage), rejected(stage, "p2")
        for sender in ("p1", "s1"):
            with stage.lab.socket(sender, 4, socket.SOCK_DGRAM) as sock:
                for i in range(300):
                    data = bytearray(real[i % 3])
                    data[i % len(data)] ^= 1 << (i % 8)
                    for target in ("p1", "p2"):
                        sock.sendto(data, (address(target), PORT))
                        sock.sendto(os.urandom(i % 200), (address(target), PORT))
                    if i % 20 == 0:
                        time.sleep(0.01)
        time.sleep(0.3)
        assert snapshot(stage) == before
        assert rejected(stage, "p2") > count
        assert stage.ask(family) in ("s1", "s2", "s3")


def test_replayed_packets_change_nothing() -> None:
    """A stopped master's own packets, sent again: it stays dead."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        old = payloads(stage, "p2", "p1", 50)
        stage["p1"].stop()
        stage.wait_master("p2")
        wait_for(lambda: not peer(stage, "p2")["reachable"], 5)
        group = stage["p2"].status()["groups"][0]
        with stage.lab.socket("p1", 4, socket.SOCK_DGRAM) as sock:
            sock.bind((address("p1"), PORT))
            for _ in range(10):
                for data in old:
                    sock.sendto(data, (address("p2"), PORT))
                time.sleep(0.02)
        assert peer(stage, "p2")["reachable"] is False
        after = stage["p2"].status()["groups"][0]
        assert after["state"] == "master"
        assert after["transitions"] == group["transitions"]
        assert rejected(stage, "p2") > 0


def test_versions_out_of_reach_are_told() -> None:
    """What nobody here can read, from the peer's address: status says why the
    peer is not heard, for as long as that comes."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        data = bytearray(payloads(stage, "p1", "p2", 1)[0])
        data[4:6] = b"\x09\x09"
        stage["p2"].stop()
        others = data[:4] + b"\2\2" + data[6:12] + b"k" * 16 + b"n" * 8 + data[36:]
        with stage.lab.socket("p2", 4, socket.SOCK_DGRAM) as sock:
            sock.bind((address("p2"), PORT))
            # Another node's, of another key: nobody takes it for the peer's.
            wait_for(lambda: not peer(stage, "p1")["reachable"], 5 * SLOW)
            count = rejected(stage, "p1")
            sock.sendto(others, (address("p1"), PORT))
            wait_for(lambda: rejected(stage, "p1") > count, 5 * SLOW)
            assert "signs with key" not in stage["p1"].cli("status").stdout

            def told() -> bool:
                """status names the version"""
                sock.sendto(data, (address("p1"), PORT))
                return "of version 9" in stage["p1"].cli("status").stdout

            wait_for(told, 5 * SLOW)
        wait_for(lambda: "is not heard" in stage["p1"].cli("status").stdout, 5 * SLOW)
        assert stage.lab.holders(VIP[4]) == ["p1"]


def test_replayed_in_life_change_nothing() -> None:
    """Both alive: each one's packets twice, late, and sent back at it."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        before = snapshot(stage)
        ours, theirs = payloads(stage, "p2", "p1", 50), payloads(stage, "p1", "p2", 50)
        with stage.lab.socket("p1", 4, socket.SOCK_DGRAM) as p1:
            with stage.lab.socket("p2", 4, socket.SOCK_DGRAM) as p2:
                for a, b in zip(ours, theirs):
                    for data in (a, b):
                        p1.sendto(data, (address("p2"), PORT))
                        p2.sendto(data, (address("p1"), PORT))
                    time.sleep(0.005)
        time.sleep(0.2)
        assert snapshot(stage) == before
        assert peer(stage, "p1")["reachable"] and peer(stage, "p2")["reachable"]


def test_different_files_are_noticed() -> None:
    """One node has another configuration: `peer_matches` says so on both."""
    with Stage() as stage:
        other = f"{stage.lab.dir}/other.yaml"
        config = stage.build()
        config["services"][0]["servers"].pop()
        stage.configure(config, other)
        stage["p2"].config = other
        stage.serve()
        stage.start()
        for host in ("p1", "p2"):
            wait_for(lambda: stage[host].status()["config"]["peer_matches"] is False, 3)
        hashes = {stage[h].status()["config"]["hash"] for h in ("p1", "p2")}
        assert len(hashes) == 2
        Path(other).write_text(Path(stage.config).read_text())
        stage["p2"].stop()
        stage["p2"].start()
        for host in ("p1", "p2"):
            wait_for(lambda: stage[host].status().get("config", {}).get("peer_matches") is True, 5)
