"""Goal: while moves are paused nothing that only the network says moves a group,
on either node and over restarts; both nodes say so first; it ends by itself, and
what an operator or the end of a process asks for happens all the same."""

import json
import os
import signal
import socket
import time
from pathlib import Path

from impostor import stopped, to_supervisor
from stage import SLOW, Stage, wait_for

HOSTS = ("p1", "p2")
LINE = "! AUTOMATIC MOVES ARE PAUSED"


def say(stage: Stage, host: str, *words: str) -> str:
    def both() -> str:
        """the peer hears of it; a busy machine may miss it for a moment"""
        done = stage[host].cli(*words)
        return str(done.stdout) if done.returncode == 0 else ""

    return str(wait_for(both, 5 * SLOW))


def say_alone(stage: Stage, host: str, *words: str) -> None:
    """It holds there, but is not on both nodes, and nobody must think so."""
    done = stage[host].cli(*words)
    assert done.returncode == 1, done.stdout
    assert "here" in done.stderr and "the peer does not hear it yet" in done.stderr
    assert f"`hapair {words[0]}` on proxy" in done.stderr, done.stderr


def say_off(stage: Stage, host: str, *words: str) -> None:
    """Nobody is there to take over, so all is done that can be."""

    def done() -> bool:
        """hapair does not run on the peer, and the word is taken"""
        answer = stage[host].cli(*words)
        return answer.returncode == 0 and "does not run on proxy" in answer.stdout

    wait_for(done, 5 * SLOW)


def left(stage: Stage, host: str) -> float:
    return float((stage[host].status().get("pause") or {"left_s": 0})["left_s"])


def wait_paused(stage: Stage, paused: bool = True) -> None:
    def both() -> bool:
        """both nodes say whether moves are paused"""
        return all((left(stage, h) > 0) == paused for h in HOSTS)

    wait_for(both, 5 * SLOW)


def transitions(stage: Stage) -> list[int]:
    return [stage[h].status()["groups"][0]["transitions"] for h in HOSTS]


def test_the_network_moves_nothing() -> None:
    """The master's switch port goes silent, and its cable is pulled; nothing
    moves, and no connection ends. When moves are resumed the next one does."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        assert "paused on both nodes until" in say(stage, "p2", "pause", "1h")
        wait_paused(stage)
        for host in HOSTS:
            done = stage[host].cli("status")
            assert done.returncode == 1, done.stdout
            first = next(x for x in done.stdout.splitlines() if x.startswith("!"))
            assert first.startswith(LINE) and "by a word on proxy2" in first, first
        before = transitions(stage)
        with stage.client() as client:
            assert client.recv(100)
            stage.lab.power_cut("p1")
            time.sleep(1.5 * SLOW)
            assert stage["p2"].state() == "backup"
            why = stage["p2"].status()["groups"][0]["reason"]
            assert why == "peer silent, but moves are paused", why
            say_alone(stage, "p2", "pause", "2h")
            stage.lab.restore("p1")
            wait_for(lambda: left(stage, "p1") > 3600, 5 * SLOW)
            stage.lab.pull_cable("p1")
            time.sleep(0.5 * SLOW)
            assert stage["p1"].state() == "master"
            stage.lab.plug_cable("p1")
            wait_for(lambda: stage["p1"].status()["peers"][0]["reachable"], 5 * SLOW)
            stage.wait_master("p1")
            assert stage["p1"].status()["groups"][0]["transitions"] == before[0]
            client.settimeout(0.2)
            try:
                assert client.recv(1) == b"never"
            except TimeoutError:
                pass
        say(stage, "p1", "resume")
        wait_paused(stage, False)
        # Not at once: the wire has to be made, and checks have to succeed.
        wait_for(lambda: stage["p2"].cli("status").returncode == 0, 10 * SLOW)
        stage.lab.power_cut("p1")
        wait_for(lambda: stage["p2"].state() == "master", 5 * SLOW)
        say_alone(stage, "p2", "resume")
        stage.lab.restore("p1")


def test_it_outlives_restarts_and_ends_by_itself() -> None:
    """Failover alone is killed, one node is restarted, then both at once; a
    planned handover moves the group, and so does a stop; after its time the pause
    is over on both nodes, and what waited happens."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        say(stage, "p1", "pause", "1h")
        wait_paused(stage)
        os.kill(stage["p2"].failover(), signal.SIGKILL)
        wait_for(lambda: stage["p2"].status().get("groups"), 5 * SLOW)
        wait_paused(stage)
        # A busy machine may be too slow for one, and says so.
        wait_for(lambda: stage["p1"].cli("handover").returncode == 0, 10 * SLOW)
        stage.wait_master("p2")
        stage["p2"].stop()
        stage.wait_any_master()
        say_off(stage, "p1", "resume")
        say_off(stage, "p1", "pause", "1h")
        stage["p1"].stop()
        for host in HOSTS:
            stage[host].start()
        stage.wait_any_master(10)
        wait_paused(stage)
        assert 3300 < left(stage, "p2") < 3600
        master = stage.wait_any_master()
        say(stage, "p2", "pause", f"{3 * SLOW}s")
        wait_paused(stage)
        other = "p2" if master == "p1" else "p1"
        stage.lab.power_cut(master)
        wait_for(lambda: stage[other].state() == "master", 20 * SLOW)
        assert "peer silent, but moves are paused" in stage[other].log()
        assert "automatic moves are resumed" in stage[other].log()
        stage.lab.restore(master)


def test_words_that_are_none() -> None:
    with Stage(single=True) as stage:
        stage.serve()
        stage.start()
        assert stage["p1"].cli("pause", "soon").returncode == 2
        for span in ("10ms", "48h"):
            done = stage["p1"].cli("pause", span)
            assert done.returncode == 2 and "expected 1s to 24h" in done.stderr, done.stderr
        for words in (("pause", "10s"), ("resume",)):
            done = stage["p1"].cli(*words)
            assert done.returncode == 1 and "there is no pair" in done.stderr, done.stderr


def sockets(pid: int) -> set[str]:
    links = (os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir())
    return {link for link in links if link.startswith("socket:")}


def wire_of(stage: Stage) -> set[str]:
    """What both of p1's processes hold of it, which is all that is TCP and theirs."""
    node = stage["p1"]
    return sockets(node.pid) & sockets(node.failover()) & tcp_sockets(node.pid)


def tcp_sockets(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return {f"socket:[{line.split()[9]}]" for line in lines if line.split()[3] == "01"}


def test_what_the_supervisor_did_not_read_is_said_again() -> None:
    """It stands still, and its channel is full, when a pause begins and the wire is
    another: it keeps the one and holds the other all the same."""
    with Stage() as stage:
        stage.start()
        node = stage["p1"]
        before = wait_for(lambda: wire_of(stage), 5 * SLOW)
        failover = node.failover()
        with stopped(node.pid), to_supervisor(failover) as impostor:
            # Some 10,000 would fit, and it may not say so many.
            impostor.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
            while impostor.send("WIRE_DOWN"):
                pass
            os.kill(stage["p2"].failover(), signal.SIGKILL)
            say(stage, "p2", "pause", "1m")
            time.sleep(0.1)  # the wire is up again
        kept = Path(node.state_dir, "state.json")
        wait_for(lambda: kept.exists() and "pause" in json.loads(kept.read_text()), 5 * SLOW)
        wait_for(lambda: wire_of(stage) - before, 5 * SLOW)
        assert node.failover() == failover
