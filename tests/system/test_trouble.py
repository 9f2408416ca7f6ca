"""Goal: `status` always answers, within 300 ms from whoever lives, and says what is
wrong, who, since when and what to do; and no file on disk keeps a command from the
daemon that runs."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import termios
import time
from pathlib import Path
from typing import Any, Callable

from stage import BINARY, SLOW, VIP, Stage, single, wait_for
from test_doubt import WIRE, WIRE_BACK, filter_words, shout


def troubles(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {t["id"]: t for t in status.get("troubles") or []}


def trouble(stage: Stage, host: str, wanted: str, timeout: float = 5) -> dict[str, Any]:
    """The trouble of this name, once it is told; each says what to do."""
    found: dict[str, Any] = {}

    def told() -> bool:
        """a trouble is told"""
        found.update(troubles(stage[host].status()))
        return wanted in found

    wait_for(told, timeout * SLOW)
    assert found[wanted]["advice"] and found[wanted]["text"], found[wanted]
    return dict(found[wanted])


def test_o01_a_file_with_a_slip_stops_no_command() -> None:
    """Somebody edits it; it is gone for a moment. And after a kill -9 of everything
    release knows the addresses of what ran."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        text = Path(stage.config).read_text()
        Path(stage.config).write_text(text.replace('"pair": {', '"pair": [{', 1))
        for words in (
            ("status", "--short"),
            ("connections",),
            ("events",),
            ("server", "web/s1", "drain"),
            ("handover",),
        ):
            done = stage.lab.run("p1", BINARY, *words, "-c", stage.config)
            assert done.returncode == 0, done
            assert done.stderr.count("\n") == 1 and "it has mistakes" in done.stderr, done
        stage.wait_master("p2")
        done = stage.lab.run("p2", BINARY, "reload", "-c", stage.config)
        assert done.returncode == 2 and "error:" in done.stderr, done
        kept = f"{stage.lab.host_dir('p2')}/control.sock.running"
        assert os.stat(kept).st_mode & 0o777 == 0o600
        stage["p2"].kill_all()
        stage["p2"].process.wait(5 * SLOW)
        done = stage.lab.run("p2", BINARY, "release", "-c", stage.config)
        assert done.returncode == 0 and "taking what the daemon ran last" in done.stderr, done
        assert "p2" not in stage.lab.holders(VIP[4])
        assert stage["p1"].stop() == 0
        assert not os.path.exists(f"{stage.lab.host_dir('p1')}/control.sock.running")


def test_o02_a_relay_that_stands_still_is_answered_for() -> None:
    """And once it has gone, with the restarts (O10)."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        relay = stage["p1"].relay()
        os.kill(relay, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            status = stage["p1"].status()
            took = time.monotonic() - begun
            assert took < 0.35 * SLOW, took
            found = troubles(status)
            assert "relay_silent" in found, status
            assert status["groups"][0]["name"] == "main" and not status["healthy"]
            # What failover knows: in the relay's place it is asked by the supervisor.
            peer = status["peers"][0]
            assert peer["name"] == "proxy2" and peer["reachable"], peer
            assert peer["groups"][0]["state"] == "backup" and peer["wire"]["up"], peer
            assert [p["state"] for p in status["processes"]] == ["silent", "answers"], status
            done = stage["p1"].cli("status")
            assert done.returncode == 1 and "has not answered for" in done.stdout, done
        finally:
            os.kill(relay, signal.SIGCONT)
        wait_for(lambda: "relay_silent" not in troubles(stage["p1"].status()), 3 * SLOW)
        for n in (1, 2, 3):
            wait_for(lambda: stage["p1"].roles().get("relay", 0) > 0, 5 * SLOW)
            os.kill(stage["p1"].relay(), signal.SIGKILL)
            wait_for(lambda: restarts(stage, "p1") == n, 5 * SLOW)
        told = trouble(stage, "p1", "process_ends")
        assert "ended 3 times" in told["text"] and "signal 9" in told["text"], told


def restarts(stage: Stage, host: str) -> int:
    listed = stage[host].status().get("processes") or [{"restarts": -1}]
    return int(listed[0]["restarts"])


def test_o03_a_third_host_shows_the_address() -> None:
    """A master learns who has its address by what that host shows; and its backup,
    which would find it there after a takeover."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        assert stage["p1"].cli("status").returncode == 0
        with stage.lab_address("s3", 4, 24):
            def contradicted() -> bool:
                """the third host shows the address to both"""
                shout(stage, "s3", 4)
                return all("address_conflict" in troubles(stage[h].status()) for h in ("p1", "p2"))

            assert "address_conflict" not in troubles(stage["p2"].status())
            wait_for(contradicted, 5 * SLOW)
            shown = stage.lab.run("s3", "cat", "/sys/class/net/eth0/address").stdout.strip()
            for host in ("p1", "p2"):
                told = trouble(stage, host, "address_conflict")
                assert f"with MAC {shown}, has {VIP[4]} on eth0" in told["text"], told
                assert told["since"], told
                assert stage[host].cli("status").returncode == 1
            assert stage["p2"].state() == "backup"


def test_o03_the_wire_is_filtered() -> None:
    """TCP between the nodes, not their heartbeats: said on both, with what to do,
    and over once it passes again."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        wait_for(lambda: stage["p1"].status()["healthy"], 5 * SLOW)
        filter_words(stage, WIRE, WIRE_BACK)
        for host, peer in (("p1", "proxy2"), ("p2", "proxy1")):
            told = trouble(stage, host, "wire_down", 15)
            assert f"the wire to peer {peer} is down" in told["text"] and told["since"], told
            assert "let TCP pass" in told["advice"], told
            shown = stage[host].cli("status")
            assert shown.returncode == 1 and "! the wire to peer" in shown.stdout, shown
            assert stage[host].status()["peers"][0]["reachable"]
        assert stage["p1"].state() == "master" and stage["p2"].state() == "backup"
        stage.lab.undrop()
        for host in ("p1", "p2"):
            wait_for(lambda h=host: stage[h].status()["healthy"], 10 * SLOW)


def test_o08_o09_what_was_set_by_hand_and_when_it_changed() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        assert stage["p2"].cli("server", "web/s2", "weight=7").returncode == 0
        assert stage["p2"].cli("server", "web/s3", "drain").returncode == 0

        def known() -> bool:
            """both words are on the other node"""
            text = stage["p1"].cli("status").stdout
            return "web/s2: weight 7 (1 in the file)" in text and "web/s3: drain" in text

        wait_for(known, 3 * SLOW)
        text = stage["p1"].cli("status").stdout
        since = stage["p1"].status()["groups"][0]["since"]
        assert f"main became master {since[11:19]}Z: no peer was heard" in text, text
        assert "SET BY HAND" in text and "by a word on proxy2" in text, text


def test_watch_draws_until_it_is_ended() -> None:
    with single() as stage:
        stage.serve("echo")
        stage.start()
        path = f"{stage.lab.host_dir('p1')}/control.sock"
        process = stage.lab.spawn(
            "p1", [BINARY, "status", "--watch", "0.3", "-s", path], stdout=-1, text=True
        )
        assert process.stdout is not None
        seen = ""
        deadline = time.monotonic() + 5 * SLOW
        while "NEW/S" not in seen and time.monotonic() < deadline:
            seen += process.stdout.readline()
        process.terminate()
        process.wait(5)
        assert "NEW/S" in seen and json.dumps(seen).count("single node") >= 2, seen
        for wrong in (("--watch", "0"), ("--watch", "--json"), ("2",)):
            assert stage["p1"].cli("status", *wrong).returncode == 2


def test_watch_on_a_small_screen() -> None:
    """What is cut leaves no colour behind, and what was is not shown as what is."""
    with single() as stage:
        stage.start()  # no server is there: a trouble, in red
        path = f"{stage.lab.host_dir('p1')}/control.sock"
        screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 80, 0, 0))
        stage.lab.spawn(
            "p1", [BINARY, "status", "--watch", "0.3", "-s", path], stdout=inside, stderr=inside
        )
        os.close(inside)
        os.set_blocking(screen, False)
        seen = ""

        def shows(text: str) -> Callable[[], bool]:
            def look() -> bool:
                nonlocal seen
                with contextlib.suppress(BlockingIOError):
                    seen += os.read(screen, 65536).decode()
                return text in seen

            look.__doc__ = f"{text!r} on the screen"
            return look

        wait_for(shows("\033[31m! "), 5 * SLOW)
        wait_for(shows("\033[0m…\033[K\033[J"), 5 * SLOW)
        stage["p1"].stop()
        wait_for(shows("\033[H\033[Jhapair status: "), 5 * SLOW)
        os.close(screen)
