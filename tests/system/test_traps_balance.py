"""Goal: a server that comes back is not run over, clients of `source` keep
their server, and a check that is under way does no harm; traps T34 to T36 of
tests/TRAPS.md (the choices themselves: tests/unit/proxy/test_balance.c)."""

import socket
import time
from typing import Any

from stage import (
    PORT, SLOW, Stage, address, endpoint, families, limit, read_exactly, server, service,
    single, wait_for,
)


def hold(stage: Stage, family: int, count: int) -> list[tuple[str, socket.socket]]:
    """So many connections at once, each with the name of its server."""
    socks = []
    for _ in range(count):
        sock = stage.client(family, 8)
        socks.append((read_exactly(sock, 3).decode().strip(), sock))
    return socks


def shares(socks: list[tuple[str, socket.socket]]) -> dict[str, int]:
    names = [name for name, _ in socks]
    return {name: names.count(name) for name in sorted(set(names))}


@families
@limit(60)
def test_t34_returning_server_under_leastconn(family: int) -> None:
    """100 connections on each of three, one is bounced, 150 come: with
    slow_start it gets some, and the others are not left out."""
    servers = [server(f"s{i}", family, slow_start="20s") for i in (1, 2, 3)]
    spec = service([], balance="leastconn", servers=servers)
    spec.pop("listen")
    with single(services=[spec]) as stage:
        tools = stage.serve()
        stage.start()
        old = hold(stage, family, 300)
        assert shares(old) == {"s1": 100, "s2": 100, "s3": 100}
        tools["s1"].kill()
        tools["s1"].wait()
        for name, sock in old:
            if name == "s1":
                sock.close()
        wait_for(lambda: stage["p1"].server_states()["s1"] == "down", 5 * SLOW)
        stage.serve("banner", "s1")
        wait_for(lambda: stage["p1"].server_states()["s1"] == "up", 5 * SLOW)
        new = hold(stage, family, 150)
        got = shares(new)
        # At first its weight is a twentieth; in 20 s it is whole.
        assert 1 <= got["s1"] <= 75 and min(got["s2"], got["s3"]) >= 25, got
        for _, sock in old + new:
            sock.close()


@families
def test_t35_source_follows_the_client(family: int) -> None:
    """One client address, one server, on both nodes whatever the order in the
    file; and another server only when that one is gone."""
    orders = [("s1", "s2", "s3"), ("s3", "s1", "s2")]
    answers = []
    for order in orders:
        spec = service([], balance="source", servers=[server(n, family) for n in order])
        spec.pop("listen")
        with single(services=[spec]) as stage:
            tools = stage.serve()
            stage.start()
            first = {stage.ask(family) for _ in range(10)}
            assert len(first) == 1, first
            mine = first.pop()
            tools[mine].kill()
            wait_for(lambda: stage["p1"].server_states()[mine] == "down", 5 * SLOW)
            second = {stage.ask(family) for _ in range(10)}
            assert len(second) == 1 and mine not in second
            stage.serve("banner", mine)
            wait_for(lambda: stage["p1"].server_states()[mine] == "up", 5 * SLOW)
            assert stage.ask(family) == mine
            answers.append((mine, second.pop()))
    assert answers[0] == answers[1], answers


@families
def test_t36_checks_under_way_at_the_end(family: int) -> None:
    """Checks are slow, refused or answered while the node stops: it is stopped
    at once, and no descriptor of a check stays while it runs."""
    check: dict[str, Any] = {"interval": "100ms", "timeout": "5s", "rise": 1, "fall": 2}
    servers = [
        {"name": n, "address": endpoint(address(n, family), PORT)} for n in ("s1", "s2", "s3")
    ]
    spec = {"name": "web", "check": check, "servers": servers}
    with single(services=[spec]) as stage:
        stage.lab.drop("s1", "to", f"tcp dport {PORT}")
        with stage.lab.listen("s2", PORT):
            stage["p1"].start()
            wait_for(lambda: stage["p1"].server_states().get("s2") == "up", 5 * SLOW)
            states = stage.lab.run("p1", "ss", "-Htn", "state", "syn-sent").stdout
            assert len(states.splitlines()) == 1, states
            time.sleep(0.5)
            states = stage.lab.run("p1", "ss", "-Htn", "state", "syn-sent").stdout
            assert len(states.splitlines()) == 1, "a check at a time"
            begun = time.monotonic()
            assert stage["p1"].stop() == 0
            assert time.monotonic() - begun < 2 * SLOW
