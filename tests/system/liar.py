"""A peer that holds the pair's key and lies: it speaks heartbeat and wire from a
proxy host of the lab, true and false, by a seed.

Its words come from the tables here (BEAT, the frames' types) and are changed with
their shape in mind, so that most of them get past the signature and the form, and
reach what acts on them. failover/election/hello.h, core/stream/stream_codec.h,
failover/peerlink/peer_codec.h, core/conn_record.h and core/accord.h say what the
bytes mean.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import random
import select
import socket
import struct
import time
from pathlib import Path
from typing import Any

from stage import SLOW, VIP, Stage, address

PORT = 8401
BEAT, CHALLENGE = 1, 2
INIT, BACKUP, MASTER, FAULT = range(4)
PROOF, PULSE, HELLO, BEGIN, RECORDS, END, ACCORDS, ACCORDS_END = range(8)
FILE = 9
OPENED, CLOSED, LEFT = 1, 2, 3
BODY_MAX = 4096
TERMS = (0, 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1)


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()[:16]


def _derive(key: bytes, label: str, context: bytes = b"") -> bytes:
    return hmac.new(key, label.encode() + b"\0" + context, hashlib.sha256).digest()


def _identity(addr: str) -> bytes:
    raw = socket.inet_aton(addr)
    return bytes([len(raw)]) + raw


def _public_id(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _end(addr: str, port: int) -> bytes:
    if ":" in addr:
        return b"\6" + socket.inet_pton(socket.AF_INET6, addr) + struct.pack("!H", port)
    return b"\4" + socket.inet_aton(addr) + struct.pack("!H", port)


def record(change: int, ident: int, *ends: tuple[str, int]) -> bytes:
    """A connection: client and local, and maybe source and server."""
    head = struct.pack("!BBQ", change, len(ends), ident)
    body = head + b"".join(_end(*end) for end in ends)
    return bytes([len(body)]) + body


def accord(kind: int, subject: str, server: str, value: int, epoch: int, node: int) -> bytes:
    def text(s: str) -> bytes:
        return struct.pack("!H", len(s)) + s.encode()

    body = bytes([kind]) + text(subject) + text(server)
    body += struct.pack("!HQB", value, epoch, node)
    return bytes([len(body)]) + body


class Liar:
    """Sits on `host` in place of its hapair, and speaks to the other one's."""

    def __init__(self, stage: Stage, host: str, seed: int) -> None:
        self.stage, self.host = stage, host
        self.victim = "p2" if host == "p1" else "p1"
        self.random, self.of_files = random.Random(seed), random.Random(seed)
        own, other = address(host), address(self.victim)
        key = bytes.fromhex(Path(stage.key_file).read_text().strip())
        self.key_id = int.from_bytes(_derive(key, "hapair key id")[:8], "little")
        self.self_id, self.other_id = (_public_id(_identity(a)) for a in (own, other))
        there, here = _identity(own) + _identity(other), _identity(other) + _identity(own)
        self.send_key = _derive(key, "hapair heartbeat", there)
        self.receive_key = _derive(key, "hapair heartbeat", here)
        self.group = _public_id(b"main") & 0xFFFFFFFF
        self.boot = os.urandom(16)
        self.seq = 0
        self.heard = b""  # the victim's last hello
        self.answers = 0  # how many of them came
        self.sent = self.mutated = self.proven = 0
        self.udp = stage.lab.socket(host, 4, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((own, PORT))
        self.udp.setblocking(False)
        self.lines: list[Line] = []

    def close(self) -> None:
        for line in self.lines:
            line.close()
        self.udp.close()

    def restart(self) -> None:
        """As a process that was started anew: what it said of its numbers is past."""
        self.boot = os.urandom(16)
        self.seq = 0

    # -- heartbeats --------------------------------------------------------

    def listen(self) -> None:
        """What the victim says: its proof of now goes into ours."""
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while packet := self.udp.recv(2048):
                self.heard = packet
                self.answers += 1

    def _echo(self) -> tuple[bytes, int, int]:
        """The victim's boot, nonce and number."""
        if not self.heard:
            return bytes(16), 0, 0
        nonce, _, seq = struct.unpack_from("!QQQ", self.heard, 68)
        return self.heard[36:52], nonce, seq

    def head(self) -> int:
        """Where the groups begin in the victim's last hello: it says so itself."""
        return int(struct.unpack_from("!H", self.heard, 8)[0])

    def addresses(self) -> int:
        """As the victim's own hello has them."""
        return int(struct.unpack_from("!I", self.heard, self.head() + 22)[0]) if self.heard else 0

    def term(self) -> int:
        """The victim's, by its last hello."""
        return int(struct.unpack_from("!Q", self.heard, self.head() + 8)[0]) if self.heard else 0

    def signed(self, body: bytes) -> bytes:
        return body + _mac(self.send_key, body)

    def beat(self, **said: Any) -> bytes:
        """A hello, true but for what is `said`."""
        boot, nonce, seq = self._echo()
        self.seq = max(self.seq + 1, said.get("seq", 0))
        get = said.get
        groups = [(get("group", self.group), get("state", BACKUP),
                   get("flags", 0), get("priority", 100), get("faults", 0),
                   get("term", 1), get("served", 0), get("lacks", 0),
                   get("addresses", self.addresses()), get("macs", bytes(24)))]
        groups = groups[: get("n_groups", 1)]
        head = b"HAPR" + bytes([2, 2, get("type", BEAT), len(groups)])
        head += struct.pack("!HBB", 128, 50, 0) + struct.pack("!QQ", self.key_id, 0)
        head += struct.pack("!Q", self.self_id) + get("boot", self.boot)
        head += get("echo_boot", boot) + struct.pack(
            "!QQQQ", 7, get("echo_nonce", nonce), get("seq", self.seq), get("echo_seq", seq))
        head += struct.pack("!HBB", get("interval", 20), get("misses", 3), get("head_flags", 0))
        head += get("config", bytes(16))
        head += struct.pack("!II", get("pause_epoch", 0), get("pause_ms", 0))
        for g in groups:
            head += struct.pack("!IBBBBQHII", *g[:9]) + g[9]
        return self.signed(head)

    def say(self, packet: bytes) -> None:
        self.sent += 1
        with contextlib.suppress(OSError):
            self.udp.sendto(packet, (address(self.victim), PORT))

    def calm(self) -> None:
        """As an honest backup says it."""
        self.listen()
        self.say(self.beat())

    def false_words(self) -> dict[str, Any]:
        """Some of what may be said of a backup, with no claim in it."""
        r = self.random
        words: dict[str, Any] = {
            "type": r.choice((BEAT, CHALLENGE)), "state": r.choice((INIT, BACKUP, FAULT)),
            "flags": r.choice((0, 1)), "priority": r.randint(1, 254),
            "faults": r.choice((0, 1, 255)), "term": r.choice(TERMS),
            "lacks": r.choice((0, 1, 0xFFFFFFFF)), "addresses": r.getrandbits(32),
            "macs": r.randbytes(24), "n_groups": r.choice((0, 1)),
            "group": r.getrandbits(32), "boot": r.randbytes(16),
            "echo_nonce": r.getrandbits(64), "echo_seq": r.choice(TERMS),
            "seq": self.seq + r.choice((0, 1, 2, 1 << 20)),
            "interval": r.choice((1, 20, 1000, 10000)), "misses": r.randint(1, 20),
            "head_flags": r.randint(0, 255), "config": r.randbytes(16),
            "pause_epoch": r.choice((0, 1, 1 << 31, 0xFFFFFFFF)),
            "pause_ms": r.choice((0, 1000, 0xFFFFFFFF)),
        }
        chosen = r.sample(sorted(words), r.randint(0, 4))
        return {name: words[name] for name in chosen}

    def mutate(self, packet: bytes) -> bytes:
        """Changed bytes, cut or longer, and signed all the same."""
        r = self.random
        body = bytearray(packet[:-16])
        for _ in range(r.randint(1, 4)):
            body[r.randrange(len(body))] = r.choice((0, 1, 0x7F, 0x80, 0xFF))
        # Another number, and nothing would be heard until it starts anew.
        body[84:92] = packet[84:92]
        # No claim: its state is at 4 and its flags are at 5 of each group.
        if len(body) >= 134:
            body[132] = r.choice((INIT, BACKUP, FAULT, 4, 255))
            body[133] &= 1
        cut = r.choice((len(body), len(body), r.randrange(len(body)), len(body) + 200))
        self.mutated += 1
        return self.signed(bytes(body[:cut]).ljust(cut, b"\0"))

    def burst(self, count: int) -> None:
        """As fast as it goes."""
        r = self.random
        for _ in range(count):
            packet = self.beat(**self.false_words())
            packet = r.choice((packet, packet, self.mutate(packet), self.heard or packet,
                               packet[: r.randrange(len(packet))]))
            for _ in range(r.choice((1, 1, 2))):
                self.say(packet)

    # -- the wire ------------------------------------------------------------

    def open_line(self, **more: Any) -> Line:
        line = Line(self, self.stage.lab.connect(self.host, address(self.victim), PORT), **more)
        self.lines = [x for x in self.lines if x.sock.fileno() != -1] + [line]
        return line

    def records(self, count: int, clients: list[tuple[str, int]]) -> bytes:
        """Of connections that there are not, that nobody could have, and that live."""
        r = self.random
        wild = ["10.77.0.50", "10.77.0.21", "10.77.0.99", "224.0.0.1", "255.255.255.255",
                "127.0.0.1", "0.0.0.0", "192.0.2.7", VIP[4]]
        body = b""
        for _ in range(count):
            client = r.choice([(r.choice(wild), r.randint(1, 65535)), *clients])
            local = (r.choice((VIP[4], address(self.victim), "10.9.9.9")), 80)
            ends = [client, local]
            change = r.choice((OPENED, OPENED, CLOSED, LEFT))
            if change == OPENED and r.random() < 0.3:
                ends += [(VIP[4], 80), r.choice([("10.77.0.21", 80), *clients])]
            one = record(change, r.choice((1, r.getrandbits(64))), *ends)
            body += one if len(body) + len(one) <= BODY_MAX else b""
        return body

    def full(self) -> bytes:
        """As many records as go into a frame, of clients that there could be."""
        r = self.random
        return b"".join(record(OPENED, r.getrandbits(60) + 1,
                               (f"10.77.{r.randint(1, 9)}.{r.randint(1, 254)}",
                                r.randint(1024, 65535)), (VIP[4], 80))
                        for _ in range(BODY_MAX // 25))

    def accords(self, count: int) -> bytes:
        r = self.random
        body = b""
        for _ in range(count):
            one = accord(r.randint(0, 9), r.choice(("web", "none", "x" * 60, "!")),
                         r.choice(("s1", "nobody", "y" * 60)), r.choice((0, 1, 300, 65535)),
                         r.choice((1, 2, 1 << 52, (1 << 64) - 1)), r.randint(0, 255))
            body += one if len(body) + len(one) <= BODY_MAX else b""
        return body

    def file(self) -> bytes:
        """A question about a file, or an answer that nobody asked for: see peer_file.h."""
        r = self.of_files
        kind = r.choice((1, 1, 1, 2, 3, 4, 5, 8, 10, 12, r.randint(0, 255)))
        total = r.choice((0, 50, 4000, 8000, 1 << 20, (1 << 32) - 1))
        at = r.choice((0, 0, 50, 4000, total))
        head = struct.pack("!BBBQ16sII", r.choice((35, 35, 35, 40, 3)), kind, r.randint(0, 1),
                           r.choice((0, 1, 2)), r.randbytes(16), total, at)
        return head + r.randbytes(r.choice((0, 50, 4000)))

    def frame(self, clients: list[tuple[str, int]]) -> tuple[int, bytes]:
        """Of any type, true, false, or of no shape at all."""
        r = self.random
        bodies = {
            PROOF: b"", PULSE: b"", HELLO: self.beat(**self.false_words()), BEGIN: b"",
            RECORDS: self.records(r.choice((1, 5, 90)), clients), END: b"",
            ACCORDS: self.accords(r.choice((1, 30))), ACCORDS_END: b"",
            r.randint(8, 255): r.randbytes(r.choice((0, 100, BODY_MAX))),
        }
        kind = r.choice([*bodies, RECORDS, BEGIN, END, HELLO])
        body = bodies[kind]
        if r.random() < 0.1:
            body = r.randbytes(r.choice((0, 1, 50, BODY_MAX)))
        elif body and r.random() < 0.1:
            at = r.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 1 << r.randrange(8)]) + body[at + 1 :]
        return kind, body


class Line:
    """One TCP connection of the wire, from our end."""

    def __init__(self, liar: Liar, sock: socket.socket, prove: bool = True) -> None:
        self.liar, self.sock, self.number = liar, sock, 0
        self.sock.settimeout(2 * SLOW)
        self.ours = self.greeting()
        if prove:
            self.prove()

    def close(self) -> None:
        self.sock.close()

    def greeting(self, version: int = 3, sender: int | None = None) -> bytes:
        liar = self.liar
        text = b"hapW" + struct.pack("!BBH", version, version, 56)
        text += struct.pack("!QQ", liar.key_id, liar.self_id if sender is None else sender)
        return text + liar.boot + os.urandom(16)

    def prove(self) -> None:
        """Greetings and the proof; OSError where the victim will not have it."""
        self.sock.sendall(self.ours)
        theirs = b""
        while len(theirs) < 56:
            part = self.sock.recv(56 - len(theirs))
            if not part:
                raise ConnectionResetError
            theirs += part
        hashes = b"".join(hashlib.blake2b(x, digest_size=32).digest()
                          for x in (self.ours, theirs))
        self.key = _derive(self.liar.send_key, "hapair wire", hashes)
        self.send(PROOF, b"")
        self.liar.proven += 1

    def packed(self, kind: int, body: bytes, length: int | None = None) -> bytes:
        head = struct.pack("!HBB", len(body) if length is None else length, kind, 0)
        text = struct.pack("!Q", self.number) + head + body
        self.number += 1
        return head + body + _mac(self.key, text)

    def send(self, kind: int, body: bytes, length: int | None = None) -> None:
        self.sock.sendall(self.packed(kind, body, length))

    def drain(self) -> None:
        """What it says must not fill its queue."""
        with contextlib.suppress(OSError):
            while select.select([self.sock], [], [], 0)[0] and self.sock.recv(1 << 16):
                pass


def strange_openings(liar: Liar) -> list[bytes]:
    """What may stand in place of a greeting and a proof."""
    line = Line(liar, socket.socket(), prove=False)
    line.close()
    good = line.greeting()
    return [
        b"", good[:20], good, good + b"\0" * 20, good + os.urandom(2000),
        line.greeting(version=1), line.greeting(version=9),
        line.greeting(sender=liar.other_id), line.greeting(sender=5),
        good[:6] + b"\xff\xff" + good[8:], os.urandom(56), b"\0" * 5000,
    ]


def slow_drip(sock: socket.socket, text: bytes, seconds: float) -> None:
    """A byte now and then."""
    end = time.monotonic() + seconds
    with contextlib.suppress(OSError):
        for byte in text:
            if time.monotonic() > end:
                break
            sock.sendall(bytes([byte]))
            time.sleep(0.01)
