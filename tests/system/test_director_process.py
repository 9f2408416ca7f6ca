"""Goal: the director is a process like both others, and nothing hangs on it: it is
started where a file wants it, again when it ends, and by one at a time; a node whose
kernel cannot is one that relays."""

import contextlib
import json
import os
import re
import signal
from typing import Any

from test_processes import status
from test_upgrade import copy_to, runs

from stage import BINARY, PORT, SLOW, LeftOut, Stage, alive, endpoint, server, service, wait_for

RIGHTS = 1 << 39 | 1 << 13 | 1 << 12  # CAP_BPF, CAP_NET_RAW, CAP_NET_ADMIN
KERNEL = {"pins": "{run}/bpf/hapair", "slots": 4096}


def kernel_service(**more: Any) -> dict[str, Any]:
    """Of both families at each server: the kernel path changes none."""
    servers = [server("s1"), server("s2", 6), server("s3")]
    return service([endpoint("10.77.0.100", PORT)], servers=servers, path="kernel", **more)


def work(stage: Stage, host: str = "p1") -> str:
    """What the node says of its kernel path."""
    return str((stage[host].status().get("kernel") or {}).get("state"))


def director(stage: Stage, but: int = 0, host: str = "p1", patience: float = 10) -> int:
    def other() -> int:
        pid = stage[host].roles().get("director", 0)
        return pid if pid != but else 0

    return int(wait_for(other, patience))


def live(stage: Stage) -> list[dict[str, Any]]:
    done = stage["p1"].cli("connections", "--json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["connections"])


def change(stage: Stage, *words: str, host: str = "p1") -> None:
    """Three processes may take longer to start than a slow build has: then once more."""
    for _ in range(5 if SLOW > 1 else 1):
        done = stage[host].cli(*words)
        if "not ready in time" not in done.stderr:
            break
    assert done.returncode == 0, done


def reload(stage: Stage, host: str = "p1") -> None:
    stage.configure(stage.build())
    change(stage, "reload", host=host)


def test_it_runs_and_is_started_again() -> None:
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.serve()
        stage.start()
        first = director(stage)
        wait_for(lambda: work(stage) == "works", 10)
        # That of loading programs any kernel takes is gone.
        for name in ("CapPrm", "CapEff"):
            assert int(status(first)[name], 16) == RIGHTS, status(first)
        assert stage.ask().startswith("s")
        os.kill(first, signal.SIGKILL)
        second = director(stage, first)
        wait_for(lambda: work(stage) == "works", 10)
        assert stage.ask().startswith("s")
        stage["p1"].stop()
        assert not alive(second)


def test_who_comes_while_there_is_none_is_relayed() -> None:
    """One that ends again and again is started with growing pauses: the kernel does not
    keep new clients for it then."""
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.serve("echo")
        stage.start()
        pid = director(stage)
        wait_for(lambda: work(stage) == "works", 10)
        for _ in range(30):
            os.kill(pid, signal.SIGKILL)
            try:
                pid = director(stage, pid, patience=0.9)
            except AssertionError:
                break

        def path() -> str:
            with stage.client() as sock:
                sock.sendall(b"one")
                assert sock.recv(100) == b"one"
                return str(live(stage)[0]["path"])

        assert path() == "copy"
        wait_for(lambda: path() == "kernel", 10)


def test_a_reload_gives_the_tables_to_the_next() -> None:
    """Whoever is connected goes on, through both; and in the relay's place, too."""
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.serve("echo")
        stage.start()
        first = director(stage)
        wait_for(lambda: work(stage) == "works", 10)
        with stage.client() as sock:
            sock.sendall(b"one")
            assert sock.recv(100) == b"one"
            assert live(stage)[0]["path"] == "kernel"
            stage.more["log"] = {"level": "info"}
            reload(stage)
            second = director(stage, first)
            wait_for(lambda: not alive(first) and work(stage) == "works", 10)
            sock.sendall(b"two")
            assert sock.recv(100) == b"two"
            assert live(stage)[0]["path"] == "kernel"
            # A service that is relayed from now on: new clients are, too.
            stage.services[0]["path"] = "relay"
            reload(stage)
            third = director(stage, second)
            wait_for(lambda: not alive(second), 5)
            with stage.client() as late:
                late.sendall(b"three")
                assert late.recv(100) == b"three"
            sock.sendall(b"four")
            assert sock.recv(100) == b"four"
        assert "it makes no sense" not in stage["p1"].log()
        # When the last of them is gone, so are the tables and the director.
        wait_for(lambda: not alive(third), 20)
        assert not os.listdir(f"{stage.lab.host_dir('p1')}/bpf/hapair")
        assert "director" not in stage["p1"].roles()


def test_a_service_goes_over_to_the_kernel() -> None:
    """By a reload of both: who is connected stays with the relay, who comes now does not,
    and goes on from the other node."""
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.services[0]["path"] = "relay"
        stage.configure(stage.build())
        stage.serve("echo")
        stage.start()
        assert "director" not in stage["p1"].roles()
        with stage.client() as old, contextlib.ExitStack() as stack:
            stage.services[0]["path"] = "kernel"
            for host in ("p1", "p2"):
                reload(stage, host)
                wait_for(lambda: work(stage, host) == "works", 10)
            old.sendall(b"old")
            assert old.recv(100) == b"old"
            new = stack.enter_context(stage.client())
            new.sendall(b"new")
            assert new.recv(100) == b"new"
            assert sorted(c["path"] for c in live(stage)) == ["copy", "kernel"]
            wait_for(lambda: all(c["protected"] for c in live(stage) if c["path"] == "kernel"), 5)
            assert stage["p1"].cli("handover").returncode == 0
            stage.wait_master("p2")
            new.sendall(b"still there?")
            assert new.recv(100) == b"still there?"


def test_an_upgrade_gives_the_tables_to_the_next_program() -> None:
    """The supervisor has its director under the same number, then another one."""
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.serve("echo")
        program = copy_to(stage, "one")
        stage.start()
        first = director(stage)
        wait_for(lambda: work(stage) == "works", 10)
        with stage.client() as sock:
            for _ in range(2):
                sock.sendall(b"one")
                assert sock.recv(100) == b"one"
                change(stage, "upgrade", program)
                second = director(stage, first)
                wait_for(lambda: not alive(first) and work(stage) == "works", 10)
                wait_for(lambda: runs(stage["p1"]) == {program}, 5)
                first = second
            sock.sendall(b"two")
            assert sock.recv(100) == b"two"
            assert live(stage)[0]["path"] == "kernel"
            with stage.client() as late:
                late.sendall(b"three")
                assert late.recv(100) == b"three"


def test_without_a_bpf_file_system_all_is_relayed() -> None:
    with Stage([kernel_service()], kernel={"pins": "{run}/pins"}) as stage:
        stage.serve()
        stage.start()
        wait_for(lambda: work(stage) == "relay_only", 10)
        with stage.client() as sock:
            assert sock.recv(100).startswith(b"s")
            assert [c["path"] for c in live(stage)] == ["copy"]
        log = stage["p1"].log()
        assert "/pins is in no BPF file system, going on without" in log
        assert "restarting it" not in log
        # It holds up nothing: the addresses move, and the node ends.
        assert stage["p1"].cli("handover").returncode == 0
        stage.wait_master("p2")
        assert stage["p1"].stop() == 0


def test_check_tells_whether_this_kernel_can() -> None:
    """Without a daemon: by loading the program, and leaving nothing of it."""
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        def check() -> str:
            done = stage.lab.run("p1", BINARY, "check", "--host", "-c", stage.config)
            return done.stdout

        without = check()
        assert "takes the program of the kernel path, with tables for 4096" in without
        assert "pins" in without and "'path: kernel' are relayed until it can be had" in without
        stage.lab.bpf_files()
        assert "/bpf/hapair is in a BPF file system" in check()
        assert "hapair" not in os.listdir(f"{stage.lab.host_dir('p1')}/bpf")
        assert "is not Ethernet" not in check()
        # Where the peer's director is to come, somebody else listens.
        with stage.lab.listen("p1", 8402):
            assert re.search(r"error +kernel path: cannot listen on 10.77.0.1:8402", check())
        for line in ("ip link set dev eth0 down", "ip link set dev eth0 name eth7",
                     "ip tuntap add dev eth0 mode tun"):
            done = stage.lab.run("p1", *line.split())
            if done.returncode:
                raise LeftOut(f"{line}: {done.stderr}")
        assert "kernel path: interface eth0 is not Ethernet" in check()
