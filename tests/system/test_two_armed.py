"""Goal: a cable between the nodes does not hide that a group's own network is
dead. Who is cut off from it gives the group to the one who is not, as soon as
without the cable; and a backup that is cut off costs the master nothing. And a
group that is on two networks is one thing: all of it moves, or nothing."""

import contextlib
import os
import signal
import socket
import time
from typing import Any

import lab as labs
from stage import PORT, SLOW, VIP, Stage, families, figure, limit, wait_for
from test_evidence import connect_all, dead, stays


def heartbeats_by_cable(family: int) -> dict[str, Any]:
    """The nodes' addresses are those of the cable: on the group's network they
    have none that the file knows."""
    return {
        "nodes": [
            {"name": name, "address": labs.cable_address(host, family), "priority": priority}
            for host, name, priority in (("p1", "proxy1", 150), ("p2", "proxy2", 100))
        ]
    }


def links_by_cable(family: int) -> dict[str, Any]:
    """The nodes' addresses are on the group's network, and the cable is a link."""
    return {
        "nodes": [
            {
                "name": name,
                "address": labs.address(host, family),
                "links": labs.cable_address(host, family),
                "priority": priority,
            }
            for host, name, priority in (("p1", "proxy1", 150), ("p2", "proxy2", 100))
        ]
    }


def networks(stage: Stage, host: str) -> list[bool]:
    return [n["up"] for n in stage[host].status()["peers"][0]["groups"][0]["networks"]]


def moves(stage: Stage) -> None:
    """The master's port goes silent, its carrier and the cable stay."""
    stage.serve("echo")
    stage.start()
    wait_for(lambda: networks(stage, "p1") == networks(stage, "p2") == [True])
    began = time.monotonic()
    stage.lab.power_cut("p1")
    wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW, 0.005)
    took_ms = (time.monotonic() - began) * 1e3
    assert took_ms < figure(1000), took_ms
    wait_for(lambda: "cut off on interface eth0" in str(stage["p1"].status()["problems"]))
    time.sleep(0.5)
    assert stage["p1"].status()["groups"][0]["transitions"] == 2, stage["p1"].log()
    # It is a backup again when its network is there again, and takes nothing.
    stage.lab.restore("p1")
    stage.wait_master("p2")
    wait_for(lambda: stage["p1"].status()["healthy"], 5 * SLOW)


@limit(60)
@families
def test_f21_heartbeats_by_a_cable_alone(family: int) -> None:
    with Stage(pair=heartbeats_by_cable(family)) as stage:
        stage.lab.cable()
        moves(stage)


@limit(60)
@families
def test_f21_links_by_a_cable(family: int) -> None:
    with Stage(pair=links_by_cable(family)) as stage:
        stage.lab.cable()
        moves(stage)


@limit(60)
def test_the_cables_own_address_goes() -> None:
    """A cable that is pulled may cost both nodes their addresses on it, and a
    host without power costs the other its own: no fault of the group's."""
    with Stage(pair=heartbeats_by_cable(4)) as stage:
        stage.lab.cable()
        stage.serve("echo")
        stage.start()
        wait_for(lambda: networks(stage, "p1") == networks(stage, "p2") == [True])
        for host in ("p1", "p2"):  # as a network manager does without a carrier
            stage.ip(host, "addr", "flush", "dev", "eth1")
        for host in ("p1", "p2"):
            wait_for(lambda: "own address 10.78.0." in stage[host].log(), 5 * SLOW)
        assert [stage[h].state() for h in ("p1", "p2")] == ["master", "backup"]
        assert [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")] == [1, 1]
        stage["p1"].kill_all()
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 9 * SLOW)
        with stage.client(4) as one:
            one.sendall(b"x")
            assert one.recv(1) == b"x"


@limit(60)
def test_a_start_without_the_cables_own_address() -> None:
    """Without power at the peer's end: a link tells which node it is. The address
    that comes with the peer is used then."""
    pair = links_by_cable(4)
    for node in pair["nodes"]:
        node["address"], node["links"] = node["links"], node["address"]
    with Stage(pair=pair) as stage:
        stage.serve("echo")
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "master", 5 * SLOW)
        assert "lacks its own address 10.78.0.1; by its link" in stage["p1"].log()
        stage.lab.cable()
        wait_for(lambda: "own address 10.78.0.1 is back" in stage["p1"].log(), 5 * SLOW)
        stage["p2"].start()
        wait_for(lambda: stage["p2"].state() == "backup", 5 * SLOW)
        wait_for(lambda: all(stage[h].status()["healthy"] for h in ("p1", "p2")), 9 * SLOW)


@limit(60)
def test_f21_a_backup_that_is_cut_off_costs_nothing() -> None:
    """Its port blinks, and is silent for long; what it says, and what is said to
    it, is lost alone."""
    with Stage(pair=heartbeats_by_cable(4)) as stage:
        stage.lab.cable()
        stage.serve("echo")
        stage.start()
        clients = connect_all(stage)
        for ms in (70, 100, 200, 1000):
            stage.lab.power_cut("p2")
            time.sleep(ms / 1e3)
            stage.lab.restore("p2")
            time.sleep(0.2)
            assert dead(clients) == 0, ms
        for direction in ("to", "from"):
            stage.lab.drop("p2", direction)
            time.sleep(1)
            assert dead(clients) == 0, direction
            stage.lab.undrop()
            time.sleep(0.3)
        stays(stage, clients)


@limit(60)
def test_f21_a_master_that_is_mute_or_deaf() -> None:
    """In one direction alone."""
    with Stage(pair=heartbeats_by_cable(4)) as stage:
        stage.lab.cable()
        stage.serve("echo")
        stage.start()
        wait_for(lambda: networks(stage, "p1") == networks(stage, "p2") == [True])
        for host, other, direction in (("p1", "p2", "from"), ("p2", "p1", "to")):
            stage.lab.drop(host, direction)
            wait_for(lambda: stage.lab.holders(VIP[4]) == [other], 5 * SLOW)
            stage.lab.undrop()
            stage.wait_master(other)
            wait_for(lambda: stage[host].status()["healthy"], 5 * SLOW)


FRAMES = 0x88B5


def frames(stage: Stage, host: str) -> socket.socket:
    """Those that come to the host's eth0, and are sent from there."""

    def tap() -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(FRAMES))
        sock.bind(("eth0", FRAMES))
        sock.settimeout(5 * SLOW)
        return sock

    return stage.lab.inside(host, tap)


def rejected(stage: Stage, host: str) -> int:
    network = stage[host].status()["peers"][0]["groups"][0]["networks"][0]
    return int(network["rejected"])


@limit(60)
def test_frames_of_others_are_nothing_to_a_pair() -> None:
    """What is no heartbeat, and those of another pair with a key of its own, do
    not count, and are not taken for the peer's; and who sends the peer's own
    once more is not spoken to in its place."""
    with Stage(pair=heartbeats_by_cable(4)) as stage:
        stage.lab.cable()
        stage.serve("echo")
        stage.start()
        wait_for(lambda: networks(stage, "p1") == networks(stage, "p2") == [True])
        with frames(stage, "p1") as tap:
            said = tap.recv(2048)
        for pid in stage["p2"].everyone():
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: networks(stage, "p1") == [False])
        before = rejected(stage, "p1")
        others = said[:12] + b"k" * 16 + b"n" * 8 + said[36:]
        to = ("eth0", FRAMES, 0, 0, bytes.fromhex(stage.lab.mac("p1").replace(":", "")))
        with frames(stage, "s3") as sock:
            for data in (bytes(len(said)), others, said):
                sock.sendto(data, to)
            # The last is the peer's own, of the past: it alone is refused.
            wait_for(lambda: rejected(stage, "p1") > before)
            sock.settimeout(0.2 * SLOW)
            with contextlib.suppress(TimeoutError):
                while True:  # what is said to all is for it, too
                    assert sock.recvfrom(2048)[1][2] != socket.PACKET_HOST
        assert rejected(stage, "p1") == before + 1
        assert "signs with key" not in stage["p1"].cli("status").stdout
        stage["p2"].kill_all()


def on_both_networks(stage: Stage, mode: str = "echo") -> None:
    """Clients on the first network and servers on the second, and an address of
    each family on each."""
    stage.lab.second_network()
    config = stage.build()
    config["pair"]["groups"][0]["addresses"] += [
        {"address": f"{labs.VIP2[f]}/{labs.PREFIX[f]}", "interface": "eth1"} for f in (4, 6)
    ]
    for one in config["services"]:
        one["servers"] = [f"{labs.second_address(s)}:80" for s in labs.SERVERS]
        one["source"] = labs.VIP2[4]
        one["listen"] += [labs.endpoint(labs.VIP2[f], PORT) for f in (4, 6)]
    stage.configure(config)
    stage.serve(mode)
    stage.start()


def holds_all(stage: Stage, host: str) -> bool:
    """all four addresses are at that host alone"""
    return all(
        stage.lab.holders(VIP[f]) == [host] and stage.lab.holders2(labs.VIP2[f]) == [host]
        for f in (4, 6)
    )


def takes_all(stage: Stage, host: str) -> None:
    wait_for(lambda: holds_all(stage, host), 5 * SLOW)
    wait_for(lambda: stage[host].state() == "master", 5 * SLOW)
    for family in (4, 6):
        with stage.client(family) as one:
            one.sendall(b"x")
            assert one.recv(1) == b"x"


def neighbour(stage: Stage, host: str, addr: str) -> str:
    """The hardware address that the host knows for this address."""
    return stage.lab.run(host, "ip", "neigh", "show", addr).stdout


@limit(60)
def test_f22_a_group_on_two_networks_moves_whole() -> None:
    """A carrier that is lost on either, a port that goes silent on either, and a
    handover."""
    with Stage() as stage:
        on_both_networks(stage)
        takes_all(stage, "p1")
        wait_for(lambda: networks(stage, "p1") == networks(stage, "p2") == [True, True])
        shown = stage["p1"].cli("status").stdout
        assert f"{labs.VIP2[4]}/24 on eth1" in shown, shown
        # Who knew it there learns where it is now, at once.
        with contextlib.suppress(OSError):
            stage.lab.connect("s1", labs.VIP2[4], 9, 1)
        stage.lab.pull_cable("p12")
        takes_all(stage, "p2")
        wait_for(lambda: mac2(stage, "p2") in neighbour(stage, "s1", labs.VIP2[4]), 2 * SLOW)
        assert "interface eth1 lost its carrier" in stage["p1"].log()
        stage.lab.plug_cable("p12")
        wait_for(lambda: stage["p1"].status()["healthy"], 9 * SLOW)
        assert stage["p2"].cli("handover").returncode == 0
        takes_all(stage, "p1")
        stage.lab.power_cut("p12")
        takes_all(stage, "p2")
        assert "cut off on interface eth1" in stage["p1"].log()
        stage.lab.restore("p12")
        wait_for(lambda: stage["p1"].status()["healthy"], 9 * SLOW)
        stage.lab.pull_cable("p2")
        takes_all(stage, "p1")


def mac2(stage: Stage, host: str) -> str:
    line = stage.lab.run(host, "ip", "-o", "link", "show", "eth1").stdout
    return line.split("link/ether ")[1].split()[0]


@limit(60)
def test_f22_what_another_program_does_on_the_second_network() -> None:
    """An address is deleted there, and one is added at the backup; and a stop
    leaves none."""
    with Stage() as stage:
        on_both_networks(stage)
        takes_all(stage, "p1")
        stage.ip("p1", "addr", "del", f"{labs.VIP2[4]}/32", "dev", "eth1")
        takes_all(stage, "p1")
        stage.ip("p2", "addr", "add", f"{labs.VIP2[4]}/24", "dev", "eth1")
        takes_all(stage, "p1")
        assert stage["p1"].status()["groups"][0]["transitions"] == 1
        assert stage["p1"].stop() == 0
        takes_all(stage, "p2")


@limit(60)
def test_f22_a_master_that_hangs_is_no_third_host() -> None:
    """Its kernel answers on both networks, from the hardware of each."""
    with Stage() as stage:
        on_both_networks(stage)
        takes_all(stage, "p1")
        for pid in stage["p1"].everyone():
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: holds_all(stage, "p2"), 9 * SLOW)
        assert "conflict" not in stage["p2"].log(), stage["p2"].log()
        stage["p1"].kill_all()
