"""The program on disk is another one, and the daemon becomes it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Iterator

from lab import VIP
from stage import (
    BINARY, PORT, TOOLS, Node, Stage, address, alive, children, connects, endpoint, limit, read_all,
    service, single, wait_for,
)

TALK, ECHO = 9100, 7


def copy_to(stage: Stage, name: str) -> str:
    """The same program, another file: some bytes behind its end change nothing."""
    path = f"{stage.lab.dir}/{name}"
    shutil.copy(BINARY, path)
    os.chmod(path, 0o755)
    with open(path, "ab") as program:
        program.write(name.encode())
    return path


def runs(node: Node) -> set[str]:
    """The files that its processes run."""
    return {os.readlink(f"/proc/{pid}/exe") for pid in node.everyone()}


def descriptors(node: Node) -> list[str]:
    """What is open, without the numbers that make each another one, nor the state file
    while it is written."""
    links = []
    for link in Path(f"/proc/{node.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(link))
    return sorted(re.sub(r":\[\d+\]$", "", link) for link in links
                  if not link.startswith(node.state_dir) or link.endswith(".lock"))


def answers(sock: Any) -> bool:
    sock.sendall(b"still there?")
    return bool(sock.recv(100) == b"still there?")


@limit(60)
def test_upgrades_are_noticed_by_nobody() -> None:
    """Of both nodes, while clients talk and others come: nobody is cut off or refused,
    no address moves, the number of the process stays, and nothing is left open."""
    back = {"name": "e", "address": endpoint(address("s1"), ECHO)}
    talk = service([endpoint(VIP[4], TALK)], name="talk", servers=[back])
    fronts = [endpoint(VIP[f], PORT) for f in (4, 6)]
    with Stage(services=[service(fronts), talk]) as stage:
        stage.serve()
        stage.lab.spawn("s1", [f"{TOOLS}/echo", "echo", str(ECHO)])
        programs = [copy_to(stage, name) for name in ("one", "two")]
        stage.start()
        wait_for(lambda: connects(stage.lab, "c", VIP[4], TALK))
        held = [stage.lab.connect("c", VIP[4], TALK, 5) for _ in range(20)]
        assert all(answers(sock) for sock in held)
        node = stage["p1"]
        number = node.pid
        assert node.cli("server", "web/s3", "drain").returncode == 0
        # The wire's is kept here, too: it is there before, for it is behind.
        for host in ("p1", "p2"):
            wait_for(lambda: "wire: up" in stage[host].log())
        # One of a caller may be among them still, and no leak of three upgrades is.
        before = {host: len(descriptors(stage[host])) for host in ("p1", "p2")}
        for turn in range(3):
            program = programs[turn % 2]
            running = stage.probes(0.8, timeout=3000)
            time.sleep(0.1)
            for host in ("p1", "p2"):
                done = stage[host].cli("upgrade", program)
                assert done.returncode == 0 and f", from {program}\n" in done.stdout, done
                wait_for(lambda: runs(stage[host]) == {program})
            result = running.result()
            assert result["ok"] == result["probes"] > 0, (turn, result)
            assert all(answers(sock) for sock in held), turn
        assert stage.lab.holders(VIP[4]) == ["p1"] and stage.lab.holders(VIP[6]) == ["p1"]
        assert node.state() == "master" and stage["p2"].state() == "backup"
        assert not any(" -> backup" in line for line in node.log().splitlines())
        # What is known goes along, and is not read from the disk.
        assert next(s for s in node.status()["services"][0]["servers"]
                    if s["name"] == "s3")["admin"] == "drain"
        wait_for(lambda: len(children(number)) == 2)
        for host in ("p1", "p2"):
            wait_for(lambda: len(descriptors(stage[host])) <= before[host])
        assert Path(f"/proc/{number}/comm").read_text() == "hapair\n"
        assert Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[1] == b"run"
        # Its file has another name by now; and the last one is the one that is run again.
        os.rename(programs[0], f"{programs[0]}.old")
        shutil.copy(f"{programs[0]}.old", programs[0])
        os.kill(number, signal.SIGUSR2)
        wait_for(lambda: node.log().count("supervisor: upgraded: ") == 4)
        assert runs(node) == {programs[0]} and node.pid == number
        assert node.stop() == 0
        stage.wait_master("p2")


def broken(stage: Stage) -> dict[str, str]:
    """Programs that are none, with what is said of each."""
    said = {}
    elf = Path(BINARY).read_bytes()
    line = b"takes over from state %u-%u, roles %u-%u\n\0"
    assert elf.count(line) == 1 and b"\0trial\0" in elf

    def make(name: str, text: bytes, fault: str, mode: int = 0o755) -> None:
        path = Path(f"{stage.lab.dir}/{name}")
        path.write_bytes(text)
        path.chmod(mode)
        said[str(path)] = fault

    def answers_as(words: bytes) -> bytes:
        return elf.replace(line, words.ljust(len(line), b"\0"))

    def other(name: str) -> bytes:
        return Path(shutil.which(name) or name).read_bytes()

    make("text", b"no program\n", "it is no program of its own: expected the file of a hapair")
    make("script", b'#!/bin/sh\nexec hapair "$@"\n', "it is no program of its own")
    make("still", elf, "it cannot be run: Permission denied", 0o644)
    # e_machine, of the ELF header: none that there is.
    make("foreign", elf[:18] + b"\x99\x99" + elf[20:], "it cannot be run: Exec format error")
    make("cut", elf[:5000], "it was killed by signal ")
    make("early", other("false"), "it ended with status 1 when it was tried")
    make("odd", other("echo"), "it does not answer as a hapair does")
    make("mute", other("true"), "it does not answer as a hapair does")
    make("hang", other("yes"), "it does not answer within 5 s")
    make("before", elf.replace(b"\0trial\0", b"\0triel\0"),
         "it says: hapair: there is no command 'trial'")
    make("old", answers_as(b"takes over from state 0-0, roles 1-1\n"),
         "reads states of version 0 to 0, and this is 1: it is too old")
    make("new_roles", answers_as(b"takes over from state 1-1, roles 7-8\n"),
         "talks with roles of version 7 to 8, and this is 1: it is too new")
    assert elf.count(b"\0accords\0") == 1
    make("forgetful", elf.replace(b"\0accords\0", b"\0accordz\0"),
         "it says: hapair: what is agreed on with the peer cannot be read by this version")
    make("open", elf, "can be written by everybody", 0o777)
    make("anothers", elf, "belongs to")
    os.chown(f"{stage.lab.dir}/anothers", 65534, 65534)
    return said


@limit(60)
def test_a_program_that_cannot_take_over_changes_nothing() -> None:
    """However it is broken: what runs goes on, and one line says why."""
    with single() as stage:
        stage.serve()
        stage["p1"].start()
        node = stage["p1"]
        wait_for(lambda: "supervisor: ready" in node.log())
        before, open_before = node.everyone(), descriptors(node)
        for path, fault in broken(stage).items():
            done = node.cli("upgrade", path)
            assert done.returncode == 1 and done.stdout == "", (path, done)
            assert done.stderr.count("\n") == 1, (path, done)
            assert fault in done.stderr, (path, fault, done)
            assert done.stderr.endswith("; nothing was changed\n"), (path, done)
        # The socket is open to a group, which may not have root run what it likes.
        os.chmod(f"{stage.lab.host_dir('p1')}/control.sock", 0o666)
        os.seteuid(65534)
        try:
            refused = ask(stage, f"upgrade {stage.lab.dir}/open")
        finally:
            os.seteuid(0)
        assert refused["error"].startswith("only root may say which program"), refused
        done = node.cli("upgrade", f"{stage.lab.dir}/nowhere")
        assert done.returncode == 2 and "No such file" in done.stderr, done
        assert node.everyone() == before and descriptors(node) == open_before
        assert runs(node) == {str(Path(BINARY).resolve())}
        # What has happened a moment ago is not in a file yet; who follows goes on.
        with follower(node) as follow:
            assert node.cli("server", "web/s1", "drain").returncode == 0
            assert node.cli("upgrade").returncode == 0
            said = node.cli("events").stdout
            for words in ("server web/s1 drain\n", "operator: upgrade\n", "upgraded to version"):
                assert said.count(words) == 1, (words, said)
            assert node.cli("server", "web/s1", "ready").returncode == 0
            assert follow.stdout is not None
            heard = []
            while not heard or "server web/s1 ready" not in heard[-1]:
                heard.append(follow.stdout.readline())
                assert heard[-1], heard
        # None of them twice, and none is missing.
        assert node.cli("events").stdout.startswith("".join(heard)), heard


@contextlib.contextmanager
def follower(node: Node) -> Iterator[subprocess.Popen[str]]:
    argv = [BINARY, "events", "--follow", "-s", f"{node.lab.host_dir(node.host)}/control.sock"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def ask(stage: Stage, request: str) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{stage.lab.host_dir('p1')}/control.sock")
        sock.sendall(f"{request}\n".encode())
        return dict(json.loads(read_all(sock)))


def kill_new(node: Node, known: set[int], role: str) -> None:
    """The process of a role that the upgrade starts, as soon as it is there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for pid in set(children(node.pid)) - known:
            try:
                if f"\0role\0{role}\0" in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)
                    return
            except OSError:
                continue
    raise AssertionError(f"no new {role}")


@limit(60)
def test_roles_that_fail_leave_the_old_ones() -> None:
    """The supervisor is the new program then; a second try makes the rest of it."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        program = copy_to(stage, "next")
        for role in ("relay", "failover"):
            roles = node.roles()
            done: list[Any] = []
            asker = threading.Thread(target=lambda: done.append(node.cli("upgrade", program)))
            asker.start()
            kill_new(node, set(roles.values()), role)
            asker.join()
            assert done[0].returncode == 1, done
            assert "but relay and failover go on as those of" in done[0].stderr, done
            assert f"the new {role} ended" in done[0].stderr, done
            wait_for(lambda: node.roles() == roles)
            assert os.readlink(f"/proc/{node.pid}/exe") == program
            assert stage.ask() in ("s1", "s2", "s3")
        assert node.state() == "master"
        assert node.cli("upgrade").returncode == 0
        assert runs(node) == {program}
        # Roles are watched that were not started by this one: old and new alike.
        relay = node.relay()
        os.kill(relay, signal.SIGKILL)
        wait_for(lambda: node.relay() != relay)
        assert node.status()["groups"][0]["state"] == "master"


def test_a_supervisor_that_dies_takes_its_roles_along() -> None:
    """Also where it became another program after it had started them: in the midst of
    an upgrade, and behind it."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        program = copy_to(stage, "next")
        first = set(node.roles().values())
        asker = threading.Thread(target=lambda: node.cli("upgrade", program))
        asker.start()
        wait_for(lambda: os.readlink(f"/proc/{node.pid}/exe") == program)
        everyone = first | set(children(node.pid))
        os.kill(node.pid, signal.SIGKILL)
        asker.join()
        stage.wait_master("p2")
        wait_for(lambda: not any(map(alive, everyone)))
        assert stage.lab.holders(VIP[4]) == ["p2"]


@limit(30)
def test_a_stop_in_the_midst_is_not_lost() -> None:
    """A signal that comes when the program before has done with its loop, and has not
    become the next one yet: here it waits for its log."""
    with single() as stage:
        node = stage["p1"]
        out, into = os.pipe()
        node.start(log=None, stdout=into, stderr=into)
        said = b""
        while b"supervisor: ready" not in said:
            said += os.read(out, 4096)
        # Another description: the daemon's writer is to wait.
        stuffing = os.open(f"/proc/self/fd/{into}", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(stuffing, b"\n")
        asker = threading.Thread(target=lambda: node.cli("upgrade"))
        asker.start()
        wait_for(lambda: any("hapair-keys" in link for link in descriptors(node)), step=0.001)
        os.kill(node.pid, signal.SIGTERM)
        for fd in (stuffing, into):
            os.close(fd)
        while os.read(out, 4096):
            pass
        assert node.process and node.process.wait(10) == 0
        asker.join()
