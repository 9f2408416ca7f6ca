"""Goal: what has happened is to be had afterwards, on either node, in order and
with its reason, over restarts, too; and who follows hears of it at once."""

import json
import re
import subprocess
from typing import Any

from stage import BINARY, SLOW, Node, Stage, scripted_service, wait_for


def events(node: Node) -> list[tuple[str, str, str]]:
    """(node, subject, what) of each."""
    done = node.cli("events", "--json")
    assert done.returncode == 0, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(e["time"] and e["kind"] for e in found), found
    return [(e["node"], e["subject"], e["what"]) for e in found]


def follow(node: Node) -> list[str]:
    return [BINARY, "events", "--follow", "-s", f"{node.lab.host_dir(node.host)}/control.sock"]


def test_both_nodes_tell_of_both_and_remember() -> None:
    """A takeover, a server that goes, an operator's word: told on both nodes, and
    still after the node that told of it first was started again."""
    with Stage(services=[scripted_service("s1", "s2")]) as stage:
        with stage.scripted("s2"), stage.scripted("s1"):
            stage.start()
            assert stage["p1"].cli("server", "web/s2", "drain").returncode == 0
            wait_for(lambda: stage["p1"].server_states()["s1"] == "up", 10 * SLOW)
        want = {
            ("proxy1", "group main", "init -> master"),
            ("proxy1", "an operator", "server web/s2 drain"),
            ("proxy1", "server web/s1", "up -> down"),
            ("proxy2", "group main", "init -> backup"),
        }

        def told(host: str, more: set[tuple[str, str, str]]) -> bool:
            return want | more <= set(events(stage[host]))

        for host in ("p1", "p2"):
            wait_for(lambda h=host: told(h, set()), 10 * SLOW)
        with subprocess.Popen(
            follow(stage["p2"]), stdout=subprocess.PIPE, text=True,
        ) as follower:
            assert follower.stdout is not None
            assert stage["p1"].cli("handover").returncode == 0
            for line in follower.stdout:
                if "proxy2 group main: backup -> master, reason: " in line:
                    break
            follower.kill()
        shown = json.loads(stage["p2"].cli("status", "--json").stdout)["events"]
        assert ("proxy2", "backup -> master") in [(e["node"], e["what"]) for e in shown], shown
        text = stage["p2"].cli("status").stdout
        assert re.search(r"\nLAST EVENTS\n.*proxy2 group main: backup -> master, reason: ",
                         text, re.S), text
        assert stage["p1"].stop() == 0
        stage["p1"].start()
        wait_for(lambda: stage["p1"].status(), 10 * SLOW)
        more = {("proxy1", "daemon", "stopping"), ("proxy2", "group main", "backup -> master")}
        for host in ("p1", "p2"):
            wait_for(lambda h=host: told(h, more), 10 * SLOW)
        found = events(stage["p1"])
        assert found.count(("proxy1", "daemon", "started")) == 2, found
