"""Goal: clients of the virtual IP are spread over the servers by weight, and
a server that is gone, refuses or returns costs none of them a connection."""

import os
import signal
import time

from stage import (
    PORT, Stage, address, connects, cpu_s, families, figure, scripted_service,
    server, service, single, wait_for,
)

TIMED = True  # it judges milliseconds or processor time


def share(result: dict, name: str) -> float:
    return result["answers"].get(name, 0) / result["ok"]


def all_ok(result: dict) -> None:
    assert result["ok"] == result["probes"] >= 100, result


@families
def test_weights(family: int) -> None:
    servers = [server("s1"), server("s2", 6, weight=2), server("s3", weight=3)]
    with Stage(services=[service([], servers=servers)]) as stage:
        stage.services[0].pop("listen")
        stage.configure(stage.build())
        stage.serve()
        stage.start()
        result = stage.probe(family, 1.2).result()
        all_ok(result)
        for name, weight in (("s1", 1), ("s2", 2), ("s3", 3)):
            assert abs(share(result, name) - weight / 6) < 0.03, result


@families
def test_weight_zero_gets_nothing(family: int) -> None:
    servers = [server("s1"), server("s2", weight=0)]
    with single(services=[{"name": "web", "servers": servers}]) as stage:
        stage.serve()
        stage.start()
        result = stage.probe(family, 0.5).result()
        all_ok(result)
        assert share(result, "s1") == 1, result


@families
def test_killed_server_is_left_and_used_again(family: int) -> None:
    with Stage() as stage:
        tools = stage.serve()
        stage.start()
        running = stage.probe(family, 2)
        time.sleep(0.5)
        tools["s1"].kill()
        killed = time.monotonic()
        wait_for(lambda: stage["p1"].server_states()["s1"] == "down", 5)
        assert time.monotonic() - killed < figure(1000) / 1000
        result = running.result()
        # What it had accepted itself died with it, at most a handful.
        assert result["probes"] - result["ok"] <= 5, result
        assert result["refused"] == result["timeout"] == 0, result

        result = stage.probe(family, 0.5).result()
        all_ok(result)
        assert "s1" not in result["answers"], result

        stage.serve("banner", "s1")
        for host in ("p1", "p2"):
            wait_for(lambda: stage[host].server_states()["s1"] == "up", 5)
        result = stage.probe(family, 0.6).result()
        all_ok(result)
        assert abs(share(result, "s1") - 1 / 3) < 0.04, result


@families
def test_refusing_server_costs_nobody(family: int) -> None:
    """s1 is healthy by its check, but nobody listens on its port."""
    spec = scripted_service("s1", "s2")
    with single(services=[spec]) as stage:
        stage.serve("banner", "s2")
        with stage.lab.listen("s1", 81), stage.lab.listen("s2", 81):
            stage.start()
            result = stage.probe(family, 1).result()
            all_ok(result)
            assert share(result, "s2") == 1, result


def test_unreachable_server_costs_a_connect_timeout_at_most() -> None:
    """s1's port swallows SYNs: another server after timeouts.connect."""
    spec = scripted_service("s1", "s2", timeouts={"connect": "200ms"})
    with single(services=[spec]) as stage:
        stage.serve("banner", "s1", "s2")
        with stage.lab.listen("s1", 81), stage.lab.listen("s2", 81):
            stage.start()
            stage.lab.drop("s1", "to", f"tcp dport {PORT}")
            for _ in range(6):
                begun = time.monotonic()
                assert stage.ask() == "s2"
                assert time.monotonic() - begun < 0.2 + figure(400) / 1000


@families
def test_no_server_left_and_clients_wait(family: int) -> None:
    """They do, until they lose their patience or somebody is up again."""
    with single() as stage:
        tools = stage.serve()
        stage.start()
        for tool in tools.values():
            tool.kill()
        states = stage["p1"].server_states
        wait_for(lambda: set(states().values()) == {"down"}, 5)
        relay = stage["p1"].relay()
        before = cpu_s(relay)
        result = stage.probe(family, 2).result()
        assert result["timeout"] == result["probes"], result
        # 1000 a second that wait and leave must not cost a core, nor a spin after.
        time.sleep(1)
        assert cpu_s(relay) - before < figure(1500) / 1000
        idle = cpu_s(relay)
        time.sleep(1)
        assert cpu_s(relay) - idle < 0.1

        waiting = stage.client(family)
        stage.serve()
        assert waiting.recv(100)
        waiting.close()
        wait_for(lambda: set(states().values()) == {"up"}, 5)
        all_ok(stage.probe(family, 0.5).result())


def test_servers_unknown_before_the_first_check() -> None:
    """A server whose first check has not ended gets no traffic."""
    spec = scripted_service("s1", "s2", check={
        "port": 81, "interval": "1s", "timeout": "900ms", "rise": 1, "fall": 2,
    })
    with single(services=[spec]) as stage:
        stage.serve("banner", "s1", "s2")
        with stage.lab.listen("s2", 81):
            stage.lab.drop("s1", "to", "tcp dport 81")
            stage["p1"].start()
            wait_for(lambda: stage["p1"].server_states().get("s2") == "up", 5)
            assert stage["p1"].server_states()["s1"] != "up"
            assert {stage.ask() for _ in range(5)} == {"s2"}


@families
def test_stopped_server_process_is_found_out(family: int) -> None:
    """A host that vanishes (SYNs unanswered) is down after `fall` timeouts; and
    a node that was stopped in order listens no more."""
    with single() as stage:
        stage.serve()
        stage.start()
        stage.lab.power_cut("s3")
        wait_for(lambda: stage["p1"].server_states()["s3"] == "down", 5)
        result = stage.probe(family, 0.5).result()
        all_ok(result)
        assert "s3" not in result["answers"], result
        stage.lab.restore("s3")
        wait_for(lambda: stage["p1"].server_states()["s3"] == "up", 5)
        os.kill(stage["p1"].pid, signal.SIGTERM)
        assert stage["p1"].process.wait(10) == 0
        assert not connects(stage.lab, "c", address("p1", family), PORT)
