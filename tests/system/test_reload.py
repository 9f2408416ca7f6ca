"""A changed file while the daemon runs."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from stage import Stage, read_all, server, service, single

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
        stage["p1"].tells("supervisor: ready")
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
        # The socket is open to a group, what a check says is not.
        assert SECRET in ask(stage, "configuration")["configuration"]
        os.chmod(f"{stage.lab.host_dir('p1')}/control.sock", 0o666)
        os.seteuid(65534)
        try:
            refused = ask(stage, "configuration")
        finally:
            os.seteuid(0)
        assert list(refused) == ["error"] and SECRET not in str(refused), refused
