"""Goal: each process says what the table of rights lets it say (doc/messages.md), or is
ended; what it sends delays nobody; and after every loss somebody mends."""

import contextlib
import os
import signal
import socket
import struct
import threading
import time
from typing import Iterator

from impostor import Impostor, lingering, stopped, to_other_role, to_supervisor
from stage import SLOW, Node, Stage, figure, read_all, single, wait_for


@contextlib.contextmanager
def standing() -> Iterator[tuple[Stage, Node]]:
    """A pair that serves; nothing of what follows may move its address. It waits for a
    relay as long as it can, however busy the machine."""
    with Stage(pair={"hang_timeout": "10s"}) as stage:
        stage.serve()
        stage.start()
        yield stage, stage["p1"]
        stage.wait_master("p1")
        assert "-> master" not in stage["p2"].log(), "the address has moved"
        assert stage.ask() in ("s1", "s2", "s3")


def is_mended(node: Node) -> bool:
    """The roles know each other: failover's part is in the status."""
    status = node.status()
    groups, peers = status.get("groups"), status.get("peers")
    return bool(groups and groups[0]["state"] == "master" and peers and peers[0]["reachable"])


def answers_within(node: Node, ms: float) -> None:
    begun = time.monotonic()
    assert node.status(), "no answer"
    took_ms = 1000 * (time.monotonic() - begun)
    assert took_ms < figure(ms), f"an answer after {took_ms:.0f} ms"


def test_s07_only_failover_ends_the_wire() -> None:
    """The supervisor would let go of it, and a failover that crashes then would cost
    the address."""
    with standing() as (stage, node):
        relay = node.relay()
        with to_supervisor(relay) as impostor:
            assert impostor.send("WIRE_DOWN")
        said = "sent WIRE_DOWN: it is not its to send, restarting it"
        wait_for(lambda: said in node.log(), 5 * SLOW)
        wait_for(lambda: node.roles().get("relay", relay) != relay, 5 * SLOW)
        stage.wait_serving("p1")
        before = node.failover()
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: node.roles().get("failover", before) != before, 5 * SLOW)
        wait_for(lambda: is_mended(node), 5 * SLOW)


def test_s04_a_descriptor_that_sleeps() -> None:
    """Neither the one that is refused nor those behind it hold up the supervisor, nor
    failover."""
    with standing() as (stage, node):
        for to, reader in ((to_supervisor, node.pid), (to_other_role, node.failover())):
            relay = node.relay()
            with lingering(4) as fds, to(relay) as impostor:
                # The last of those who have them shall be whoever reads.
                with stopped(reader):
                    for fd in fds:
                        assert impostor.send("STOPPED", fds=(fd, fd))
                        os.close(fd)
                wait_for(lambda: node.roles().get("relay", relay) != relay, 2 * SLOW)
                answers_within(node, 1000)
                stage.wait_serving("p1")
                wait_for(lambda: is_mended(node), 5 * SLOW)


def test_s04_an_operators_descriptor_that_sleeps() -> None:
    """Neither the supervisor nor the role that answers closes it."""
    with single() as stage, lingering(4) as fds:
        stage.serve()
        stage.start()
        node = stage["p1"]
        for line in (b"status\n", b"status\nand more\n"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(f"{node.lab.host_dir(node.host)}/control.sock")
                with stopped(node.pid):
                    for part in (line, b"rest"):
                        fd = fds.pop()
                        socket.send_fds(sock, [part], [fd])
                        os.close(fd)
                assert read_all(sock)
            answers_within(node, 1000)


def test_s05_a_role_that_closes_its_channel() -> None:
    """And lives on: nobody could tell it anything any more."""
    with single() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        relay = node.relay()
        os.kill(relay, signal.SIGSTOP)
        with to_supervisor(relay) as impostor:
            impostor.end()
        wait_for(lambda: "has closed its channel and goes on, killing it" in node.log(), 5 * SLOW)
        wait_for(lambda: node.roles().get("relay", relay) != relay, 5 * SLOW)
        stage.wait_serving("p1")
        assert stage.ask() in ("s1", "s2", "s3")


def flood(impostor: Impostor, until: threading.Event) -> None:
    body = struct.pack("!IB", 0, 0)
    while not until.is_set():
        if not impostor.send("SIBLING_LOST", body):
            time.sleep(0)


def test_s04_a_flood_delays_nothing() -> None:
    """Of what the relay may say, at first; then it is too much."""
    with standing() as (stage, node):
        over = threading.Event()
        relay, failover = node.relay(), node.failover()
        with to_supervisor(relay) as impostor:
            thread = threading.Thread(target=flood, args=(impostor, over))
            thread.start()
            os.kill(failover, signal.SIGKILL)
            begun = time.monotonic()
            wait_for(lambda: node.roles().get("failover", failover) != failover, 5 * SLOW)
            took_ms = 1000 * (time.monotonic() - begun)
            over.set()
            thread.join()
        assert took_ms < figure(1000), f"failover was back after {took_ms:.0f} ms"
        wait_for(lambda: "sent SIBLING_LOST: there are too many of them" in node.log(), 5 * SLOW)
        stage.wait_serving("p1")
        wait_for(lambda: is_mended(node), 5 * SLOW)


def test_s05_strangers_are_introduced_anew() -> None:
    """Whatever made them lose each other."""
    with standing() as (stage, node):
        roles = node.roles()
        with to_other_role(roles["failover"]) as impostor:
            assert impostor.send("SERVING")
        wait_for(lambda: "failover sent SERVING: it is not its to send" in node.log(), 5 * SLOW)
        wait_for(lambda: is_mended(node), 5 * SLOW)
        with to_other_role(roles["relay"]) as impostor:
            impostor.end()
        wait_for(lambda: "relay: its channel has ended" in node.log(), 5 * SLOW)
        wait_for(lambda: is_mended(node), 5 * SLOW)
        assert node.roles() == roles, "one of them was restarted"
        with to_other_role(roles["relay"]) as impostor:
            assert impostor.send("SERVICE", b"malformed")
        said = "relay: it sent SERVICE: it is too short or too long, waiting"
        wait_for(lambda: said in node.log(), 5 * SLOW)
        wait_for(lambda: node.roles().get("relay", roles["relay"]) != roles["relay"], 5 * SLOW)
        stage.wait_serving("p1")
        wait_for(lambda: is_mended(node), 5 * SLOW)
        assert node.failover() == roles["failover"]
        assert "-> fault" not in node.log()


def test_s05_not_for_ever() -> None:
    """Whoever keeps being lost is restarted, with the pauses of one that keeps ending."""
    with standing() as (stage, node):
        relay, failover = node.relay(), node.failover()
        said = "it and failover keep losing each other, restarting it"

        def lose() -> bool:
            with contextlib.suppress(AssertionError, OSError):
                with to_other_role(relay) as impostor:
                    impostor.end()
            return said in node.log()

        wait_for(lose, 10 * SLOW)
        wait_for(lambda: node.roles().get("relay", relay) != relay, 5 * SLOW)
        stage.wait_serving("p1")
        wait_for(lambda: is_mended(node), 5 * SLOW)
        assert node.failover() == failover
