"""What the tests of `hapair keytab` share: keytab files, and MIT's ktutil."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from stage import hapair

AES256, AES128, RC4 = 18, 17, 23
KEY_BYTES = {AES256: 32, AES128: 16, RC4: 16}
NAMES = {AES256: "aes256-cts-hmac-sha1-96", AES128: "aes128-cts-hmac-sha1-96"}
REALM = "EXAMPLE.TEST"


class Entry(NamedTuple):
    """One key, with what a test does not care about filled in."""

    principal: str
    kvno: int = 2
    enctype: int = AES256
    key: bytes = b""  # nothing: made of principal, kvno and enctype
    timestamp: int = 1700000000
    name_type: int = 1
    wide: bool = True

    def secret(self) -> bytes:
        seed = f"{self.principal} {self.kvno} {self.enctype} ".encode()
        return self.key or (seed * 32)[-KEY_BYTES[self.enctype] - 7 :][: KEY_BYTES[self.enctype]]

    def record(self) -> bytes:
        name, _, realm = self.principal.partition("@")
        parts = [(realm or REALM).encode(), *(p.encode() for p in name.split("/"))]
        body = struct.pack(">H", len(parts) - 1)
        body += b"".join(struct.pack(">H", len(p)) + p for p in parts)
        body += struct.pack(">IIB", self.name_type, self.timestamp, self.kvno & 255)
        body += struct.pack(">HH", self.enctype, len(self.secret())) + self.secret()
        if self.wide:
            body += struct.pack(">I", self.kvno)
        return struct.pack(">i", len(body)) + body


def pack(*entries: Entry) -> bytes:
    return b"\5\2" + b"".join(e.record() for e in entries)


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="hapair-keytab-")


def write(path: str, *entries: Entry, mode: int = 0o400) -> str:
    """A keytab of these entries; returns its path."""
    put(path, pack(*entries), mode)
    return path


def put(path: str, data: bytes, mode: int = 0o400) -> None:
    Path(path).unlink(missing_ok=True)
    Path(path).write_bytes(data)
    os.chmod(path, mode)


def keytab(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return hapair("keytab", *args, **more)


def refused(*args: str, **more: Any) -> str:
    """What it says, having failed."""
    done = keytab(*args, **more)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "", done.stdout
    return done.stderr


def done(*args: str, **more: Any) -> str:
    """Its result; it had nothing to complain about."""
    ran = keytab(*args, **more)
    assert ran.returncode == 0 and ran.stderr == "", (ran.returncode, ran.stderr)
    return ran.stdout


def klist(path: str) -> list[tuple[int, str, str]]:
    """(kvno, principal, enctype) of every entry, as MIT's klist reads it."""
    text = subprocess.run(["klist", "-ke", path], capture_output=True, text=True).stdout
    return [
        (int(kvno), name, kind.removeprefix("DEPRECATED:"))
        for kvno, name, kind in re.findall(r"^ *(\d+) (\S+) \((\S+)\) *$", text, re.M)
    ]


def ktutil(*commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ktutil"], input="".join(f"{c}\n" for c in commands), capture_output=True, text=True
    )


def secrets_of(data: bytes) -> list[bytes]:
    """The keys of a keytab, as they come."""
    keys, at = [], 2
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        record, at = data[at + 4 : at + 4 + size], at + 4 + size
        here = 2
        for _ in range(1 + int.from_bytes(record[:2], "big")):
            here += 2 + int.from_bytes(record[here : here + 2], "big")
        here += 4 + 4 + 1 + 2
        keys.append(record[here + 2 : here + 2 + int.from_bytes(record[here : here + 2], "big")])
    return keys


def renumber(path: str, principal: str, kvno: int) -> None:
    """Gives the keys of a principal another kvno, in place."""
    with open(path, "rb") as f:
        keys = secrets_of(f.read())
    kinds = {name: number for number, name in NAMES.items()}
    entries = [
        Entry(name, kvno if name.startswith(f"{principal}@") else was, kinds[kind], key)
        for (was, name, kind), key in zip(klist(path), keys, strict=True)
    ]
    os.rename(write(f"{path}.new", *entries), path)
