"""Goal: an operator sees each live connection and can close one, or all of a
server's, and no other one; however many there are, those who exchange something
meanwhile do not notice."""

import json
from typing import Any

from stage import families
from test_down import one_each, two_servers
from traps import Relay, echo_once, in_thread, is_quiet, is_reset


def connections(r: Relay, *words: str) -> list[dict[str, Any]]:
    done = r.node.cli("connections", *words, "--json")
    assert done.returncode == 0, done
    found: list[dict[str, Any]] = json.loads(done.stdout)["connections"]
    return found


@families
def test_one_is_seen_and_closed(family: int) -> None:
    """What is listed is what there is, also for one server; an ID closes one."""
    with two_servers(family) as (r, _):
        pairs = one_each(r)
        for ends in pairs.values():
            echo_once(*ends)
        shown = {c["server"]: c for c in connections(r)}
        assert set(shown) == {"s1", "s2"}
        for name, (client, end) in pairs.items():
            c = shown[name]
            assert c["client"].endswith(f":{client.getsockname()[1]}"), c
            assert c["source"].endswith(f":{end.getpeername()[1]}"), c
            assert c["state"] == "open" and c["path"] == "copy", c
            assert c["bytes"]["in"] >= 4 and 0 <= c["idle_ms"] <= c["age_ms"], c
        assert [c["id"] for c in connections(r, f"web{family}/s1")] == [shown["s1"]["id"]]
        text = r.node.cli("connections", f"web{family}").stdout.splitlines()
        assert len(text) == 3 and shown["s2"]["id"] in "".join(text), text
        done = r.node.cli("kill", shown["s1"]["id"])
        assert (done.returncode, done.stdout) == (0, f"connection {shown['s1']['id']} is closed\n")
        assert is_reset(pairs["s1"][0]) and is_reset(pairs["s1"][1])
        assert is_quiet(pairs["s2"][0], 0.2)
        echo_once(*pairs["s2"])
        done = r.node.cli("kill", shown["s1"]["id"])
        assert done.returncode == 1 and "there is no connection" in done.stderr, done
        done = r.node.cli("connections", "none", "--json")
        assert (done.returncode, done.stdout) == (1, ""), done
        assert "did you mean 's1'?" in r.node.cli("kill", f"web{family}/s11").stderr
        # What found nobody was no order.
        told = map(json.loads, r.node.cli("events", "--json").stdout.splitlines())
        orders = [e["what"] for e in told if e["kind"] == "operator"]
        assert orders == [f"kill {shown['s1']['id']}"], orders
        r.ended(killed=1)


def test_all_of_a_server_are_closed() -> None:
    with two_servers(4) as (r, _):
        rows = [one_each(r) for _ in range(4)]
        done = r.node.cli("kill", "web4/s2")
        assert done.stdout == "server s2 of service web4: 4 connections closed\n", done
        for pairs in rows:
            assert is_reset(pairs["s2"][0]) and is_reset(pairs["s2"][1])
            echo_once(*pairs["s1"])
        for ends in one_each(r).values():
            echo_once(*ends)


def test_an_id_outlives_a_reload() -> None:
    """The next relay has the connection, and knows it by the same ID."""
    with two_servers(4) as (r, _):
        pairs = one_each(r)
        before = {c["id"] for c in connections(r)}
        config = r.stage.build()
        config["services"][0]["timeouts"] = {"idle": "1h"}
        r.stage.configure(config)
        done = r.node.cli("reload")
        assert done.returncode == 0, done
        assert {c["id"] for c in connections(r)} == before
        for ends in pairs.values():
            echo_once(*ends)


def test_drain_waits_until_the_server_is_empty() -> None:
    """When the time is over it says how many are left; it ends with the last."""
    with two_servers(4) as (r, _):
        pairs = one_each(r)
        done = r.node.cli("server", "web4/s1", "drain", "--wait", "10ms")
        assert done.returncode == 1 and "still has 1 connection after 10ms;" in done.stderr, done
        assert done.stdout == "server s1 of service web4: ready -> drain\n", done
        ended = in_thread(r.node.cli, "server", "web4/s1", "drain", "--wait")
        assert is_quiet(pairs["s1"][0], 0.3)
        for end in pairs["s1"]:
            end.close()
        done = ended()
        assert done.returncode == 0 and "has no connection any more" in done.stdout, done
