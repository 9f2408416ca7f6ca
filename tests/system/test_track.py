"""Goal: what is tracked decides what a node is worth: without a weight it is at
fault, with one its priority falls and the better node takes over, and a return
moves nothing. Also priorities of groups, by which each node holds one."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from stage import (
    SLOW, VIP, Stage, address, endpoint, figure, limit, service, wait_for, write_script,
)

# What one thread decides.
THREADS = False


def tracking(*track: dict[str, Any], **pair: Any) -> Stage:
    return Stage(pair={"track": list(track), **pair})


def other_interfaces(stage: Stage) -> None:
    """A second interface on each host, whose other end is not used."""
    for host in ("p1", "p2"):
        for words in (
            ("link", "add", "other", "type", "veth", "peer", "name", "end"),
            ("link", "set", "end", "up"),
            ("link", "set", "other", "up"),
        ):
            stage.ip(host, *words)


def unreachable(stage: Stage, host: str, *servers: str, word: str = "add") -> None:
    """This host alone does not reach these servers, by IPv4 and IPv6."""
    for name in servers:
        for family, bits in ((4, 32), (6, 128)):
            to = f"{address(name, family)}/{bits}"
            stage.ip(host, f"-{family}", "route", word, "prohibit", to)


def script(stage: Stage, body: str) -> None:
    """As {run}/check, in each host's own folder."""
    for host in ("p1", "p2"):
        write_script(f"{stage.lab.host_dir(host)}/check", f"cd {stage.lab.run_dir}\n{body}")


def mark(stage: Stage, host: str, name: str, there: bool = True) -> None:
    path = Path(stage.lab.host_dir(host), name)
    if there:
        path.touch()
    else:
        path.unlink()


def group(stage: Stage, host: str, index: int = 0) -> dict[str, Any]:
    groups = stage[host].status().get("groups") or [{}] * 2
    return dict(groups[index])


def states(stage: Stage) -> list[str]:
    return [stage[host].state() for host in ("p1", "p2")]


def away(stage: Stage, reason: str) -> None:
    """p1 is at fault for this reason, p2 serves, and status says so."""
    stage.lab.holders(VIP[4])
    wait_for(lambda: group(stage, "p1").get("state") == "fault", 5 * SLOW)
    assert group(stage, "p1")["reason"] == reason, group(stage, "p1")
    wait_for(lambda: stage.lab.holders(VIP[4]) == stage.lab.holders(VIP[6]) == ["p2"], 5 * SLOW)
    done = stage["p1"].cli("status")
    assert done.returncode == 1 and reason in done.stdout, done.stdout


def back(stage: Stage) -> None:
    """p1 is well again, and nothing moves."""
    stage.wait_master("p2", 10)
    time.sleep(0.3)
    stage.wait_master("p2")
    assert [t["ok"] for t in group(stage, "p1")["track"]] == [True]
    assert stage["p1"].cli("status").returncode == 0


# -- interfaces -------------------------------------------------------------


def test_interface_at_fault() -> None:
    """Down at once, up after a second of being up."""
    with tracking({"interface": "other"}) as stage:
        other_interfaces(stage)
        stage.serve()
        stage.start()
        assert group(stage, "p1")["track"] == [
            {"kind": "interface", "name": "other", "ok": True, "weight": None}
        ]
        running = stage.probes(1.5)
        time.sleep(0.5)
        stage.ip("p1", "link", "set", "other", "down")
        result = running.result()
        assert result["gap_ms"] <= figure(150), result
        away(stage, "tracked interface other is down")
        stage.ip("p1", "link", "set", "other", "up")
        began = time.monotonic()
        wait_for(lambda: group(stage, "p1")["state"] != "fault", 5 * SLOW)
        assert 0.8 <= time.monotonic() - began <= 1 + figure(500) / 1000
        back(stage)


def test_interface_without_carrier_or_gone() -> None:
    with tracking({"interface": "other"}) as stage:
        other_interfaces(stage)
        stage.serve()
        stage.start()
        stage.ip("p1", "link", "set", "end", "down")
        away(stage, "tracked interface other is down")
        stage.ip("p1", "link", "set", "end", "up")
        back(stage)
        stage.ip("p2", "link", "del", "other")
        stage.wait_serving("p1")
        wait_for(lambda: stage.lab.holders(VIP[4]) == ["p1"], 5 * SLOW)
        assert group(stage, "p2")["reason"] == "tracked interface other is down"


def test_interface_that_is_not_there_at_the_start() -> None:
    """On neither host: the preferred one serves all the same, until the other
    is well."""
    with tracking({"interface": "other"}) as stage:
        stage.serve()
        stage.start()
        stage.wait_master("p1", 10)
        done = stage["p1"].cli("status")
        assert done.returncode == 1 and "tracked interface other is down" in done.stdout
        stage.ip("p2", "link", "add", "other", "type", "veth", "peer", "name", "end")
        stage.ip("p2", "link", "set", "end", "up")
        stage.ip("p2", "link", "set", "other", "up")
        wait_for(lambda: states(stage) == ["fault", "master"], 10 * SLOW)
        assert stage.lab.holders(VIP[4]) == ["p2"]
        assert group(stage, "p1")["reason"] == "tracked interface other is down"


def test_reason_is_a_fault_that_still_is() -> None:
    """Two faults, of which the first to come is the first to go: who looks is
    told of the other then, and the log has a line for each."""
    with tracking({"interface": "other"}) as stage:
        other_interfaces(stage)
        stage.serve()
        stage.start()
        stage.ip("p1", "link", "set", "other", "down")
        away(stage, "tracked interface other is down")
        stage.lab.pull_cable("p1")
        wait_for(lambda: group(stage, "p1")["reason"] == "interface eth0 lost its carrier", 5 * SLOW)
        stage.ip("p1", "link", "set", "other", "up")
        time.sleep(1.2)
        assert group(stage, "p1")["reason"] == "interface eth0 lost its carrier"
        stage.ip("p1", "link", "set", "other", "down")
        time.sleep(0.3)
        stage.lab.plug_cable("p1")
        wait_for(lambda: group(stage, "p1")["reason"] == "tracked interface other is down", 5 * SLOW)
        assert group(stage, "p1")["transitions"] == 2
        assert stage["p1"].tells("stays fault, reason: interface eth0 lost its carrier")
        stage.ip("p1", "link", "set", "other", "up")
        back(stage)


def test_interface_with_weight() -> None:
    """Its priority falls below the peer's, which takes over without a gap."""
    with tracking({"interface": "other", "weight": 60}) as stage:
        other_interfaces(stage)
        stage.serve()
        stage.start()
        running = stage.probes(1.5)
        time.sleep(0.5)
        stage.ip("p1", "link", "set", "other", "down")
        result = running.result()
        assert result["gap_ms"] <= figure(150), result
        stage.wait_master("p2")
        one = group(stage, "p1")
        assert (one["priority"], one["effective_priority"]) == (150, 90), one
        assert one["track"][0] == {
            "kind": "interface", "name": "other", "ok": False, "weight": 60
        }
        assert one["reason"] == "handed over to the peer", one
        stage.ip("p1", "link", "set", "other", "up")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 150, 5 * SLOW)
        back(stage)


def test_weight_that_changes_nothing() -> None:
    """150 less 40 is still more than 100; and of both nodes the better stays."""
    with tracking({"interface": "other", "weight": 40}) as stage:
        other_interfaces(stage)
        stage.serve()
        stage.start()
        running = stage.probes(1.5)
        stage.ip("p1", "link", "set", "other", "down")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 110, 5 * SLOW)
        stage.ip("p2", "link", "set", "other", "down")
        wait_for(lambda: group(stage, "p2")["effective_priority"] == 60, 5 * SLOW)
        result = running.result()
        assert result["ok"] == result["probes"], result
        stage.wait_master("p1")


# -- services ---------------------------------------------------------------


def test_service_at_fault() -> None:
    with tracking({"service": "web", "min_servers": 2}) as stage:
        stage.serve()
        stage.start()
        unreachable(stage, "p1", "s1")
        time.sleep(0.5)
        stage.wait_master("p1")  # two are enough
        unreachable(stage, "p1", "s2")
        away(stage, "tracked service web has too few servers up")
        assert group(stage, "p1")["track"][0]["min_servers"] == 2
        unreachable(stage, "p1", "s1", "s2", word="del")
        back(stage)


def test_service_with_weights() -> None:
    """Each server that is missing costs something."""
    with tracking(
        {"service": "web", "min_servers": 3, "weight": 30},
        {"service": "web", "min_servers": 2, "weight": 30},
    ) as stage:
        stage.serve()
        stage.start()
        unreachable(stage, "p1", "s1")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 120, 5 * SLOW)
        stage.wait_master("p1")
        unreachable(stage, "p1", "s3")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 90, 5 * SLOW)
        stage.wait_master("p2")
        unreachable(stage, "p1", "s1", "s3", word="del")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 150, 5 * SLOW)
        stage.wait_master("p2")


def test_restart_of_the_relay_judges_nobody() -> None:
    """A relay that begins has no server up yet, which is no reason to leave."""
    with tracking({"service": "web", "min_servers": 3}) as stage:
        stage.serve()
        stage.start()
        moves = group(stage, "p1")["transitions"]
        for _ in range(3):
            before = stage["p1"].relay()
            os.kill(before, signal.SIGKILL)
            wait_for(lambda: stage["p1"].roles().get("relay", before) != before, 5)
            stage.wait_serving("p1")
        time.sleep(0.3)
        stage.wait_master("p1")
        assert group(stage, "p1")["transitions"] == moves


# -- scripts ----------------------------------------------------------------

SCRIPT: dict[str, Any] = {"script": "{run}/check", "interval": "100ms"}


def test_script_at_fault() -> None:
    with tracking(SCRIPT) as stage:
        script(stage, "[ ! -e ill ]")
        stage.serve()
        stage.start()
        mark(stage, "p1", "ill")
        away(stage, "tracked script check failed")
        mark(stage, "p1", "ill", False)
        back(stage)


def test_script_with_weight_and_a_row() -> None:
    """Two failures in a row are not three; it outlasts a restart of failover."""
    with tracking({**SCRIPT, "weight": 100, "fall": 3, "rise": 2, "interval": "200ms"}) as stage:
        # Each run takes a word from the list, if there is one, and obeys.
        script(stage, "read word rest <words; echo $rest >words; [ ${word:-good} = good ]")
        for host in ("p1", "p2"):
            mark(stage, host, "words")
        stage.serve()
        stage.start()

        def say(words: str) -> None:
            path = Path(stage.lab.host_dir("p1"), "words")
            path.write_text(words + "\n")
            wait_for(lambda: not path.read_text().strip(), 10 * SLOW)

        say("bad bad good bad bad good")
        assert group(stage, "p1")["effective_priority"] == 150
        stage.wait_master("p1")
        say("bad bad bad")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 50, 5 * SLOW)
        stage.wait_master("p2")
        say("good")
        wait_for(lambda: group(stage, "p1")["effective_priority"] == 150, 5 * SLOW)


def test_script_with_weight_outlasts_the_failover() -> None:
    """A failover that is replaced knows at once what the last one knew."""
    with tracking({**SCRIPT, "weight": 20, "interval": "30s"}) as stage:
        script(stage, "[ ! -e ill ]")
        mark(stage, "p1", "ill")
        stage.serve()
        stage.start()
        assert group(stage, "p1")["effective_priority"] == 130
        before = stage["p1"].failover()
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: stage["p1"].roles().get("failover", before) != before, 5)
        wait_for(lambda: group(stage, "p1").get("effective_priority") == 130, 5 * SLOW)
        stage.wait_master("p1")


def test_script_that_hangs() -> None:
    """Its time is over, so it has failed; the next run is another try."""
    with tracking({**SCRIPT, "timeout": "300ms", "interval": "500ms"}) as stage:
        script(stage, "[ ! -e hang ] || sleep 1000")
        stage.serve()
        stage.start()
        mark(stage, "p1", "hang")
        away(stage, "tracked script check failed")
        assert "script" in stage["p1"].log() and "took too long" in stage["p1"].log()
        mark(stage, "p1", "hang", False)
        back(stage)


def test_script_that_is_not_there() -> None:
    """On both: nobody is better, one serves, and the log says why both are ill."""
    with tracking(SCRIPT) as stage:
        stage.serve()
        stage.start()
        for host in ("p1", "p2"):
            assert stage[host].tells("check: status 127, no such file")
            assert stage[host].cli("status").returncode == 1
        stage.wait_master("p1")


def test_f11_both_are_at_fault() -> None:
    """The master stays where the peer is no better, the less ill one of two
    serves, and who stands back serves when the other is gone."""
    scripts = ({**SCRIPT, "script": f"{{run}}/{name}"} for name in ("check", "check2"))
    with tracking(*scripts) as stage:
        script(stage, "[ ! -e ill ]")
        for host in ("p1", "p2"):
            path = f"{stage.lab.host_dir(host)}/check2"
            write_script(path, f"cd {stage.lab.run_dir}\n[ ! -e ill2 ]")
        stage.serve()
        stage.start()
        mark(stage, "p2", "ill")
        wait_for(lambda: group(stage, "p2")["state"] == "fault", 5 * SLOW)
        mark(stage, "p1", "ill")
        wait_for(lambda: states(stage) == ["master", "backup"], 5 * SLOW)
        assert group(stage, "p1")["reason"] == "at fault, but the peer was no better"
        mark(stage, "p1", "ill2")
        wait_for(lambda: states(stage) == ["fault", "master"], 5 * SLOW)
        stage.lab.power_cut("p2")
        wait_for(lambda: "p1" in stage.lab.holders(VIP[4]), 5 * SLOW)
        stage.lab.restore("p2")
        wait_for(lambda: states(stage) == ["fault", "master"], 5 * SLOW)
        assert stage.lab.holders(VIP[4]) == ["p2"]


# -- groups with priorities of their own ---------------------------------------

SECOND = {4: "10.77.0.101", 6: "fd77::101"}


def two_groups(**pair: Any) -> Stage:
    listen = [endpoint(a, 80) for a in (*VIP.values(), *SECOND.values())]
    groups = [
        {"name": "main", "interface": "eth0", "addresses": [f"{VIP[4]}/24", f"{VIP[6]}/64"]},
        {
            "name": "second",
            "interface": "eth0",
            "addresses": [f"{SECOND[4]}/24", f"{SECOND[6]}/64"],
            "priority": {"proxy1": 50, "proxy2": 200},
        },
    ]
    return Stage(services=[service(listen)], pair={"groups": groups, **pair})


def hold(stage: Stage, first: str, second: str) -> None:
    def held() -> bool:
        """each group where it belongs, by both families"""
        return all(
            stage.lab.holders(addresses[f]) == [host]
            for addresses, host in ((VIP, first), (SECOND, second))
            for f in (4, 6)
        )

    wait_for(held, 10 * SLOW)


@limit(60)
def test_each_node_holds_a_group() -> None:
    """Both work; when one stops the other holds both; with preempt it gets its
    own back, and clients of either notice neither."""
    with two_groups(preempt=True, preempt_delay="500ms") as stage:
        stage.serve()
        for host in ("p1", "p2"):
            stage[host].start()
        hold(stage, "p1", "p2")
        for host in ("p1", "p2"):
            stage.wait_serving(host)
        for index, (one, other) in enumerate(((150, 100), (50, 200))):
            assert group(stage, "p1", index)["priority"] == one
            assert group(stage, "p2", index)["priority"] == other
        for addr in (*VIP.values(), *SECOND.values()):
            with stage.lab.connect("c", addr, 80) as sock:
                assert sock.recv(1) == b"s"
        assert stage["p2"].stop() == 0
        hold(stage, "p1", "p1")
        stage["p2"].start()
        hold(stage, "p1", "p2")
        fronts = [(f, a) for f in (4, 6) for a in (VIP[f], SECOND[f])]
        running = [stage.probe(f, 1, to=a, interval=4 * SLOW) for f, a in fronts]
        for probe in running:
            result = probe.result()
            assert result["ok"] == result["probes"], result
