"""Goal: a cable between the nodes does not hide that a group's own network is
dead. Who is cut off from it gives the group to the one who is not, as soon as
without the cable; and a backup that is cut off costs the master nothing."""

import time
from typing import Any

import lab as labs
from stage import SLOW, VIP, Stage, families, figure, limit, wait_for
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
