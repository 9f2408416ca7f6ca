"""Goal: on the kernel path an operator has what he has on the relay's: one list of live
connections, with whether each would outlive the node; an end of one, or of all that a
server has; servers taken out and drained; and a status that counts them."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any, Iterator

from browser import opened
from stage import CHECK_PORT, PORT, SLOW, VIP, Stage, address, endpoint, families, wait_for
from test_survival import Survivors
from traps import echo_once, is_quiet, is_reset

Ends = tuple[socket.socket, socket.socket]


class Bed:
    """Both nodes, servers s1 and s2 of which the test is both, and their clients."""

    def __init__(self, stage: Stage, family: int, work: dict[str, socket.socket]) -> None:
        self.stage, self.family, self.work = stage, family, work
        self.node = stage["p1"]

    def connect(self, server: str) -> Ends:
        """A client's end, and that of the server which must have got it."""
        client = self.stage.lab.connect("c", VIP[self.family], PORT, 5 * SLOW)
        end, _ = self.work[server].accept()
        for sock in (client, end):
            sock.settimeout(5 * SLOW)
        echo_once(client, end)
        return client, end

    def shown(self, *words: str) -> list[dict[str, Any]]:
        done = self.node.cli("connections", *words, "--json")
        assert done.returncode == 0, done
        return list(json.loads(done.stdout)["connections"])

    def counts(self) -> dict[str, Any]:
        return dict(self.node.services()[0])

    def say(self, *words: str) -> str:
        done = self.node.cli(*words)
        assert done.returncode == 0, done
        return str(done.stdout)


@contextlib.contextmanager
def bed(family: int) -> Iterator[Bed]:
    servers = [
        {"name": n, "address": endpoint(address(n, family), PORT)} for n in ("s1", "s2")
    ]
    web = {
        "name": "web", "path": "kernel", "listen": endpoint(VIP[family], PORT),
        "check": {"port": CHECK_PORT, "interval": "1s", "timeout": "1s", "rise": 1},
        "servers": servers,
    }
    stage = Survivors(web={"listen": ["*:8404"], "allow": ["10.77.0.0/24"]})
    stage.services = [web]
    with contextlib.ExitStack() as stack:
        stack.enter_context(stage)
        work = {n: stack.enter_context(stage.lab.listen(n, PORT)) for n in ("s1", "s2")}
        for name in work:
            stack.enter_context(stage.lab.listen(name, CHECK_PORT))
        stage.start()
        stage.wait_protected("p1", 0)
        yield Bed(stage, family, work)


def test_words_of_an_operator_hold(family: int) -> None:
    with bed(family) as b:
        pairs = {n: [b.connect(n)] for n in ("s1", "s2")}
        for n in ("s1", "s2"):
            pairs[n].append(b.connect(n))
        b.stage.wait_protected("p1", 4)
        listed(b, pairs)
        killed(b, pairs)
        taken_out(b, pairs)
        drained(b, pairs)
        counted(b)


families(test_words_of_an_operator_hold)


def test_the_page_shows_it() -> None:
    """What is protected, and when the stream to the peer ends that, in time."""
    with bed(4) as b:
        ends = b.connect("s1")
        with opened(b.stage.lab) as browser:
            tab = browser.tab()
            tab.go(f"http://{address('p1')}:8404/")
            tab.wait("document.getElementById('passed')?.textContent.includes('1 protected')", 10 * SLOW)
            assert tab.text("#path").startswith("It works · the peer keeps up · 1 of "), tab.text("#path")
            b.stage["p2"].kill_all()
            tab.wait("document.getElementById('passed').textContent.includes('0 protected')", 5 * SLOW)
            assert tab.complaints == [], tab.complaints
            echo_once(*ends)


def listed(b: Bed, pairs: dict[str, list[Ends]]) -> None:
    by_client = {c["client"].rsplit(":", 1)[1]: c for c in b.shown()}
    assert len(by_client) == 4, by_client
    for name, ends in pairs.items():
        for client, end in ends:
            c = by_client[str(client.getsockname()[1])]
            assert (c["server"], c["path"], c["state"]) == (name, "kernel", "open"), c
            assert (c["protected"], c["unprotected"]) == (True, None), c
            assert c["source"].endswith(f":{end.getpeername()[1]}"), c
            assert c["bytes"]["in"] >= 4 and 0 <= c["idle_ms"] <= c["age_ms"], c
    assert len(b.shown("web/s2")) == 2
    assert "kernel" in b.say("connections", "web")
    # The other node keeps them, and they are this one's.
    there = b.stage["p2"].status()
    assert there["kernel"]["slots_used"] == 4, there["kernel"]
    web = there["services"][0]
    assert (web["connections"]["active"], web["kernel"]["active"]) == (0, 0), web
    assert web["kernel"]["kept"] == 4, web
    assert [s["connections"]["active"] for s in web["servers"]] == [0, 0], web


def killed(b: Bed, pairs: dict[str, list[Ends]]) -> None:
    """One by its ID, and nobody else."""
    client, end = pairs["s1"].pop()
    port = f":{client.getsockname()[1]}"
    (number,) = [c["id"] for c in b.shown() if c["client"].endswith(port)]
    assert b.say("kill", number) == f"connection {number} is closed\n"
    assert is_reset(client) and is_reset(end)
    for other in (*pairs["s1"], *pairs["s2"]):
        echo_once(*other)
    done = b.node.cli("kill", number)
    assert done.returncode == 1 and "there is no connection" in done.stderr, done


def taken_out(b: Bed, pairs: dict[str, list[Ends]]) -> None:
    """Maintenance ends what a server has; new clients go elsewhere."""
    b.say("server", "web/s2", "maint")
    for client, end in pairs["s2"]:
        assert is_reset(client) and is_reset(end)
    pairs["s2"] = []
    pairs["s1"] += [b.connect("s1"), b.connect("s1")]
    b.say("server", "web/s2", "ready")


def drained(b: Bed, pairs: dict[str, list[Ends]]) -> None:
    """A drain ends nothing; a kill does, and then the server is empty."""
    b.say("server", "web/s1", "drain")
    pairs["s2"].append(b.connect("s2"))
    for ends in pairs["s1"]:
        echo_once(*ends)
        assert is_quiet(ends[0], 0.05)
    done = b.node.cli("server", "web/s1", "drain", "--wait", "1s")
    assert done.returncode == 1 and "still has 3 connections" in done.stderr, done
    wait_for(lambda: b.counts()["servers"][0]["connections"]["active"] == 3, 5 * SLOW)
    assert b.say("kill", "web/s1") == "server s1 of service web: 3 connections closed\n"
    for client, end in pairs["s1"]:
        assert is_reset(client) and is_reset(end)
    b.say("server", "web/s1", "drain", "--wait", "5s")
    echo_once(*pairs["s2"][0])


def counted(b: Bed) -> None:
    def all_told() -> bool:
        """one of seven is open, and how the others ended is told"""
        web = b.counts()
        kernel, ends = web["kernel"], web["endings"]
        return (
            (web["connections"]["active"], web["connections"]["total"]) == (1, 7)
            and (kernel["active"], kernel["protected"], kernel["relayed"]) == (1, 1, 0)
            and ends == {"closed by an operator": 4, "its server was given up": 2}
        )

    try:
        wait_for(all_told, 5 * SLOW)
    except AssertionError:
        raise AssertionError(b.counts()) from None
