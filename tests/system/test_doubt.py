"""Goal: silence is not taken for death. A node claims what its peer is silent
about only when the network says that nobody has it, or that the peer has hung
for long enough; a third host's address is left alone, who is cut off holds
nothing, and planned moves go to the better node."""

import os
import signal
import socket
import time

from stage import SLOW, VIP, Node, Stage, address, families, limit, wait_for, write_key

HEARTBEAT = "udp dport 8401"
WIRE = "tcp dport 8401"
WIRE_BACK = "tcp sport 8401"


def filter_words(stage: Stage, *what: str) -> None:
    """Nothing of this kind gets through between the nodes, either way."""
    for host in ("p1", "p2"):
        for one in what:
            stage.lab.drop(host, "from", one)


def settled_at(stage: Stage, host: str) -> None:
    """The node has both addresses, for a while, and its peer agrees."""
    stage.wait_master(host)
    for _ in range(10):
        time.sleep(0.03)
        assert all(stage.lab.holders(VIP[f]) == [host] for f in (4, 6))


def quiet(stage: Stage, seconds: float, host: str = "p1") -> None:
    """No address moves for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert all(stage.lab.holders(VIP[f]) == [host] for f in (4, 6))
        time.sleep(0.02)


def reason(stage: Stage, host: str) -> str:
    return str(stage[host].status()["groups"][0]["reason"])


@limit(45)
def test_silent_peer_that_answers_is_left_alone() -> None:
    """All they say to each other is filtered, both hosts live: for
    hang_timeout nothing moves, and the reason is told."""
    with Stage(pair={"hang_timeout": f"{3 * SLOW}s"}) as stage:
        stage.serve()
        stage.start()
        filter_words(stage, HEARTBEAT, WIRE, WIRE_BACK)
        wait_for(lambda: "answered for the addresses" in reason(stage, "p2"), 2 * SLOW)
        quiet(stage, 1.5)
        stage.lab.undrop()
        settled_at(stage, "p1")
        transitions = [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")]
        assert transitions == [1, 1], transitions


@limit(30)
def test_strangers_that_claim_at_once() -> None:
    """Each has another key, both start, and neither hears how the other one claims.
    Once it does the one with the lower address lets go."""
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        stage.serve()
        for host, other in (("p1", "p2"), ("p2", "p1")):
            write_key(f"{stage.lab.host_dir(host)}/pair.key")
            stage.lab.drop(host, "from", f"oifname {other}")
        stage.start(wait=False)
        both = [["p1", "p2"]] * 2
        wait_for(lambda: [stage.lab.holders(VIP[f]) for f in (4, 6)] == both, 10 * SLOW, 0.005)
        stage.lab.undrop()
        wait_for(lambda: [stage.lab.holders(VIP[f]) for f in (4, 6)] == [["p2"]] * 2, 2 * SLOW)
        assert stage["p1"].tells("two masters, peer was not understood")
        quiet(stage, 1.0, "p2")
        for family in (4, 6):
            with stage.client(family) as one:
                assert one.recv(2)


@limit(45)
def test_filtered_heartbeats_go_over_the_wire() -> None:
    """UDP alone is filtered, for longer than hang_timeout: nothing moves."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve()
        stage.start()
        filter_words(stage, HEARTBEAT)
        quiet(stage, 3.0 * SLOW)
        status = stage["p2"].status()
        assert status["peers"][0]["reachable"] is True
        assert [one["up"] for one in status["peers"][0]["links"]] == [False]
        stage.lab.undrop()
        settled_at(stage, "p1")
        assert stage["p1"].status()["groups"][0]["transitions"] == 1


@limit(45)
def test_all_processes_stand_still() -> None:
    """SIGSTOP of everything for 5 s: the lease ends, the peer claims, and
    nothing moves when they go on."""
    with Stage(pair={"hang_timeout": f"{SLOW}s"}) as stage:
        stage.serve()
        stage.start()
        pids = stage["p1"].everyone()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5 * SLOW)
        assert [stage.lab.holders(VIP[f]) for f in (4, 6)] == [["p2"], ["p2"]]
        time.sleep(2.5)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        quiet(stage, 1.5, "p2")
        settled_at(stage, "p2")


@limit(45)
def test_third_host_with_the_address() -> None:
    """Somebody else has a virtual IP: it is not claimed, and that is said; once
    it is gone, it is."""
    with Stage() as stage:
        stage.serve()
        for family, prefix in ((4, 24), (6, 64)):
            with stage.lab_address("s3", family, prefix):
                stage["p1"].start()
                wait_for(lambda: "conflict" in reason_or_none(stage, "p1"), 10 * SLOW)
                time.sleep(1.2)
                assert stage.lab.holders(VIP[family]) == []
                assert stage["p1"].state() == "init"
            wait_for(lambda: stage.lab.holders(VIP[family]) == ["p1"], 5 * SLOW)
            assert stage["p1"].stop() == 0


def reason_or_none(stage: Stage, host: str) -> str:
    groups = stage[host].status().get("groups") or [{"reason": ""}]
    return str(groups[0]["reason"])


@limit(45)
@families
def test_contradicted_master_defends(family: int) -> None:
    """Another host announces the address: the master announces again at once,
    and stays."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        time.sleep(1.2)  # the first announcements are over
        with stage.lab_address("s3", family, 24 if family == 4 else 64):
            shout(stage, "s3", family)
            wait_for(lambda: "conflict" in reason(stage, "p1"), 3 * SLOW)
        assert stage["p1"].state() == "master"
        # Its word was the last: who believed the other believes it again.
        wait_for(lambda: stage.ask(family) in ("s1", "s2", "s3"), 5 * SLOW)


def shout(stage: Stage, host: str, family: int) -> None:
    """A gratuitous ARP or neighbour advertisement for the virtual IP."""
    mac = bytes.fromhex(
        stage.lab.run(host, "cat", "/sys/class/net/eth0/address").stdout.strip().replace(":", "")
    )
    if family == 4:
        ip = socket.inet_aton(VIP[4])
        frame = b"\xff" * 6 + mac + bytes.fromhex("08060001080006040001")
        frame += mac + ip + b"\xff" * 6 + ip
    else:
        ip = socket.inet_pton(socket.AF_INET6, VIP[6])
        every = socket.inet_pton(socket.AF_INET6, "ff02::1")
        body = bytes.fromhex("8800000020000000") + ip + bytes([2, 1]) + mac
        body = body[:2] + checksum(ip, every, body).to_bytes(2, "big") + body[4:]
        frame = bytes.fromhex("333300000001") + mac + bytes.fromhex("86dd60000000")
        frame += len(body).to_bytes(2, "big") + bytes([58, 255]) + ip + every + body
    raw = stage.lab.inside(host, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    with raw:
        raw.bind(("eth0", 0))
        raw.send(frame)


def checksum(source: bytes, dest: bytes, body: bytes) -> int:
    whole = source + dest + len(body).to_bytes(4, "big") + bytes([0, 0, 0, 58]) + body
    total = sum(int.from_bytes(whole[i : i + 2], "big") for i in range(0, len(whole), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@limit(45)
@families
def test_witness(family: int) -> None:
    """Who hears neither its peer nor a witness gives up and claims nothing;
    the other, which hears the witness, serves."""
    with Stage(pair={"witness": [address("s1", family), address("s2", family)]}) as stage:
        stage.serve()
        stage.start()
        stage.lab.power_cut("p2")
        wait_for(lambda: "nobody" in reason(stage, "p2"), 5 * SLOW)
        assert stage["p2"].state() == "fault"
        quiet(stage, 1)
        stage.lab.restore("p2")
        settled_at(stage, "p1")
        stage.lab.power_cut("p1")
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 7 * SLOW)
        assert "nobody" in reason(stage, "p1")
        stage.lab.restore("p1")
        settled_at(stage, "p2")


def with_second_link() -> Stage:
    nodes = [
        {"name": "proxy1", "address": "10.77.0.1", "priority": 150, "links": ["10.78.0.1"]},
        {"name": "proxy2", "address": "10.77.0.2", "priority": 100, "links": ["10.78.0.2"]},
    ]
    return Stage(pair={"nodes": nodes})


@limit(45)
def test_second_link() -> None:
    """One link is filtered: nothing moves, and `status` tells which is down."""
    with with_second_link() as stage:
        for n, host in enumerate(("p1", "p2"), 1):
            stage.lab.run(host, "ip", "addr", "add", f"10.78.0.{n}/24", "dev", "eth0")
        stage.serve()
        stage.start()

        def links() -> list[bool]:
            return [one["up"] for one in stage["p2"].status()["peers"][0]["links"]]

        wait_for(lambda: links() == [True, True], 3 * SLOW)
        for host in ("p1", "p2"):
            stage.lab.drop(host, "from", f"ip saddr 10.77.0.0/24 {HEARTBEAT}")
        wait_for(lambda: links() == [False, True], 3 * SLOW)
        assert stage["p2"].cli("status").returncode == 1
        quiet(stage, 0.5)
        received = stage["p2"].status()["peers"][0]["links"][1]["received"]
        time.sleep(0.3)
        assert stage["p2"].status()["peers"][0]["links"][1]["received"] > received
        stage.lab.undrop()
        wait_for(lambda: links() == [True, True], 3 * SLOW)
        assert "stays" not in stage["p2"].log()


@limit(45)
def test_preempt() -> None:
    """With it the preferred node takes the group back, after its delay."""
    with Stage(pair={"preempt": True, "preempt_delay": f"{SLOW}s"}) as stage:
        stage.serve()
        stage.start()
        assert stage["p1"].stop() == 0
        stage.wait_master("p2")
        stage["p1"].start()
        stage.wait_serving("p1")
        wait_for(lambda: stage["p1"].state() == "backup", 5 * SLOW)
        quiet(stage, 0.7 * SLOW, "p2")
        settled_at(stage, "p1")
        assert "handed over" in reason(stage, "p2")


@limit(45)
def test_own_priorities_of_groups() -> None:
    """Two groups, and each node is master of one of them."""
    groups = [
        {"name": "one", "interface": "eth0", "addresses": [f"{VIP[4]}/24", f"{VIP[6]}/64"]},
        {
            "name": "two",
            "interface": "eth0",
            "addresses": ["10.77.0.101/24"],
            "priority": {"proxy1": 50, "proxy2": 200},
        },
    ]
    with Stage(pair={"groups": groups}) as stage:
        stage.serve()
        for host in ("p1", "p2"):
            stage[host].start()

        def apart() -> bool:
            """each has its own"""
            return stage.lab.holders(VIP[4]) == ["p1"] and stage.lab.holders(
                "10.77.0.101"
            ) == ["p2"]

        wait_for(apart, 10 * SLOW)
        time.sleep(0.3)
        assert apart()


def lost(node: Node) -> int:
    return node.status()["peers"][0]["links"][0]["lost"]


@limit(60)
def test_lost_heartbeats_move_nothing() -> None:
    """A fifth of all heartbeats is lost for 5 s."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        for host in ("p1", "p2"):
            stage.lab.drop(host, "from", f"{HEARTBEAT} numgen random mod 100 < 20")
        quiet(stage, 5)
        wait_for(lambda: lost(stage["p2"]) > 5, 5 * SLOW)
        stage.lab.undrop()
        settled_at(stage, "p1")
        assert stage["p1"].status()["groups"][0]["transitions"] == 1
