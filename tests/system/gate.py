"""Finds a process of hapair where a test wants it: at a message that it is about to
send, or has received (tests/preload/gate.c). There it stands until the gate opens."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import struct
from pathlib import Path
from typing import Iterator

from stage import ROOT, TOOLS, Node

LIBRARY = Path(TOOLS).parent / "preload/gate.so"
ROLES = {"supervisor": 0, "relay": 1, "failover": 2}
FIELDS = ("armed", "role", "receives", "kind", "type", "only", "never", "reached", "open")


def numbers(path: str, name: str, prefix: str) -> dict[str, int]:
    """Of an enum of ours, by the words behind its prefix."""
    text = re.sub(r"/\*.*?\*/", "", Path(ROOT, path).read_text(), flags=re.S)
    found = re.search(rf"enum {name} {{(.*?)}}", text, re.S)
    assert found, name
    values: dict[str, int] = {}
    last = -1
    for item in filter(None, (x.strip() for x in found[1].split(","))):
        word, _, value = (x.strip() for x in item.partition("="))
        last = int(value) if value else last + 1
        values[word.removeprefix(prefix)] = last
    return values


MESSAGES = {
    0: numbers("core/msg.h", "msg_type", "MSG_"),
    1: numbers(
        "proxy/transfer/transfer_message.h", "transfer_message_type", "TRANSFER_MESSAGE_"
    ),
}


class Gate:
    def __init__(self, path: str) -> None:
        self.path = path
        Path(path).write_bytes(bytes(4096))
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)

    def put(self, field: str, value: int) -> None:
        struct.pack_into("I", self.map, 4 * FIELDS.index(field), value)

    @property
    def reached(self) -> int:
        """The process that stands there; 0: none does yet."""
        return int(struct.unpack_from("I", self.map, 4 * FIELDS.index("reached"))[0])

    def arm(self, who: str, message: str, only: int = 0, never: int = 0) -> None:
        """`message`: "sends READY" or "has READY"; "sends relay:GO" between relays."""
        does, _, name = message.partition(" ")
        relays, _, name = name.rpartition(":")
        kind = 1 if relays else 0
        for field in FIELDS:
            self.put(field, 0)
        self.put("role", ROLES[who])
        self.put("receives", int(does == "has"))
        self.put("kind", kind)
        self.put("type", MESSAGES[kind][name])
        self.put("only", only)
        self.put("never", never)
        self.put("armed", 1)

    def open(self) -> None:
        self.put("armed", 0)
        self.put("open", 1)

    @contextlib.contextmanager
    def loaded(self) -> Iterator[None]:
        """For what is started meanwhile."""
        os.environ.update(LD_PRELOAD=str(LIBRARY), HAPAIR_GATE=self.path)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"], os.environ["HAPAIR_GATE"]

    def start(self, node: Node) -> None:
        with self.loaded():
            node.start()
