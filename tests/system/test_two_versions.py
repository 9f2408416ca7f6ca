"""Goal: while one node is upgraded before the other, and on the way back, both versions
are one pair: each understands of the other what it knows. So are the last release and
this build, and this build and a later one. Where a version can't be read, nobody takes it
for dead."""

import os
import subprocess
import time

from lab import VIP
from stage import (
    BINARY, PORT, ROOT, SLOW, TOOLS, LeftOut, Stage, endpoint, limit, server, service, wait_for,
)
from test_standby import standby

# What it says is of a later version, with more in it (tests/tools/hapair_next.c).
NEXT = f"{TOOLS}/hapair_next"
HOSTS = ("p1", "p2")
STORE = 81


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
    for odd in ("malformed", "no hello", "of a version", "speak our protocol", "speaks no version"):
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


def last_release() -> str:
    """Its program. It takes half a minute to build, once."""
    done = subprocess.run([f"{ROOT}/scripts/last-release"], capture_output=True, text=True)
    if done.returncode == 3:
        raise LeftOut(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def version_of(binary: str) -> str:
    done = subprocess.run([binary, "version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def change_one(stage: Stage, binary: str) -> None:
    """p2 becomes this program, as in an upgrade or on the way back: with the state that
    the other one has kept."""
    # What the release does not know goes past it.
    more = ("--reason", "a disk") if stage["p1"].binary == BINARY else ()
    assert stage["p1"].cli("server", "web/s3", "drain", *more).returncode == 0
    wait_for(lambda: word(stage, "p2") == "drain", 10 * SLOW)
    stage["p2"].stop()
    stage["p2"].binary = binary
    stage["p2"].start()
    stage.wait_serving("p2")
    wait_for(lambda: all(peer(stage, h)["wire"]["up"] for h in HOSTS), 10 * SLOW)
    wait_for(lambda: word(stage, "p2") == "drain", 10 * SLOW)


def word(stage: Stage, host: str) -> str:
    """An operator's about s3."""
    return str(stage[host].status()["services"][0]["servers"][2]["admin"])


def names_both(stage: Stage, binaries: dict[str, str]) -> None:
    """Each node's status knows both versions, and that the file is the same."""
    is_of = {host: version_of(binaries[host]) for host in HOSTS}
    assert is_of["p1"] != is_of["p2"]
    for host, other in (HOSTS, HOSTS[::-1]):
        wait_for(lambda: peer(stage, host).get("version") == is_of[other], 10 * SLOW)
        status = stage[host].status()
        assert status["version"] == is_of[host]
        assert status["config"]["peer_matches"] and status["healthy"], status["problems"]
        text = stage[host].cli("status").stdout
        assert all(version in text for version in is_of.values()), text
        assert "a pair is of two versions while it is upgraded" in text, text
        # Which none of an earlier version knows, so it is not asked.
        if binaries[host] == BINARY:
            done = stage[host].cli("reload", "--both")
            assert done.returncode == 1 and "takes no file from here" in done.stderr, done


def one_active(stage: Stage) -> None:
    """An operator's word about the active server holds on both, and over a handover;
    then the other version decides."""
    for name in ("s2", "s1"):
        master = stage.wait_any_master()
        wait_for(
            lambda: stage[master].cli("server", f"store/{name}", "activate").returncode == 0,
            10 * SLOW,
        )
        for host in HOSTS:
            wait_for(lambda: standby(stage[host], 1).get("active") == name, 10 * SLOW)
        wait_for(lambda: stage[master].cli("handover").returncode == 0, 10 * SLOW)
    for host in HOSTS:
        assert standby(stage[host], 1).get("active") == "s1"


def are_one_pair(binaries: dict[str, str]) -> None:
    web = service([endpoint(VIP[f], PORT) for f in (4, 6)])
    store = service(
        [endpoint(VIP[4], STORE)], name="store", mode="standby",
        servers=[server("s1"), server("s2")],
    )
    with Stage(services=[web, store]) as stage:
        stage.serve()
        for host in HOSTS:
            stage[host].binary = binaries["p1"]
        stage.start()
        change_one(stage, binaries["p2"])
        names_both(stage, binaries)
        is_one_pair(stage, "drain")
        one_active(stage)
        master = stage.wait_any_master()
        other = {"p1": "p2", "p2": "p1"}[master]
        stage.lab.power_cut(master)
        assert wait_for(lambda: stage[other].state() == "master", 10 * SLOW)
        assert "-> master, reason: peer silent" in stage[other].log()
        wait_for(lambda: stage.ask() in ("s1", "s2"), 5 * SLOW)


@limit(150)
def test_the_release_first() -> None:
    are_one_pair({"p1": last_release(), "p2": BINARY})


@limit(150)
def test_the_release_second() -> None:
    are_one_pair({"p1": BINARY, "p2": last_release()})
