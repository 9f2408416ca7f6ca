"""Goal: the command line tells how the pair is, to people and to programs,
with the keys and exit statuses that cli.md fixes."""

import contextlib
import json
import os
import re
import socket
import tempfile
import threading
from typing import Any, Iterator

from stage import Stage, hapair, read_all, single, wait_for

# Type of each value that cli.md promises; a list holds such entries.
GROUP = {
    "name": str, "state": str, "since": str, "reason": str, "priority": int,
    "effective_priority": int, "transitions": int, "interface": str, "addresses": [str],
}
LINK = {"local": str, "remote": str, "up": bool, "received": int, "lost": int, "rejected": int}
PEER = {
    "name": str, "reachable": bool, "last_heard_ms": int,
    "groups": [{"name": str, "state": str}], "links": [LINK],
}
BYTES = {"in": int, "out": int}
CHECK = {"type": str, "last": str, "detail": str, "latency_ms": (int, float), "since": str}
SERVER = {
    "name": str, "address": str, "state": str, "admin": str, "active": bool, "weight": int,
    "connections": {"active": int, "total": int, "failed": int}, "bytes": BYTES, "check": CHECK,
}
SERVICE = {
    "name": str, "mode": str, "balance": str, "state": str, "listen": [str],
    "connections": {"active": int, "queued": int, "total": int, "failed": int},
    "bytes": BYTES, "servers": [SERVER],
}
STATUS = {
    "version": str, "node": str, "pid": int, "uptime_s": (int, float),
    "config": {"path": str, "hash": str, "loaded_at": str, "peer_matches": bool},
    "groups": [GROUP], "peers": [PEER], "services": [SERVICE],
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def conform(value: Any, shape: Any, where: str = "status") -> None:
    if isinstance(shape, dict):
        assert isinstance(value, dict), (where, value)
        for key, inner in shape.items():
            assert key in value, f"{where} has no {key}"
            conform(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list) and value, (where, value)
        for item in value:
            conform(item, shape[0], f"{where}[]")
    else:
        assert isinstance(value, shape), (where, value)
        assert shape is not int or not isinstance(value, bool), (where, value)


def test_json() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        stage.ask()
        for host, state, other in (("p1", "master", "backup"), ("p2", "backup", "master")):
            status = stage[host].status()
            conform(status, STATUS)
            assert status["node"] == stage[host].name
            assert status["pid"] == stage[host].pid
            assert status["config"]["path"] == stage.config
            assert status["config"]["peer_matches"] is True
            assert INSTANT.fullmatch(status["config"]["loaded_at"]), status["config"]
            group, peer = status["groups"][0], status["peers"][0]
            assert group["state"] == state
            assert INSTANT.fullmatch(group["since"]), group
            assert group["addresses"] == ["10.77.0.100/24", "fd77::100/64"]
            there = peer["groups"][0]
            assert (there["name"], there["state"], there["refused"]) == ("main", other, [])
            assert peer["reachable"] is True and 0 <= peer["last_heard_ms"] < 500, peer
            wait_for(lambda: stage[host].status()["peers"][0]["links"][0]["received"] > 5)
            link = stage[host].status()["peers"][0]["links"][0]
            # Before they know each other's boot, a few do not count.
            assert link["up"] is True and link["rejected"] < 10, link
            for server in status["services"][0]["servers"]:
                assert server["state"] == "up" and server["active"] is True, server
                assert server["check"]["last"] == "ok", server
        def counted() -> bool:
            """the connection that ended is in the totals"""
            service = stage["p1"].status()["services"][0]
            return service["connections"]["total"] == 1 and service["bytes"]["out"] == 3
        wait_for(counted, 3)


def test_text_and_short() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        for host, state in (("p1", "master"), ("p2", "backup")):
            short = stage[host].cli("status", "--short")
            assert short.stdout == f"main {state}\n", short
            assert short.returncode == 0, short
            text = stage[host].cli("status")
            assert text.returncode == 0, text
            for word in (stage[host].name, state, "main", "10.77.0.100", "web", "s1", "s2", "s3"):
                assert word in text.stdout, (word, text.stdout)
            assert "\x1b" not in text.stdout
        # -c finds the socket: seen from the host itself.
        from stage import BINARY

        done = stage.lab.run("p1", BINARY, "status", "--short", "-c", stage.config)
        assert done.stdout == "main master\n", done


@contextlib.contextmanager
def taken_over(answer: bytes) -> Iterator[str]:
    """The socket of a daemon that says this to everybody."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/sock")
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):  # the listener's end is ours
                while True:
                    with listener.accept()[0] as caller, contextlib.suppress(OSError):
                        caller.recv(100)
                        caller.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"{folder}/sock"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_answers_do_not_speak_to_terminals() -> None:
    """Of a relay that was taken over: no escape, no forged line, no flood."""
    evil = "a\x1b]0;b\x07\n\r\x9b2J\u202ec\x7f"
    entry = {key: evil for key in ("name", "state", "reason", "since", "address", "admin")}
    service = {**entry, "listen": [evil], "servers": [{**entry, "check": {"detail": evil}}]}
    status = {
        "node": evil, "version": evil, "config": {"hash": evil, "path": evil},
        "problems": [evil], "hints": [evil], "services": [service], "peers": [entry],
        "groups": [{**entry, "addresses": [evil, evil], "interfaces": [evil], "text": evil}],
        "text": evil, evil: 1,
    }
    words = (("status",), ("status", "--short"), ("status", "--json"), ("handover",), ("resume",))
    for answer, wrong in ((status, ()), ({"error": evil}, (1,))):
        with taken_over(json.dumps(answer).encode()) as path:
            for word in words:
                done = hapair(*word, "-s", path)
                told = done.stdout + done.stderr
                assert not re.search(r"[\x00-\x09\x0b-\x1f\x80-\x9f\u202e]", told), (word, told)
                assert not wrong or (done.returncode in wrong and told.count("\n") == 1), done
                if word == ("status", "--json") and not wrong:
                    assert json.loads(done.stdout) == status
    for answer, said in (
        (b'{"text": "\xff\x1b"}', "cannot be read"), (b"[" * 5000, "cannot be read"),
        (b'"' + b"x" * (33 << 20), "longer than any"),
    ):
        with taken_over(answer) as path:
            done = hapair("resume", "-s", path)
            assert done.returncode == 1 and said in done.stderr, done
            assert done.stderr.count("\n") == 1, done


def test_exit_status() -> None:
    """0 healthy, 1 degraded, 3 not reachable, 2 nonsense."""
    with Stage() as stage:
        tools = stage.serve()
        stage.start()
        assert stage["p1"].cli("status").returncode == 0
        tools["s1"].kill()
        wait_for(lambda: stage["p1"].server_states()["s1"] == "down", 5)
        for form in ((), ("--json",), ("--short",)):
            done = stage["p1"].cli("status", *form)
            assert done.returncode == 1, (form, done)
        stage.serve("banner", "s1")
        wait_for(lambda: stage["p1"].cli("status").returncode == 0, 5)
        stage["p2"].stop()
        wait_for(lambda: stage["p1"].cli("status").returncode == 1, 5)
        done = stage["p2"].cli("status")
        assert done.returncode == 3 and done.stderr and not done.stdout, done
        assert stage["p1"].cli("status", "--nonsense").returncode == 2


def test_counters_survive_a_look() -> None:
    """Bytes of both ways and connections, as the clients counted them."""
    with single() as stage:
        stage.serve("echo")
        stage.start()
        for _ in range(5):
            with stage.client() as sock:
                sock.sendall(b"x" * 1000)
                got = 0
                while got < 1000:
                    got += len(sock.recv(4096))

        def counted() -> bool:
            """5 connections, 5,000 bytes each way"""
            service = stage["p1"].status()["services"][0]
            servers = service["servers"]
            return (
                service["connections"] == {**service["connections"], "active": 0, "total": 5}
                and service["bytes"] == {"in": 5000, "out": 5000}
                and sum(s["connections"]["total"] for s in servers) == 5
                and sum(s["bytes"]["in"] for s in servers) == 5000
            )

        wait_for(counted, 3)


# Lines of the control socket that are nearly right, and the answer's error.
NOT_EXACT = (
    ("pause 5000x", "expected: pause MILLISECONDS"),
    ("pause 5000 ", "expected: pause MILLISECONDS"),
    ("pause -5000", "expected: pause MILLISECONDS"),
    ("pause", "expected: pause MILLISECONDS"),
    ("pause 99999999999999999999", "from one second to a day"),
    ("resume 5", "unknown request; expected: status, "),
    ("reload x", "unknown request; expected: status, "),
    ("status ", "unknown request; expected: status, "),
    ("handover ", "no group ''; there is main"),
)


def test_many_askers_at_once() -> None:
    """50 at a time, one who says nothing and lines that are not exact harm nothing."""
    import socket
    import subprocess
    from stage import BINARY

    with Stage() as stage:
        stage.serve()
        stage.start()
        path = f"{stage.lab.host_dir('p1')}/control.sock"
        assert os.stat(path).st_mode & 0o777 == 0o660
        idle = [socket.socket(socket.AF_UNIX) for _ in range(5)]
        for sock in idle:
            sock.connect(path)
        noise = socket.socket(socket.AF_UNIX)
        noise.connect(path)
        noise.sendall(os.urandom(900) + b"\n")
        askers = [
            subprocess.Popen([BINARY, "status", "--json", "-s", path], stdout=subprocess.PIPE)
            for _ in range(50)
        ]
        for asker in askers:
            out, _ = asker.communicate(timeout=20)
            assert asker.returncode == 0
            assert json.loads(out)["node"] == "proxy1"
        for sock in (*idle, noise):
            sock.close()
        for line, why in NOT_EXACT:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
                sock.sendall(line.encode() + b"\n")
                said = json.loads(read_all(sock))
            assert why in said.get("error", ""), (line, said)
        assert stage["p1"].state() == "master" and stage["p1"].status()["pause"] is None


def test_words() -> None:
    assert hapair("version").stdout.startswith("hapair ")
    help_text = hapair("help")
    assert help_text.returncode == 0
    for command in ("run", "check", "status", "genkey", "version"):
        assert command in help_text.stdout
    for wrong in ((), ("nonsense",), ("status", "extra", "words"), ("run", "--colour")):
        done = hapair(*wrong)
        assert done.returncode == 2 and done.stderr and not done.stdout, (wrong, done)
