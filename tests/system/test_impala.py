"""Goal: in front of Impala's coordinators the preset does what its guides leave
to luck: who drains gets nothing new, executors get nothing at all, nobody gets
more than it can serve, and neither silent clients nor checks reach the two
threads that do every login."""

import contextlib
import re
import socket
import time
from pathlib import Path
from typing import Any, Iterator

import impala
from lab import SERVERS
from stage import (
    ROOT, SLOW, Stage, address, endpoint, families, figure, limit, single, wait_for, write_script,
)

PORT = impala.CLIENT_PORT["impalad"]
MASTERS = ("statestored", "catalogd")
CHECK = {"interval": "100ms", "timeout": f"{SLOW}s", "rise": 1, "fall": 2}


def service(family: int = 4, **more: Any) -> dict[str, Any]:
    names = more.pop("names", SERVERS)
    weights = more.pop("weights", {})
    # At once, all of what is its due: what grows is judged in traps_balance.
    # With `source` the preset itself has none, and that is to be seen.
    start = {} if more.get("balance") == "source" else {"slow_start": "0s"}
    return {
        "name": "impala",
        "preset": "impalad",
        "check": {**CHECK, **more.pop("check", {})},
        "servers": [
            {
                "name": n,
                "address": endpoint(address(n, family), PORT),
                "weight": weights.get(n, 1),
                **start,
            }
            for n in names
        ],
        **more,
    }


@contextlib.contextmanager
def cluster(stage: Stage, *names: str) -> Iterator[dict[str, impala.Daemon]]:
    with stage, impala.started(stage.lab, "impalad", *(names or SERVERS)) as daemons:
        stage.start()
        yield daemons


def connect(stage: Stage, family: int = 4, seconds: float = 10) -> socket.socket:
    return stage.lab.connect("c", stage.front(family), 80, seconds * SLOW)


def say(sock: socket.socket, text: bytes = b"hello") -> str:
    """Who answers."""
    impala.send_frame(sock, text)
    name, _, rest = impala.recv_frame(sock).partition(b" ")
    assert rest == text, rest
    return name.decode()


def sessions(stage: Stage, count: int, family: int = 4) -> list[tuple[str, socket.socket]]:
    """So many clients, each logged in at some coordinator."""
    socks = [connect(stage, family) for _ in range(count)]
    return [(say(sock), sock) for sock in socks]


def names(served: list[tuple[str, socket.socket]]) -> set[str]:
    return {name for name, _ in served}


def becomes(stage: Stage, name: str, state: str, host: str = "p1") -> None:
    def so() -> bool:
        """the check has seen it"""
        return stage[host].server_states().get(name) == state

    wait_for(so, 10 * SLOW)


@families
def test_who_drains_keeps_what_it_has(family: int) -> None:
    """A draining coordinator gets no new connection and keeps its old ones; that
    is no failure; when it says so, it is back."""
    stage = single(services=[service(family)])
    with cluster(stage) as daemons:
        old = sessions(stage, 6, family)
        assert names(old) == set(SERVERS), names(old)
        daemons["s1"].set(is_quiescing=True)
        becomes(stage, "s1", "drain")
        assert names(sessions(stage, 8, family)) == {"s2", "s3"}
        assert all(say(sock) == name for name, sock in old)
        done = stage["p1"].status()
        shown = done["services"][0]["servers"][0]
        assert shown["active"] is False and shown["check"]["last"] == "ok", shown
        assert shown["check"]["detail"] == "is_quiescing is true", shown
        assert shown["check"]["type"] == "http" and done["healthy"] is True, done
        assert stage["p1"].tells("up -> drain, reason: is_quiescing is true")
        daemons["s1"].set(is_quiescing=False)
        becomes(stage, "s1", "up")
        assert "s1" in names(sessions(stage, 12, family))


def test_executors_get_nothing() -> None:
    """Also one that lets clients in, and drains besides."""
    stage = single(services=[service()])
    with stage, impala.started(stage.lab, "impalad", *SERVERS) as daemons:
        daemons["s2"].set(is_coordinator=False)
        daemons["s3"].set(is_coordinator=False, is_quiescing=True)
        stage.start()
        states = stage["p1"].server_states()
        assert states == {"s1": "up", "s2": "down", "s3": "down"}, states
        assert names(sessions(stage, 6)) == {"s1"}
        assert daemons["s2"].seen()["accepted"] == 0, daemons["s2"].seen()
        log = stage["p1"].log()
        assert "unknown -> down, reason: is_coordinator is false, expected true" in log


@families
def test_the_61st_goes_elsewhere(family: int) -> None:
    """A coordinator serves 64 clients of a port; the preset lets in 60, the next
    one goes to another, however much less that one is worth."""
    stage = single(services=[service(family, names=["s1", "s2"], weights={"s1": 256})])
    with cluster(stage, "s1", "s2") as daemons:
        first = sessions(stage, 60, family)
        assert names(first) == {"s1"}
        assert names(sessions(stage, 1, family)) == {"s2"}
        assert daemons["s1"].seen()["most"] == 60


def silent(stage: Stage, count: int, to: str, port: int) -> list[socket.socket]:
    return [stage.lab.connect("c", to, port) for _ in range(count)]


def test_silent_clients_block_nobody() -> None:
    """Two of them stop every login of a coordinator; behind hapair, 200 do not."""
    stage = single(services=[service()])
    with cluster(stage) as daemons:
        # The failure, as its users describe it: past hapair.
        held = silent(stage, 2, address("s3"), PORT)
        wait_for(lambda: daemons["s3"].seen()["accepted"] == 2)
        with stage.lab.connect("c", address("s3"), PORT, 0.5) as blocked:
            impala.send_frame(blocked, b"hello")
            try:
                impala.recv_frame(blocked)
                raise AssertionError("the fake is no Impala: two do not block it")
            except TimeoutError:
                pass
        for sock in held:
            sock.close()
        before = [daemons[n].seen()["accepted"] for n in SERVERS]
        held = silent(stage, 200, stage.front(), 80)
        assert len(sessions(stage, 9)) == 9
        after = [daemons[n].seen()["accepted"] for n in SERVERS]
        assert sum(after) == sum(before) + 9, (before, after)


def test_a_check_never_touches_the_client_port() -> None:
    """And two services on one host ask it once."""
    second = {**service(), "name": "hue", "balance": "source"}
    second["listen"] = [endpoint("10.77.0.1", 81)]
    stage = single(services=[service(), second])
    with cluster(stage, "s1") as daemons:
        wait_for(lambda: daemons["s1"].seen()["pages"]["/?json"] > 5, 10 * SLOW)
        begun, asked = time.monotonic(), daemons["s1"].seen()["pages"]["/?json"]
        wait_for(lambda: daemons["s1"].seen()["pages"]["/?json"] >= asked + 10, 20 * SLOW)
        # 100 ms from the end of one to the next, less a tenth: 10 in 900 ms.
        # Twice as many would take half as long.
        assert time.monotonic() - begun > 0.65, "asked more than once at a time"
        seen = daemons["s1"].seen()
        assert seen["accepted"] == 0 and set(seen["pages"]) == {"/?json"}, seen


@families
def test_a_killed_coordinator(family: int) -> None:
    """Its clients hear of it, new ones go elsewhere at once, long before the next
    check of an interval of a minute."""
    stage = single(services=[service(family, check={"interval": "60s", "fall": 1})])
    with cluster(stage) as daemons:
        old = sessions(stage, 9, family)
        daemons["s1"].kill()
        for name, sock in old:
            if name != "s1":
                assert say(sock) == name
                continue
            # What a kernel says for a process that was killed.
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b"", "no end"
        assert names(sessions(stage, 6, family)) == {"s2", "s3"}
        becomes(stage, "s1", "down")


def test_before_impala_3_1() -> None:
    """A page without the keys says nothing: then /healthz decides."""
    stage = single(services=[service(names=["s1"])])
    with stage, impala.started(stage.lab, "impalad", "s1") as daemons:
        daemons["s1"].set(is_coordinator=None, is_quiescing=None)
        stage.start()
        assert stage["p1"].server_states() == {"s1": "up"}
        assert stage["p1"].tells("unknown -> up, reason: status 200 of /healthz")
        daemons["s1"].set(healthy=False)
        becomes(stage, "s1", "down")
        assert stage["p1"].tells("up -> down, reason: status 503, expected 200")


@limit(60)
def test_hue_stays_with_its_coordinator() -> None:
    """With `balance: source` a client is where it was after a takeover, and again
    when its coordinator has returned."""
    stage = Stage(services=[service(balance="source")])
    with cluster(stage) as daemons:
        mine = names(sessions(stage, 3))
        assert len(mine) == 1, mine
        stage["p1"].kill_all()
        stage.wait_master("p2")
        assert names(sessions(stage, 3)) == mine
        (home,) = mine
        daemons[home].kill()
        becomes(stage, home, "down", "p2")
        other = names(sessions(stage, 3))
        assert len(other) == 1 and other != mine, (mine, other)
        with impala.started(stage.lab, "impalad", home):
            becomes(stage, home, "up", "p2")
            assert names(sessions(stage, 3)) == mine


def master(stage: Stage, kind: str) -> str:
    """Who answers as the one statestored, or catalogd; "" while that changes."""
    try:
        with stage.lab.connect("c", stage.front(), impala.CLIENT_PORT[kind], figure(5000)) as sock:
            return say(sock)
    except OSError:
        return ""


def test_the_first_users_cluster() -> None:
    """config/examples/impala.yaml, with its names replaced by the lab's: five
    impalads on three hosts, one after the other; and the masters of one host, until
    an operator moves them to the other, by way of the fence."""
    text = Path(ROOT, "config/examples/impala.yaml").read_text()
    places = [(f"10.77.0.{31 + i}", SERVERS[i % 3]) for i in range(5)]
    for i, (addr, _) in enumerate(places):
        text = text.replace(f"hadoop{461 + i}.lt.server.org", addr)
    assert "server.org:" not in text, text
    stage = single()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stage)
        daemons = stack.enter_context(impala.started(stage.lab, "impalad", *SERVERS))
        for kind in MASTERS:
            stack.enter_context(impala.started(stage.lab, kind, "s1", "s2"))
        for addr, host in places:
            stage.ip(host, "addr", "add", f"{addr}/24", "dev", "eth0")
        # Of the pair only one node plays: its part is tested elsewhere.
        text = re.sub(r"(?ms)^pair:.*?^(?=services:)", "", text)
        text = text.replace("10.0.0.100", stage.front())
        for script in ("fence", "promote"):
            said = f'echo {script} "$@" >>{stage.lab.dir}/said'
            path = write_script(f"{stage.lab.dir}/{script}", said)
            text = text.replace(f"/etc/hapair/{script}-impala", path)
        text += f"\ncontrol: {stage.lab.run_dir}/control.sock\n"
        Path(stage.config).write_text(text)
        stage.start()
        wait_for(lambda: set(stage["p1"].server_states().values()) == {"up"}, 20 * SLOW)
        served = []
        for _ in range(10):
            served.append(stage.lab.connect("c", stage.front(), 8006, figure(5000)))
        got = sorted(say(sock) for sock in served)
        assert got == ["s1"] * 4 + ["s2"] * 4 + ["s3"] * 2, got
        assert all(d.seen()["pages"].keys() == {"/?json"} for d in daemons.values())
        assert [master(stage, kind) for kind in MASTERS] == ["s1", "s1"]
        done = stage["p1"].cli("server", f"catalogd/{places[1][0]}", "activate")
        assert done.returncode == 0, done.stderr
        wait_for(lambda: [master(stage, kind) for kind in MASTERS] == ["s2", "s2"], 10)
        words = f"statestored {places[0][0]} {places[1][0]}"
        said = Path(stage.lab.dir, "said")
        wait_for(lambda: said.read_text() == f"fence {words}\npromote {words}\n", 10)
