"""Goal: what an operator says of a server holds at once, on both nodes, and for
as long as it is not said otherwise: over the end of any process, over both
nodes' restart, and over a cut, after which both say the same."""

import json
import os
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from stage import (
    CHECK_PORT, PORT, SLOW, TOOLS, Stage, address, endpoint, families, single, wait_for,
)
from test_down import one_each, two_servers
from traps import Relay, echo_once, is_reset, service_of


def order(node: Any, *words: str) -> str:
    done = node.cli("server", *words)
    assert done.returncode == 0, (words, done)
    return str(done.stdout.strip())


def servers(node: Any) -> dict[str, tuple[str, int]]:
    """What each is meant to do, by its name."""
    found = node.status().get("services") or [{"servers": []}]
    return {s["name"]: (s["admin"], s["weight"]) for s in found[0]["servers"]}


def say(node: Any, **want: tuple[str, int]) -> None:
    def so() -> bool:
        """the node says that its servers are so"""
        found = servers(node)
        return all(found.get(name) == value for name, value in want.items())

    try:
        wait_for(so, 10 * SLOW, 0.05)
    except AssertionError:
        raise AssertionError(f"{servers(node)} and not {want}") from None


def explains(node: Any, said: dict[str, str]) -> None:
    """It knows who has said it about the first server, when and why, and shows it."""
    assert node.status()["services"][0]["servers"][0]["set"] == said
    assert f": {said['reason']}" in node.cli("status").stdout


@families
def test_drain_and_maint(family: int) -> None:
    """drain: nothing new, the old stay. maint: the old are reset, both legs, and
    those of no other server. ready: it takes part again."""
    with two_servers(family) as (r, _):
        pairs, name = one_each(r), f"web{family}/s1"
        text = order(r.node, name, "drain")
        assert text == f"server s1 of service web{family}: ready -> drain"
        for _ in range(4):
            echo_once(*r.pair("s2"))
        echo_once(*pairs["s1"])
        assert r.node.status()["healthy"] is True
        order(r.node, name, "maint")
        assert is_reset(pairs["s1"][0]) and is_reset(pairs["s1"][1])
        echo_once(*pairs["s2"])
        say(r.node, s1=("maint", 1), s2=("ready", 1))
        shown = r.service()["servers"]
        assert [s["active"] for s in shown] == [False, True], shown
        assert "up, maint" in r.node.cli("status").stdout
        log = r.node.log()
        assert "server s1: ready -> drain, reason: an operator here" in log
        assert "server s1: drain -> maint, reason: an operator here" in log
        order(r.node, name, "ready")
        for ends in one_each(r).values():
            echo_once(*ends)


def test_maintenance_is_no_trouble() -> None:
    """A server that is down for maintenance makes no node unhealthy; with all of
    them out the service is down, and clients wait no longer than they may."""
    with two_servers(4, timeouts={"queue": "300ms"}) as (r, checks):
        order(r.node, "web4/s1", "maint")
        checks["s1"].close()
        wait_for(lambda: r.node.server_states()["s1"] == "down", 10 * SLOW)
        assert r.node.status()["problems"] == []
        order(r.node, "web4/s2", "drain")
        assert r.service()["state"] == "down"
        try:
            assert is_reset(r.client())
        except ConnectionResetError:
            pass  # before connect() was back


def test_weight() -> None:
    with two_servers(6) as (r, _):
        order(r.node, "web6/s1", "weight=0")
        for _ in range(3):
            echo_once(*r.pair("s2"))
        order(r.node, "web6/s1", "weight=3")
        say(r.node, s1=("ready", 3), s2=("ready", 1))
        clients = [r.client() for _ in range(8)]
        for sock in r.work.values():
            sock.setblocking(False)
        got: Counter[str] = Counter()

        def all_there() -> bool:
            """every client has a server"""
            for name, sock in r.work.items():
                try:
                    while True:
                        ends.append(sock.accept()[0])
                        got[name] += 1
                except BlockingIOError:
                    pass
            return sum(got.values()) == len(clients)

        ends: list[Any] = []
        wait_for(all_there, 10 * SLOW, 0.02)
        assert got == {"s1": 6, "s2": 2}, got
        assert "weight 3 -> 1" in order(r.node, "web6/s1", "weight=1")
        assert "as it was" in order(r.node, "web6/s1", "weight=1")


def test_a_client_that_is_sent_on_and_on() -> None:
    """One after the other of many servers is put into maintenance while it is being
    connected to; the last one serves the client. That costs no retries."""
    ports = range(1001, 1015)
    more = {"retries": 0, "timeouts": {"connect": "60s"}}
    spec = service_of(4, servers=[
        {"name": f"n{p}", "address": endpoint(address("s1"), p)} for p in ports
    ], **more)
    with single(services=[spec]) as stage:
        work = {n: stage.lab.listen(n, PORT) for n in ("s1",)}
        with stage.lab.listen("s1", CHECK_PORT), stage.lab.listen("s1", ports[-1]) as last:
            stage.lab.drop("s1", "to", f"tcp dport {ports[0]}-{ports[-2]}")
            stage.start()
            r = Relay(stage, 4, work)
            client = r.client()
            client.sendall(b"hello")
            for port in ports[:-1]:

                def there() -> bool:
                    """it is being connected to this one"""
                    found = {s["name"]: s for s in r.service()["servers"]}
                    return bool(found[f"n{port}"]["connections"]["active"] == 1)

                wait_for(there, 10 * SLOW, 0.02)
                order(r.node, f"web4/n{port}", "maint")
            end = last.accept()[0]
            assert end.recv(5) == b"hello"
            echo_once(client, end)
            assert r.endings() == {}


def test_what_makes_no_sense() -> None:
    with two_servers(4) as (r, _):
        for status, words, said in (
            (1, ("web4/s9", "drain"), "no server 's9' in service web4; did you mean 's1'?"),
            (1, ("web9/s1", "drain"), "no service 'web9'; did you mean 'web4'?"),
            (2, ("web4/s1", "weight=257"), "'weight=257' is not understood"),
            (2, ("web4/s1", "weight="), "'weight=' is not understood"),
            (2, ("web4/s1", "gone"), "'gone' is not understood"),
            (2, ("web4/s1",), "expected what it shall be"),
            (2, ("s1", "drain"), "as SERVICE/NAME, found s1"),
            (2, ("web4/", "reset"), "as SERVICE/NAME, found web4/"),
            (1, ("web9", "reset"), "no service 'web9'"),
            (2, ("web4/s1", "drain", "now"), "'now' is not expected"),
        ):
            done = r.node.cli("server", *words)
            assert done.returncode == status and said in done.stderr, (words, done)
        say(r.node, s1=("ready", 1), s2=("ready", 1))
        assert not Path(r.node.state_dir, "state.json").exists()


def test_both_nodes_agree_and_remember() -> None:
    """Said on either, it holds on both; it outlives each process, a takeover, and
    the restart of both nodes at once."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        p1, p2 = stage["p1"], stage["p2"]
        order(p2, "web/s1", "drain", "--reason", "a disk: 5\" wide")  # the backup
        order(p1, "web/s2", "maint")
        order(p1, "web/s3", "weight=7")
        want = {"s1": ("drain", 1), "s2": ("maint", 1), "s3": ("ready", 7)}
        for node in (p1, p2):
            say(node, **want)
        assert p1.tells(
            'server s1: ready -> drain, reason: agreed with the peer: a disk: 5" wide')
        assert p2.tells('ready -> drain, reason: an operator here: a disk: 5" wide')
        said = p2.status()["services"][0]["servers"][0]["set"]
        assert said["by"] == "proxy2" and said["since"] and "a disk" in said["reason"], said
        for node in (p1, p2):
            explains(node, said)
        told = 'an operator: server web/s1 drain, reason: a disk: 5" wide'
        assert told in p2.cli("events").stdout
        assert stage.ask() == "s3"
        for node, role in ((p1, "relay"), (p1, "failover"), (p2, "relay")):
            pid = node.roles()[role]
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: node.roles().get(role, pid) != pid, 10 * SLOW)
            say(node, **want)
        p1.kill_all()
        stage.wait_master("p2")
        assert stage.ask() == "s3"
        say(p2, **want)
        p2.kill_all()
        stage.start()
        for node in (p1, p2):
            say(node, **want)
            explains(node, said)
        order(p1, "web/s1", "ready")
        say(p2, s1=("ready", 1))


def test_later_wins_after_a_cut() -> None:
    """While they do not hear each other both may say something; then the later
    word holds on both, for each thing."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        p1, p2 = stage["p1"], stage["p2"]
        order(p1, "web/s1", "drain")
        say(p2, s1=("drain", 1))
        stage.lab.drop("p1", "from")
        stage.lab.drop("p1", "to")
        wait_for(lambda: p2.state() == "master", 10 * SLOW)
        order(p1, "web/s1", "maint")
        order(p2, "web/s1", "ready")
        order(p2, "web/s1", "maint")
        order(p2, "web/s1", "ready")
        order(p1, "web/s2", "drain")
        order(p2, "web/s3", "weight=9")
        assert servers(p1)["s1"] == ("maint", 1)
        stage.lab.undrop()
        for node in (p1, p2):
            say(node, s1=("ready", 1), s2=("drain", 1), s3=("ready", 9))
        # Who has lost its memory is told all of it.
        p2.kill_all()
        shutil.rmtree(p2.state_dir)
        stage.start("p2")
        say(p2, s2=("drain", 1), s3=("ready", 9))


def test_s01_lies_do_not_outlive_an_operators_word() -> None:
    """Disks on which somebody has left the highest epoch, and a peer that goes on
    saying it: what a person says holds, over restarts; and `reset` brings back what
    the file says. Of servers that are in no file nothing is kept."""
    servers = ("s1", "s2", "s3")
    lies = [
        {"kind": "admin", "service": "web", "server": name, "value": "maint",
         "epoch": 2**52, "node": 1}
        for name in servers
    ]
    with Stage() as stage:
        stage.serve()
        p1, p2 = stage["p1"], stage["p2"]
        for node in (p1, p2):
            Path(node.state_dir).mkdir(exist_ok=True)
            path = Path(node.state_dir, "state.json")
            path.write_text(json.dumps({"version": 1, "accords": lies}))
        stage.start()
        say(p1, **dict.fromkeys(servers, ("maint", 1)))
        assert "3 settings taken back" in order(p2, "web", "reset")
        for node in (p1, p2):
            say(node, **dict.fromkeys(servers, ("ready", 1)))
        assert stage.ask() in servers
        p2.kill_all()
        p2.binary = f"{TOOLS}/hapair_liar"
        stage.start("p2")
        order(p1, "web/s1", "drain")
        order(p2, "web/s1", "ready")  # it says: maint
        strange = "server s1 of service nowhere is not kept: this node's file has no such"
        wait_for(lambda: strange in p1.log(), 10 * SLOW)
        say(p1, s1=("drain", 1), s2=("ready", 1))
        p1.kill_all()
        stage.start("p1")
        wait_for(lambda: p1.log().count(strange) > 1, 10 * SLOW)
        say(p1, s1=("drain", 1), s2=("ready", 1))
        assert "1 setting taken back" in order(p1, "web/s1", "reset")
        say(p1, s1=("ready", 1))
        assert "as it was" in order(p1, "web", "reset")


def test_state_file() -> None:
    """What is on disk is whole and root's; what is damaged is said, set aside and
    believed in no part."""
    with two_servers(4) as (r, _):
        begun = time.time() - 0.001
        order(r.node, "web4/s1", "drain")
        path = Path(r.node.state_dir, "state.json")
        wait_for(path.exists, 5 * SLOW)
        assert path.stat().st_mode & 0o777 == 0o600
        found = json.loads(path.read_text())["accords"]
        assert begun <= found[0].pop("said_at") / 1000 <= time.time()
        assert found == [
            {"kind": "admin", "service": "web4", "server": "s1", "value": "drain",
             "epoch": 1, "node": 0, "own": True}
        ], found
        assert r.node.stop() == 0
        path.write_text(path.read_text()[:-20])
        r.node.start()
        r.stage.wait_serving("p1")
        say(r.node, s1=("ready", 1))
        assert r.node.tells("state.json: it is damaged, beginning without it")
        assert Path(r.node.state_dir, "state.json.damaged").exists()
        assert not path.exists()
        order(r.node, "web4/s1", "maint")
        wait_for(path.exists, 5 * SLOW)
        r.pid = r.node.relay()
