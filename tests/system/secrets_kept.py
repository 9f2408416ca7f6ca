"""Processes that are stopped where a test wants it, and what is in their memory."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Mapping

from stage import BINARY, TOOLS, wait_for

MORTAL = Path(TOOLS).parent / "preload/mortal.so"


def begin(
    *words: str, env: Mapping[str, str] = os.environ, program: str = BINARY,
    library: str = str(MORTAL), user: int | None = None, **mortal: str,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [program, "keytab", *words],
        env={**env, "LD_PRELOAD": library, **mortal}, user=user,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )


def stopped(process: subprocess.Popen[bytes]) -> None:
    def is_stopped() -> bool:
        """the process stopped where it was told to"""
        text = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]
        assert text.split()[0] != "Z", "it ended"
        return text.split()[0] == "T"

    wait_for(is_stopped, 20)


def mappings(pid: int) -> list[tuple[int, int, bool]]:
    """(begin, end, left out of cores) of all that can be read."""
    found = []
    for block in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text()):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+ *(.*)", block)
        if head and not head[3].startswith("[v"):
            dont = " dd" in re.findall(r"^VmFlags:(.*)$", block, re.M)[0]
            found.append((int(head[1], 16), int(head[2], 16), dont))
    return found


def places(pid: int, keys: list[bytes]) -> list[bool]:
    """Where in memory there are 8 bytes in a row of a key: for each place
    whether a core would leave it out."""
    slices = {k[i : i + 8] for k in keys for i in range(len(k) - 7)}
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for begin, end, dont in mappings(pid):
            mem.seek(begin)
            data = b""
            while len(data) < end - begin:
                try:
                    part = mem.read(end - begin - len(data))
                except OSError:
                    break  # beyond the end of a file that is mapped
                if not part:
                    break
                data += part
            found += [dont for s in slices if s in data]
    return found
