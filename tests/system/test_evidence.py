"""Goal: who serves is decided by what a node can know. Whatever ails the backup
costs the master nothing, who hears nobody claims nothing, a peer that lives is
not claimed from, and what anybody can forge moves nothing."""

import socket
import struct
import time
from pathlib import Path
from typing import Any

from stage import SLOW, VIP, Stage, address, families, limit, wait_for

# What one thread decides of what is heard: how others are asked, doubt tries.
THREADS = False

CLIENTS = 20
HEARTBEAT = "udp dport 8401"
WIRE = ("tcp dport 8401", "tcp sport 8401")


def connect_all(stage: Stage) -> list[Any]:
    clients = []
    for n in range(CLIENTS):
        one = stage.client(6 if n % 2 else 4)
        one.settimeout(3)
        one.sendall(b"x")
        clients.append(one)
    time.sleep(0.2)
    return clients


def dead(clients: list[Any]) -> int:
    """How many of them got an end or a reset, and not only what was sent."""
    count = 0
    for one in clients:
        one.setblocking(False)
        try:
            while True:
                if one.recv(4096) == b"":
                    count += 1
                    break
        except BlockingIOError:
            pass
        except OSError:
            count += 1
    return count


def stays(stage: Stage, clients: list[Any], host: str = "p1") -> None:
    """The master has its addresses, and all its connections; it has moved once,
    at the start; and its peer agrees."""
    stage.wait_master(host)
    for one in clients:
        one.setblocking(True)
        one.sendall(b"y")
    time.sleep(0.3)
    assert dead(clients) == 0, dead(clients)
    assert stage[host].status()["groups"][0]["transitions"] == 1, stage[host].log()


def blink(stage: Stage, host: str, seconds: float) -> None:
    stage.lab.power_cut(host)
    time.sleep(seconds)
    stage.lab.restore(host)


@limit(60)
def test_f01_a_backup_that_blinks() -> None:
    """Its switch port is silent for a moment, or long: servers are on the
    network and are asked, so it never claims at all."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        for ms in (60, 70, 80, 100, 150, 200, 300, 400, 1000, 3000):
            blink(stage, "p2", ms / 1e3)
            time.sleep(0.15)
            assert dead(clients) == 0, ms
        stays(stage, clients)
        assert stage["p2"].status()["groups"][0]["state"] == "backup"
        assert "backup -> master" not in stage["p2"].log()


@limit(60)
def test_f01_where_nobody_can_be_asked() -> None:
    """There is no gateway, and no server on the network: the backup claims in
    its blindness, and yields, for the master hears its clients."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        for frame in ("arp operation reply ether saddr != %s" % mac(stage, "p1"), "ip6 nexthdr icmpv6"):
            stage.lab.drop("p2", "to", frame)
        talk = [one for one in clients if one.family == socket.AF_INET]
        for ms in (100, 200, 400):
            stage.lab.power_cut("p2")
            end = time.monotonic() + ms / 1e3
            while time.monotonic() < end:
                for one in talk:
                    one.setblocking(True)
                    one.sendall(b"z")
                time.sleep(0.02)
            stage.lab.restore("p2")
            time.sleep(0.6)
            assert dead(clients) == 0, (ms, stage["p1"].log())
        stage.lab.undrop()
        stays(stage, clients)


def mac(stage: Stage, host: str) -> str:
    return stage.lab.mac(host)


@limit(60)
def test_f18_a_deaf_backup_claims_nothing() -> None:
    """Nothing gets to it, and what it says gets out."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        stage.lab.drop("p2", "to")
        wait_for(lambda: stage["p2"].state() == "fault", 5 * SLOW)
        assert stage["p2"].status()["groups"][0]["reason"] == "nobody is heard"
        time.sleep(3)
        assert all(stage.lab.holders(VIP[f]) == ["p1"] for f in (4, 6))
        stage.lab.undrop()
        stays(stage, clients)


@limit(60)
def test_f18_a_firewall_on_the_backup() -> None:
    """All UDP and TCP to it is dropped; ARP is answered. The master lives, so
    it is not claimed from, however long that lasts."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        for what in ("ip protocol udp", f"tcp dport {8401}", f"tcp sport {8401}"):
            stage.lab.drop("p2", "to", what)
        time.sleep(4 * SLOW)
        assert all(stage.lab.holders(VIP[f]) == ["p1"] for f in (4, 6))
        assert "is not understood" in stage["p2"].status()["groups"][0]["reason"]
        stage.lab.undrop()
        stays(stage, clients)


@limit(60)
@families
def test_f03_a_peer_that_is_not_understood_lives(family: int) -> None:
    """Everything between the nodes is filtered for several leases."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        for host in ("p1", "p2"):
            for what in (HEARTBEAT, *WIRE):
                stage.lab.drop(host, "from", what)
        wait_for(
            lambda: "is not understood" in stage["p2"].status()["groups"][0]["reason"], 9 * SLOW
        )
        time.sleep(3 * SLOW)
        assert stage.lab.holders(VIP[family]) == ["p1"]
        assert stage["p2"].cli("status").returncode == 1
        stage.lab.undrop()
        stays(stage, clients)


@limit(60)
def test_f05_a_firewall_that_rejects() -> None:
    """Both hosts refuse the pair's port, as if nobody were there: the peer has been
    silent before that is found out, and its kernel keeps the addresses."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        rules = "; ".join(
            ["add table inet fw", "add chain inet fw in { type filter hook input priority 0; }"]
            + [f"add rule inet fw in {one} dport 8401 reject" for one in ("udp", "tcp")]
        )
        for host in ("p1", "p2"):
            done = stage.lab.run(host, "nft", rules)
            assert done.returncode == 0, done.stderr
            # As often as asked, and not once a second only.
            done = stage.lab.run(host, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit")
            assert done.returncode == 0, done.stderr
        wait_for(lambda: "its kernel says that it has ended" in stage["p2"].log(), 9 * SLOW)
        time.sleep(0.5 * SLOW)
        assert all(stage.lab.holders(VIP[f]) == ["p1"] for f in (4, 6)), stage["p2"].log()
        for host in ("p1", "p2"):
            stage.lab.run(host, "nft", "delete table inet fw")
        stays(stage, clients)


def answer_arp(stage: Stage, host: str, seconds: float) -> Any:
    """A switch that answers ARP for p1's virtual IP, quicker than it is asked,
    once the file is there."""
    code = (
        "import os,socket,sys,time\n"
        "mac,to=(bytes.fromhex(a.replace(':','')) for a in sys.argv[1:3])\n"
        "ip,who=(socket.inet_aton(a) for a in sys.argv[3:5])\n"
        "s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0)\n"
        "s.bind(('eth0',0))\n"
        "while not os.path.exists(sys.argv[6]): time.sleep(0.001)\n"
        "end=time.monotonic()+float(sys.argv[5])\n"
        "while time.monotonic()<end:\n"
        "  s.send(to+mac+bytes.fromhex('08060001080006040002')+mac+ip+to+who)\n"
        "  time.sleep(0.001)\n"
    )
    words = [stage.lab.mac("p1"), stage.lab.mac("p2"), VIP[4], "10.77.0.2", str(seconds), f"{stage.lab.dir}/go"]
    return stage.lab.spawn(host, ["chrt", "-f", "50", "python3", "-c", code, *words])


@limit(60)
def test_f10_a_switch_that_answers_for_the_dead() -> None:
    """No host's ARP answer keeps a dead master's address for ever."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve("echo")
        stage.start()
        switch = answer_arp(stage, "s3", 20 * SLOW)
        time.sleep(1)
        stage.lab.power_cut("p1")
        Path(stage.lab.dir, "go").touch()
        began = time.monotonic()
        wait_for(lambda: "p2" in stage.lab.holders(VIP[4]), 8 * SLOW)
        assert time.monotonic() - began >= SLOW
        assert stage["p2"].tells("backup -> master, reason: peer silent, what answered")
        switch.terminate()
        switch.wait(5)
        stage.lab.restore("p1")
        stage.wait_master("p2")


def wire_of(stage: Stage, host: str) -> tuple[str, int, str, int]:
    """The wire, as the host's kernel has it: from, port, to, port."""
    for line in stage.lab.run(host, "ss", "-Htn", "state", "established").stdout.splitlines():
        here, there = line.split()[-2:]
        if here.endswith(":8401") or there.endswith(":8401"):
            a, b = here.rsplit(":", 1), there.rsplit(":", 1)
            return a[0], int(a[1]), b[0], int(b[1])
    raise AssertionError("no wire")


@limit(60)
def test_f05_forged_hints_move_nothing() -> None:
    """Resets of the wire and unreachable ports, as often as a hundred times a
    second, while heartbeats arrive."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        raw = stage.lab.inside(
            "p2", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        )
        ports = stage.lab.run("p2", "ss", "-Hun").stdout
        with raw:
            for _ in range(100):
                for port in udp_ports(ports):
                    raw.sendto(unreachable("10.77.0.1", "10.77.0.2", port), ("10.77.0.2", 0))
                time.sleep(0.01)
        # The wire itself: ended for real, again and again, by its kernel.
        for _ in range(5):
            stage.lab.run("p2", "ss", "-K", "sport", "=", ":8401")
            stage.lab.run("p2", "ss", "-K", "dport", "=", ":8401")
            time.sleep(0.1)
        stays(stage, clients)
        assert "backup -> master" not in stage["p2"].log()


def udp_ports(listing: str) -> set[int]:
    ports = {int(w.rsplit(":", 1)[1]) for w in listing.split() if w.rsplit(":", 1)[-1].isdigit()}
    return ports | {8401}


def unreachable(who: str, to: str, port: int) -> bytes:
    """ICMP port unreachable, for a datagram from that port to 8401."""
    udp = struct.pack("!HHHH", port, 8401, 8, 0)
    inner = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, socket.inet_aton(to), socket.inet_aton(who)
    )
    body = struct.pack("!BBHI", 3, 3, 0, 0) + inner + udp
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(body),
        1,
        0,
        64,
        1,
        0,
        socket.inet_aton(who),
        socket.inet_aton(to),
    )
    return head + body


@limit(60)
def test_f07_a_master_alone_with_its_clients() -> None:
    """The peer is off and no server answers ARP for a while: clients' frames
    arrive, so it serves on."""
    with Stage(pair={"witness": [address("s1", 4)]}) as stage:
        stage.serve("echo")
        stage.start()
        stage["p2"].stop()
        clients = connect_all(stage)
        stage.lab.drop("p1", "to", "arp operation reply")
        stage.lab.drop("p1", "to", "ip protocol icmp")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for one in clients:
                one.setblocking(True)
                one.sendall(b"z")
            time.sleep(0.1)
        assert stage["p1"].state() == "master"
        assert dead(clients) == 0
        stage.lab.undrop()


@limit(60)
def test_a_master_that_hears_nobody_lets_go() -> None:
    """After deaf_timeout, and not sooner; its peer serves meanwhile."""
    with Stage(pair={"deaf_timeout": f"{2 * SLOW}s"}) as stage:
        stage.serve("echo")
        stage.start()
        began = time.monotonic()
        stage.lab.power_cut("p1")
        wait_for(lambda: "p2" in stage.lab.holders(VIP[4]), 3 * SLOW)
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 6 * SLOW)
        assert time.monotonic() - began >= 1.9 * SLOW
        assert stage["p1"].status()["groups"][0]["reason"] == "nobody is heard"
        stage.lab.restore("p1")
        stage.wait_master("p2")


@limit(60)
def test_f23_a_cable_replugged_into_a_deaf_port() -> None:
    """The carrier is back, nothing gets through for 6 s: the reigning master
    stays, though the other has the higher priority."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        stage.lab.pull_cable("p1")
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW)
        stage.wait_serving("p2")
        clients = connect_all(stage)
        before = stage["p2"].status()["groups"][0]["transitions"]
        for direction in ("from", "to"):
            stage.lab.drop("p1", direction)
        stage.lab.plug_cable("p1")
        time.sleep(6)
        stage.lab.undrop()
        time.sleep(2)
        stage.wait_master("p2")
        assert dead(clients) == 0
        assert stage["p2"].status()["groups"][0]["transitions"] == before


@limit(60)
def test_f20_a_group_that_was_renamed_on_one_node() -> None:
    """One node is restarted with a file in which the group has another name, and
    then the other: one holder all the time, and no client's connection is lost
    to the first."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        renamed = stage.build()
        renamed["pair"]["groups"][0]["name"] = "other"
        path = f"{stage.lab.dir}/renamed.yaml"
        stage.configure(renamed, path)
        assert stage["p2"].stop() == 0
        stage["p2"].config = path
        stage["p2"].start()
        wait_for(lambda: stage["p2"].state() in ("init", "backup"), 5 * SLOW)
        end = time.monotonic() + 4 * SLOW
        while time.monotonic() < end:
            assert all(stage.lab.holders(VIP[f]) == ["p1"] for f in (4, 6))
            time.sleep(0.02)
        assert dead(clients) == 0
        assert stage["p1"].stop() == 0
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW)
