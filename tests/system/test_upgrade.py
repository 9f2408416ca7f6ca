"""Goal: while one node is upgraded before the other, both versions are one pair:
each understands of the other what it knows. Where a version can't be read, nobody
takes it for dead."""

import os
import time

from stage import SLOW, TOOLS, VIP, Stage, wait_for

# What it says is of a later version, with more in it (tests/tools/hapair_next.c).
NEXT = f"{TOOLS}/hapair_next"
HOSTS = ("p1", "p2")


def upgrade(stage: Stage, host: str) -> None:
    stage[host].stop()
    stage[host].binary = NEXT
    stage[host].start()
    stage.wait_serving(host)
    wait_for(lambda: all(peer(stage, h).get("reachable") for h in HOSTS), 10 * SLOW)
    wait_for(lambda: all(peer(stage, h)["wire"]["up"] for h in HOSTS), 10 * SLOW)


def peer(stage: Stage, host: str) -> dict:
    return dict((stage[host].status().get("peers") or [{}])[0])


def admin(stage: Stage, host: str) -> str:
    return str(stage[host].status()["services"][0]["servers"][0]["admin"])


def is_one_pair(stage: Stage, word: str) -> None:
    """Handover both ways, an operator's word from each to the other, a silent
    master is followed by the other."""
    for host in HOSTS:
        other = "p2" if host == "p1" else "p1"
        assert stage[host].cli("server", "web/s1", word).returncode == 0
        wait_for(lambda: admin(stage, other) == word, 5 * SLOW)
        word = "ready" if word == "drain" else "drain"
        assert stage[host].cli("status").returncode == 0, stage[host].cli("status").stdout
    for _ in range(2):
        master = stage.wait_any_master()
        other = "p2" if master == "p1" else "p1"
        wait_for(lambda: stage[master].cli("handover").returncode == 0, 10 * SLOW)
        stage.wait_master(other)
    said = stage["p1"].log() + stage["p2"].log()
    for odd in ("malformed", "no hello", "of a version", "not our protocol"):
        assert odd not in said, odd


def test_node_by_node() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        upgrade(stage, "p2")
        is_one_pair(stage, "drain")
        master = stage.wait_any_master()
        other = {"p1": "p2", "p2": "p1"}[master]
        before = stage[other].log()
        stage.lab.power_cut(master)
        wait_for(lambda: "-> master, reason: peer silent" in stage[other].log()[len(before):], 5 * SLOW)


def test_a_version_that_cannot_be_read_is_alive() -> None:
    """The backup is upgraded to one that this one cannot read: no node claims
    what the other has, and status says why they do not hear each other."""
    os.environ["HAPAIR_NEXT"] = "far"
    with Stage() as stage:
        stage.serve()
        stage.start()
        stage["p2"].stop()
        stage["p2"].binary = NEXT
        stage["p2"].start()
        wait_for(lambda: "of version" in stage["p1"].cli("status").stdout, 5 * SLOW)
        # The wire could carry it, and does not: heartbeats of both are unread.
        for _ in range(20):
            assert stage.lab.holders(VIP[4]) == ["p1"]
            time.sleep(0.1)
        assert stage["p1"].state() == "master"
        done = stage["p1"].cli("status")
        assert done.returncode == 1 and "upgrade the older" in done.stdout, done.stdout
