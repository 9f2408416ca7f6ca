"""Goal: a role that was taken over harms its own node at the most. It says everything
that there is to say to the supervisor and to the other role, at any time, as it should be
and mutated. The others live and serve; through a role of the backup the pair's service
misses nothing, through the master's relay no more than a restart.

HAPAIR_HOSTILE: seconds of each test, HAPAIR_SEED: the first of its seeds."""

import contextlib
import os
import random
import struct
import time
from typing import Callable, Iterator

from impostor import TYPES, Impostor, to_other_role, to_supervisor
from stage import PORT, SLOW, Node, Stage, figure, limit, server, wait_for, write_script

SECONDS = float(os.environ.get("HAPAIR_HOSTILE", "10" if SLOW == 1 else "5"))
SEED = int(os.environ.get("HAPAIR_SEED", "1"))
LOG_BYTES_A_SECOND = 100_000
ODD = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0xFFFFFFFF, (1 << 52) - 1, (1 << 64) - 1)

# As core/msg.c writes them: a field is a letter of struct, or s for a text.
BODIES = {
    "SERVICE": "HHHH", "ASK": "I", "ANSWERED": "I", "WANTED": "I", "RESET": "H",
    "SIBLING_LOST": "IB", "CHOSEN": "HHQ", "FENCE": "IHBHH", "MUTE": "HBB",
    "GROUP": "HBBBIQQsIs", "PAUSE": "IBQ", "SCRIPT": "HB", "KNOWN": "B", "FENCED": "IB",
    "TRACKS": "HBB", "LISTENER": "HHH",
}


def number(dice: random.Random, letter: str) -> bytes:
    room = 8 * struct.calcsize(f"!{letter}")
    value = dice.randrange(2) if dice.random() < 0.995 else dice.choice(ODD)
    return struct.pack(f"!{letter}", value & ((1 << room) - 1))


def accord(dice: random.Random) -> bytes:
    """An operator's word, as core/accord.c writes it."""
    service, name = dice.choice((b"web", b"store", b"x")), dice.choice((b"s1", b"s2", b"y"))
    body = struct.pack("!BH", dice.randrange(1, 5), len(service)) + service
    body += struct.pack("!H", len(name)) + name
    body += struct.pack("!HQB", dice.randrange(3), dice.choice(ODD) or 1, dice.randrange(2))
    return struct.pack("!B", len(body)) + body


def body_of(dice: random.Random, kind: str) -> bytes:
    if kind == "ACCORDS":
        return b"".join(accord(dice) for _ in range(dice.randrange(4)))
    if kind == "CONNECTIONS":
        return dice.randbytes(dice.randrange(200))
    text = dice.choice((b"", b"why", b"\x1b[2J", b"x" * 255))
    return b"".join(
        struct.pack("!H", len(text)) + text if letter == "s" else number(dice, letter)
        for letter in BODIES.get(kind, "")
    )


def mutate(dice: random.Random, body: bytes) -> bytes:
    found = bytearray(body)
    how = dice.randrange(4)
    if how == 0 and found:
        found[dice.randrange(len(found))] = dice.choice((0, 1, 0x7F, 0xFF))
    elif how == 1:
        del found[dice.randrange(len(found) + 1):]
    elif how == 2:
        found += dice.randbytes(dice.choice((1, 2, 300, 4000)))
    return bytes(found)


def say_one(dice: random.Random, impostor: Impostor, own: tuple[str, ...]) -> bool:
    """Mostly what it may say, or the first would be its last each time."""
    foreign = dice.random() < 0.001
    kind = dice.choice(tuple(TYPES) if foreign else own)
    body = body_of(dice, kind)
    if dice.random() < 0.002:
        body = mutate(dice, body)
    fds = (0,) * dice.choice((1, 2, 250)) if dice.random() < 0.001 else ()
    return impostor.send(dice.randrange(1 << 16) if foreign and dice.random() < 0.2 else kind, body, fds)


def be_hostile(
    dice: random.Random, pid: Callable[[], int], ways: dict[Callable[[int], Impostor], tuple[str, ...]]
) -> int:
    """As whichever process has the role. Returns how much it has said."""
    until, said = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        way, own = dice.choice(tuple(ways.items()))
        with contextlib.suppress(OSError, AssertionError):
            with way(pid()) as impostor:
                for _ in range(dice.randrange(1, 300)):
                    if not say_one(dice, impostor, own):
                        break
                    said += 1
        time.sleep(0.001)
    return said


RELAY = {
    to_supervisor: ("CHOSEN", "FENCE", "SIBLING_LOST"),
    to_other_role: ("SERVICE", "ASK", "RESET", "CONNECTIONS", "CONNECTIONS_BEGIN", "CONNECTIONS_END"),
}
FAILOVER = {
    to_supervisor: ("GROUP", "MUTE", "PAUSE", "WANTED", "WIRE_DOWN", "ACCORDS", "SIBLING_LOST"),
    to_other_role: ("GROUP", "RESET", "TRACKS", "ANSWERED"),
}


@contextlib.contextmanager
def standing() -> Iterator[Stage]:
    """With a standby service, so that there is something to choose and to fence."""
    with Stage() as stage:
        config = stage.build()
        fence = write_script(f"{stage.lab.dir}/fence", "exit 0")
        config["services"].append({
            "name": "store", "mode": "standby", "listen": [f"*:{PORT + 1}"],
            "fence": fence, "check": config["services"][0]["check"],
            "servers": [server("s1"), server("s2")],
        })
        stage.configure(config)
        stage.serve()
        stage.start()
        yield stage
        assert stage.ask() in ("s1", "s2", "s3")


def judge(stage: Stage, node: Node, kept: dict[str, int]) -> None:
    """It lives, answers, and has not written its disk full."""
    assert node.process is not None and node.process.poll() is None
    for role, pid in kept.items():
        assert node.roles()[role] == pid, f"{role} was ended"
    wait_for(lambda: node.status().get("peers"), 15 * SLOW)
    size = len(node.log())
    assert size < LOG_BYTES_A_SECOND * (SECONDS + 5), f"a log of {size} bytes"


@limit(60 + 3 * SECONDS)
def test_relay_of_the_backup() -> None:
    dice = random.Random(SEED)
    with standing() as stage:
        node = stage["p2"]
        failover = node.failover()
        running = stage.probes(SECONDS + 1)
        assert be_hostile(dice, node.relay, RELAY) > 100
        result = running.result()
        bad = {key: result[key] for key in ("refused", "reset", "other") if result[key]}
        assert not bad and result["gap_ms"] < figure(1000), result
        judge(stage, node, {"failover": failover})
        stage.wait_master("p1", 15)
        assert "-> backup" not in stage["p1"].log(), "the address has moved"


def be_hostile_once(stage: Stage, node: Node) -> None:
    """It costs a restart of the relay, and the address stays."""
    relay = node.relay()
    running = stage.probes(1)
    time.sleep(0.3)  # in their midst
    with to_supervisor(relay) as impostor:
        assert impostor.send("CHOSEN", b"\xff" * 12)
    result = running.result()
    assert node.relay() != relay
    assert result["gap_ms"] < figure(500), result
    assert node.state() == "master" and "-> backup" not in node.log(), "the address has moved"


@limit(60 + 3 * SECONDS)
def test_relay_of_the_master() -> None:
    dice = random.Random(SEED + 1)
    with standing() as stage:
        node = stage["p1"]
        failover = node.failover()
        be_hostile_once(stage, node)
        # One that ends again and again is not waited for: the address may move.
        running = stage.probes(SECONDS + 1)
        assert be_hostile(dice, node.relay, RELAY) > 100
        result = running.result()
        assert result["gap_ms"] < figure(2000), result
        judge(stage, node, {"failover": failover})
        stage.wait_any_master(15)


@limit(60 + 3 * SECONDS)
def test_failover_of_the_backup() -> None:
    """It may speak for the node, so the relay may be restarted, and the peer's service
    stays where it is."""
    dice = random.Random(SEED + 2)
    with standing() as stage:
        node = stage["p2"]
        assert be_hostile(dice, node.failover, FAILOVER) > 100
        judge(stage, node, {})
        stage.wait_any_master(15)
        assert "-> backup" not in stage["p1"].log(), "the address has moved"
