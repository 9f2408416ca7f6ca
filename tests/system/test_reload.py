"""A changed file while the daemon runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import inject
from lab import VIP
from stage import (
    PORT, SLOW, TOOLS, LeftOut, Node, Stage, address, children, connects, endpoint, limit,
    read_all, server, service, single, wait_for,
)

SECRET = "once-upon-a-time"


def ask(stage: Stage, request: str) -> dict[str, Any]:
    """What the control socket of the first node answers."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{stage.lab.host_dir('p1')}/control.sock")
        sock.sendall(f"{request}\n".encode())
        return dict(json.loads(read_all(sock)))


def test_what_differs_from_what_runs_is_shown() -> None:
    """In words, without what may be a secret, and not to everybody."""
    check = {"type": "http", "headers": {"Authorization": SECRET}}
    services = [service([], servers=[server("s1"), server("s2")], check=check)]
    with single(services=services) as stage:
        config = stage.build()
        config["services"][0]["listen"] = ["127.0.0.1:80"]
        stage.configure(config)
        stage["p1"].start()
        wait_for(lambda: "supervisor: ready" in stage["p1"].log())
        done = stage["p1"].cli("check", "--diff", "-c", stage.config)
        assert done.returncode == 0 and done.stdout.endswith(": the same as what runs\n"), done
        one = config["services"][0]
        one.update(retries=2, listen=["127.0.0.1:80", "127.0.0.1:81"])
        one["servers"].pop()
        one["check"]["headers"]["Authorization"] = SECRET + "-there-was"
        stage.configure(config)
        done = stage["p1"].cli("check", "--diff", "-c", stage.config)
        assert done.returncode == 0, done
        assert done.stdout.splitlines() == [
            f"service {one['name']}: {what}"
            for what in (
                "listen 127.0.0.1:81 added",
                "retries 3 -> 2",
                "check.headers changed",
                "server s2 removed",
            )
        ], done.stdout
        config["control"] = "/run/elsewhere"
        stage.configure(config)
        done = stage["p1"].cli("check", "--diff", "-c", stage.config)
        assert done.returncode == 1 and "(needs a restart: " in done.stdout, done
        # The socket is open to a group, what a check says is not.
        assert SECRET in ask(stage, "configuration")["configuration"]
        os.chmod(f"{stage.lab.host_dir('p1')}/control.sock", 0o666)
        os.seteuid(65534)
        try:
            refused = ask(stage, "configuration")
        finally:
            os.seteuid(0)
        assert list(refused) == ["error"] and SECRET not in str(refused), refused


# Files that are wrong, and what is said of them behind "FILE:".
GOOD = """services:
  - name: web
    listen: 127.0.0.1:80
    servers: [127.0.0.1:81, 127.0.0.1:82]
"""
BROKEN = (
    ("", " error: nothing is configured"),
    ("services\n", "1:1: error: the file is not a map"),
    ("services: [\n", "2:1: error: "),
    ("services: {\n", "2:1: error: "),
    ("\tservices: []\n", "1:1: error: "),
    ("services: []\n", "1:1: error: there is neither"),
    ("a: 1\n" + GOOD, "1:1: error: unknown key 'a'"),
    (GOOD + GOOD, "5:1: error: "),
    (GOOD + "threads: 0\n", "5:10: error: "),
    (GOOD + "threads: many\n", "5:10: error: "),
    (GOOD + "log: {level: loud}\n", "5:14: error: "),
    (GOOD + "log: {lvel: info}\n", "5:7: error: unknown key 'lvel'"),
    (GOOD + "log: [info]\n", "5:6: error: "),
    (GOOD + "control: here\n", "5:10: error: "),
    (GOOD + "max_connections: -1\n", "5:18: error: "),
    (GOOD + "user: a b\n", "5:7: error: "),
    (GOOD + "&x a: *x\n", "5:"),
    (GOOD + "pair: {}\n", "5:7: error: "),
    (GOOD.replace("80", "99999"), "3:13: error: "),
    (GOOD.replace("127.0.0.1:80", "nowhere"), "3:13: error: "),
    (GOOD.replace("127.0.0.1:80", "*:80"), "3:13: error: "),
    (GOOD.replace("name: web", "name: w b"), "2:11: error: "),
    (GOOD.replace("name: web", "nam: web"), "2:5: error: unknown key 'nam'"),
    (GOOD.replace("81", "82"), "4:29: error: "),
    (GOOD.replace("127.0.0.1:81", "127.0.0.1"), "4:15: error: "),
    (GOOD.replace("127.0.0.1:81", "127.0.0.1:80"), "4:15: error: "),
    (GOOD + "    retries: 11\n", "5:14: error: "),
    (GOOD + "    timeouts: {idle: 5}\n", "5:22: error: "),
    (GOOD + "    check: {type: http, send: x}\n", "5:25: error: unknown key 'send'"),
    (GOOD + "    mode: hot\n", "5:11: error: "),
)


def pids(node: Node) -> list[int]:
    return sorted(node.everyone())


def test_a_broken_file_changes_nothing() -> None:
    """Exit status 2, the line, and the same processes as before."""
    assert len(BROKEN) >= 30
    with single() as stage:
        run = stage.lab.run_dir
        base = f"control: {run}/control.sock\n"
        Path(stage.config).write_text(GOOD + base)
        stage["p1"].start()
        wait_for(lambda: "supervisor: ready" in stage["p1"].log())
        before = pids(stage["p1"])
        for text, said in BROKEN:
            Path(stage.config).write_text(text)
            done = stage["p1"].cli("reload")
            assert done.returncode == 2, (text, done)
            first = done.stderr.splitlines()[0]
            assert first.startswith(f"{stage.config}:{said}"), (text, first)
        os.kill(stage["p1"].pid, signal.SIGHUP)
        assert stage["p1"].tells(f"not reloaded: {stage.config}:5:11: error: ")
        assert pids(stage["p1"]) == before
        # A second program has the port.
        other = stage.lab.listen("p1", 83)
        Path(stage.config).write_text(GOOD.replace(":80", ":83") + base)
        done = stage["p1"].cli("reload")
        assert done.returncode == 1 and "cannot listen on 127.0.0.1:83" in done.stderr, done
        other.close()
        Path(stage.config).write_text(GOOD + base + "threads: 7\n")
        done = stage["p1"].cli("reload")
        assert done.returncode == 1 and "needs a restart: each thread" in done.stderr, done
        assert pids(stage["p1"]) == before


def test_a_log_that_was_renamed_is_left() -> None:
    """By all processes, for a reload and for SIGHUP."""
    with single(log={"target": "{run}/log", "level": "debug"}) as stage:
        stage.serve()
        stage.start()
        node, log = stage["p1"], Path(stage.lab.host_dir("p1"), "log")
        for turn, reload in enumerate(
            (lambda: node.cli("reload"), lambda: os.kill(node.pid, signal.SIGHUP))
        ):
            log.rename(f"{log}.{turn}")
            reload()
            wait_for(log.exists)
            node.cli("server", "web/s1", "drain" if turn == 0 else "ready")
            wait_for(lambda: "web, server s1" in log.read_text())


ECHO, TALK = 82, 8082
THIRD = f"{VIP[4].rsplit('.', 1)[0]}.102/24"


def web(config: dict[str, Any]) -> dict[str, Any]:
    return next(s for s in config["services"] if s["name"] == "web")


def addresses(config: dict[str, Any]) -> list[str]:
    return config["pair"]["groups"][0]["addresses"]


def more(config: dict[str, Any]) -> None:
    config["services"].insert(0, service([endpoint(VIP[4], 8080)], name="more"))


# What is done to the file, one after the other, and a line that tells it.
CHANGES: tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...] = (
    ("service web: retries 3 -> 1", lambda c: web(c).update(retries=1)),
    ("service web: server s3 removed", lambda c: web(c)["servers"].pop()),
    ("service more added", more),
    (f"group main: virtual IP {THIRD} added", lambda c: addresses(c).append(THIRD)),
    (f"group main: virtual IP {THIRD} removed", lambda c: addresses(c).remove(THIRD)),
    ("pair.misses 3 -> 4", lambda c: c["pair"].update(misses=4)),
    ("service more removed", lambda c: c["services"].pop(0)),
)


def answers(sock: Any) -> bool:
    sock.sendall(b"still there?")
    return bool(sock.recv(100) == b"still there?")


@limit(60)
def test_a_changed_file_is_taken_over() -> None:
    """By both nodes, while clients talk and others come: nobody is cut off or
    refused, and no address moves."""
    talk = service(
        [endpoint(VIP[4], TALK)],
        name="talk",
        servers=[{"name": "e", "address": endpoint(address("s1"), ECHO)}],
    )
    fronts = [endpoint(VIP[f], PORT) for f in (4, 6)]
    with Stage(services=[service(fronts), talk]) as stage:
        stage.serve()
        stage.lab.spawn("s1", [f"{TOOLS}/echo", "echo", str(ECHO)])
        stage.start()
        wait_for(lambda: connects(stage.lab, "c", VIP[4], TALK))
        held = [stage.lab.connect("c", VIP[4], TALK, 5) for _ in range(20)]
        assert all(answers(sock) for sock in held)
        config = stage.build()
        for line, change in CHANGES:
            running = stage.probes(0.6, timeout=3000)
            time.sleep(0.1)
            change(config)
            stage.configure(config)
            for host in ("p1", "p2"):
                done = stage[host].cli("reload")
                assert done.returncode == 0 and line in done.stdout.splitlines(), done
            result = running.result()
            assert result["ok"] == result["probes"] > 0, (line, result)
            assert all(answers(sock) for sock in held), line
            third = THIRD.split("/")[0]
            assert stage.lab.holders(third) == (["p1"] if THIRD in addresses(config) else [])
        assert stage["p1"].state() == "master" and stage["p2"].state() == "backup"
        assert stage.lab.holders(VIP[4]) == ["p1"]
        assert not any(" -> backup" in line for line in stage["p1"].log().splitlines())
        wait_for(lambda: stage["p2"].status()["config"]["peer_matches"])
        web(config)["retries"] = 4
        stage.configure(config)
        os.kill(stage["p1"].pid, signal.SIGHUP)
        assert stage["p1"].tells("reloaded: service web: retries 1 -> 4")
        # Nothing of the old ones is left.
        wait_for(lambda: len(children(stage["p1"].pid)) == 2)


def test_addresses_that_are_not_held_are_not_put_back() -> None:
    """The old failover is killed while it does not hold what it had, as between two
    steps of a handover: the supervisor adds nothing then."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        config = stage.build()
        addresses(config).append(THIRD)
        stage.configure(config)
        os.kill(node.failover(), signal.SIGSTOP)
        stage.lab.run("p1", "ip", "addr", "del", f"{VIP[4]}/32", "dev", "eth0")
        done = node.cli("reload")
        assert done.returncode == 0, done
        assert node.tells("no address is added, for those that it had are not all there")
        wait_for(lambda: len(stage.lab.holders(VIP[4])) == 1)


def catch(node: Node, known: list[int], role: str) -> int:
    """The process of a role that a reload starts, as soon as it is there."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for pid in set(children(node.pid)) - set(known):
            try:
                if f"\0role\0{role}\0" in Path(f"/proc/{pid}/cmdline").read_text():
                    return pid
            except OSError:
                continue
    raise AssertionError(f"no new {role}")


def test_a_reload_that_fails_leaves_the_old_ones() -> None:
    """A new process is killed, or does not get ready: nothing has changed, that is
    said, and the next reload is fine."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        config = stage.build()
        config["services"][0]["retries"] = 1
        stage.configure(config)
        before = pids(node)
        for role, sig, said in (
            ("relay", signal.SIGKILL, "the new relay ended"),
            ("failover", signal.SIGKILL, "the new failover ended"),
            ("relay", signal.SIGSTOP, "were not ready in time"),
        ):
            answers: list[Any] = []
            asker = threading.Thread(target=lambda: answers.append(node.cli("reload")))
            asker.start()
            os.kill(catch(node, before, role), sig)
            asker.join()
            assert answers[0].returncode == 1, answers
            assert said in answers[0].stderr and "nothing was changed" in answers[0].stderr
            wait_for(lambda: pids(node) == before)
            assert stage.ask() in ("s1", "s2", "s3")
        assert node.state() == "master"
        done = node.cli("reload")
        assert done.returncode == 0, done
        assert stage.ask() in ("s1", "s2", "s3")


@limit(30)
def test_a_replaced_relay_is_not_left_alone() -> None:
    """What it keeps ends when the address leaves, and one that stands still is killed."""
    back = {"name": "e", "address": endpoint(address("s1"), ECHO)}
    talk = service([endpoint(VIP[4], TALK)], name="talk", servers=[back])
    with Stage(services=[service([endpoint(VIP[4], PORT)]), talk]) as stage:
        stage.serve()
        stage.lab.spawn("s1", [f"{TOOLS}/echo", "echo", str(ECHO)])
        stage.start()
        node = stage["p1"]
        config = stage.build()
        old = []
        held = []
        for retries in (1, 2):
            config["services"] = [config["services"][0], talk]
            config["services"][0]["retries"] = retries
            stage.configure(config)
            assert node.cli("reload").returncode == 0
            wait_for(lambda: connects(stage.lab, "c", VIP[4], TALK))
            held.append(stage.lab.connect("c", VIP[4], TALK, 5))
            assert answers(held[-1])
            before = set(children(node.pid))
            config["services"].pop()
            stage.configure(config)
            assert node.cli("reload").returncode == 0
            wait_for(lambda: len(children(node.pid)) == 3 + len(old))
            old.extend(before & set(children(node.pid)) - set(old))
        assert len(old) == 2 and all(answers(sock) for sock in held)
        os.kill(old[0], signal.SIGSTOP)
        wait_for(lambda: old[0] not in children(node.pid), 10)
        assert answers(held[1]) and node.state() == "master"
        assert node.cli("handover").returncode == 0
        wait_for(lambda: len(children(node.pid)) == 2)


@limit(30)
def test_a_stop_does_not_wait_for_what_hangs() -> None:
    """The old failover is killed and does not end, as one that hangs in the kernel: the
    node stops all the same, and leaves no address."""
    if not inject.works():
        raise LeftOut("not on this processor")
    with Stage(pair={"hang_timeout": "20s"}) as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        failover = node.failover()
        # Nobody else is told of its end before we have asked for it.
        inject.trace(inject.SEIZE, failover)
        config = stage.build()
        config["services"][0]["retries"] = 1
        stage.configure(config)
        done = node.cli("reload")
        assert done.returncode == 0 and "is not ready yet" in done.stdout, done
        assert VIP[4] in stage.lab.addresses("p1")
        assert node.stop() == 0
        assert not {VIP[4], VIP[6]} & set(stage.lab.addresses("p1"))
        os.waitpid(failover, inject.WALL)
        stage.wait_master("p2")


def is_reset(sock: Any) -> bool:
    sock.settimeout(0)
    try:
        return bool(sock.recv(1) == b"")
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        sock.settimeout(5)


@contextlib.contextmanager
def three_backs() -> Iterator[Stage]:
    """One node, and three servers that are up."""
    backs = [{"name": n, "address": endpoint(address(n), ECHO)} for n in ("s1", "s2", "s3")]
    front = [endpoint(address("p1"), PORT)]
    with single(services=[service(front, servers=backs, balance="roundrobin")]) as stage:
        for back in backs:
            stage.lab.spawn(back["name"], [f"{TOOLS}/echo", "echo", str(ECHO)])
        stage.start()
        wait_for(lambda: set(stage["p1"].server_states().values()) == {"up"})
        yield stage


def test_what_nobody_new_joins_ends_with_drain_timeout() -> None:
    """Of a server that the file has no more, and of one that an operator drains; the
    others go on."""
    with three_backs() as stage:
        node = stage["p1"]
        held = [stage.client() for _ in range(6)]
        assert all(answers(sock) for sock in held)
        config = stage.build()
        config["services"][0]["servers"].pop()
        config["drain_timeout"] = f"{SLOW}s"
        stage.configure(config)
        done = node.cli("reload")
        assert done.returncode == 0 and "drain_timeout 0s -> " in done.stdout, done
        assert all(answers(sock) for sock in held)
        assert len(children(node.pid)) == 3
        assert node.cli("server", "web/s1", "drain").returncode == 0

        def ended() -> bool:
            """two connections of each of them have been reset"""
            return node.log().count("reason='drain_timeout is over") == 4

        wait_for(ended, 10 * SLOW)
        wait_for(lambda: len(children(node.pid)) == 2)
        left = [sock for sock in held if not is_reset(sock)]
        assert len(left) == 2 and all(answers(sock) for sock in left)


def listed(node: Node, *words: str) -> list[dict[str, Any]]:
    done = node.cli("connections", *words, "--json")
    assert done.returncode == 0, done
    return list(json.loads(done.stdout)["connections"])


@limit(40)
def test_what_a_reload_has_left_is_seen_and_waited_for() -> None:
    """Connections of a server that the file has no more: listed, closed one by one, and
    waited for by an operator who had begun before the reload."""
    with three_backs() as stage:
        node = stage["p1"]
        held = {sock.getsockname()[1]: sock for sock in (stage.client() for _ in range(6))}
        assert all(answers(sock) for sock in held.values())
        done: list[Any] = []
        words = ("server", "web/s3", "drain", "--wait", f"{15 * SLOW}s")
        waiter = threading.Thread(target=lambda: done.append(node.cli(*words)))
        waiter.start()
        wait_for(lambda: node.status()["services"][0]["servers"][2]["admin"] == "drain")
        config = stage.build()
        config["services"][0]["servers"].pop()
        stage.configure(config)
        assert node.cli("reload").returncode == 0
        assert sorted((c["server"], c["lingering"]) for c in listed(node)) == [
            ("s1", False), ("s1", False), ("s2", False), ("s2", False), ("s3", True), ("s3", True),
        ]
        left = listed(node, "web/s3")
        assert len(left) == 2 and all(c["lingering"] for c in left), left
        assert node.cli("connections").stdout.count(", lingering") == 2
        time.sleep(1.5)  # it has asked once more
        assert waiter.is_alive(), done
        first, second = (held[int(c["client"].rsplit(":", 1)[1])] for c in left)
        assert node.cli("kill", left[0]["id"]).returncode == 0
        assert wait_for(lambda: is_reset(first)) and answers(second)
        second.close()
        waiter.join()
        assert done[0].returncode == 0, done
        assert done[0].stdout.endswith("server web/s3 has no connection any more\n"), done
        assert node.cli("kill", left[0]["id"]).returncode == 1
        assert node.cli("connections", "web/s3").returncode == 1
