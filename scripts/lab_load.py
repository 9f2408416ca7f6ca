"""Connections of every kind through a relay in a lab: tests/tools/mixed_load, which
holds them, opens short ones meanwhile, and tells what became of all of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import lab as labs
from lab import Lab

# Of a thousand; the rest is idle.
SHARES = {
    "ping": 100, "bulk": 20, "client-ended": 50, "server-ended": 50, "client-stalls": 30,
    "server-stalls": 30, "urgent": 30, "silent": 50, "queued": 60,
}
# What others than hapair relay as well.
PLAIN = ("ping", "bulk", "client-ended", "server-ended", "client-stalls", "server-stalls")
WRONG = ("lost", "refused", "corrupt")

# A relay's kernel takes megabytes for a client that does not read; and who stalls is
# to be stalled by the relay.
BUFFERS = {
    "net/ipv4/tcp_rmem": "4096 131072 393216",
    "net/ipv4/tcp_wmem": "4096 16384 131072",
}


def mixture(count: int, names: tuple[str, ...] = tuple(SHARES), most: int = 100) -> dict[str, int]:
    """`count` connections, of no kind but idle more than `most`."""
    kinds = {name: min(most, max(1, count * SHARES[name] // 1000)) for name in names}
    return {"idle": count - sum(kinds.values()), **kinds}


class MixedLoad:
    """The tool, on host `at`; its servers' side is a port of host `server`, and the
    relay is on `relay`."""

    def __init__(
        self, lab: Lab, tools: str, kinds: dict[str, int], fronts: list[str], port: int,
        *options: str, at: str = "c", relay: str = "p1", server: str = "s1", server_port: int = 80,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.kinds, self.held = kinds, sum(kinds.values())
        self.said = Path(f"{lab.dir}/mixed_load.{port}")
        lab.inside(relay, lambda: labs._sysctls(BUFFERS))
        words = ",".join(f"{name}={n}" for name, n in kinds.items())
        with lab.listen(server, server_port, 4096) as work:
            argv = [*prefix, f"{tools}/mixed_load", "-k", words, *options]
            argv += [str(work.fileno()), str(port), *fronts]
            with self.said.open("w") as errors:
                self.process: subprocess.Popen[Any] = lab.spawn(
                    at, argv, text=True, pass_fds=(work.fileno(),), stderr=errors,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )

    def ask(self, word: str) -> dict[str, Any]:
        """What it answers; that may take 20 s, where it waits for something."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.complaints()
        return dict(json.loads(line))

    def must(self, word: str) -> dict[str, Any]:
        """The same, and it is so, and nothing has gone wrong."""
        answer = self.ask(word)
        assert answer["done"], (word, answer, self.complaints())
        assert not any(answer[key] for key in WRONG), (answer, self.complaints())
        return answer

    def complaints(self) -> str:
        return self.said.read_text()[:4000]

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
