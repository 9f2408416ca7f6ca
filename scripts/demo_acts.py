"""The demo's acts, and the judgement of what a client saw of one.

Nothing here touches a lab: values in, words out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NODES = {"p1": "proxy1", "p2": "proxy2"}
KINDS = ("refused", "reset", "timeout", "other")
# What a killed relay had in hand dies with it: a handful, at most.
IN_HAND = 6
# The machine's own part: more than this is a gap that no program can help. What is
# first waits less than 8 ms in any kernel; what is ordinary waits as long on a
# processor that it shares.
STILL_MS = 8
UNKNOWN_MS = -1
TRIES = 3

# The state in which an act begins: both nodes serve; one is dead; one is cut off.
WELL, DEAD, CUT = "well", "dead", "cut"


class Act(NamedTuple):
    """Something happens to the pair, and what is asked of it then."""

    what: str
    before: str
    do: str  # a method of the pair; it is done to the master, the dead or the cut node
    gap_ms: float  # at most, between two connections that were served
    after: str  # the master is then the "same" one, the "other", or "" either
    lossless: bool = False  # none refused, none timed out


ACTS = (
    Act("kill -9 of the master, all of it", WELL, "kill", 1000, "other"),
    Act("  started again: no failback", DEAD, "start", 150, "same", True),
    Act("power cut of the master", WELL, "cut", 150, "other"),
    Act("  its network is back", CUT, "restore", 150, ""),
    Act("planned stop of the master", WELL, "stop", 20, "other"),
    Act("  started again", DEAD, "start", 150, "same", True),
    Act("kill -9 of the relay alone", WELL, "kill_relay", 500, "same", True),
)


class Seen(NamedTuple):
    """What came of it, and the machine's own part."""

    still_ms: float  # the longest that the machine stood still; UNKNOWN_MS
    busy_ms: float  # the longest that others kept a processor
    address_ms: float  # the longest that the kernel took to make an address usable
    gaps: dict[int, float] = {}  # by family, in ms
    failed: dict[str, int] = {}  # by kind
    was: str = ""  # the master's host, before
    masters: list[str] = []  # who says so, of those that can be reached
    holders: list[str] = []  # who has the addresses, of those


def count(probes: list[dict[str, Any]]) -> dict[str, int]:
    return {k: sum(p[k] for p in probes) for k in KINDS}


def names(hosts: list[str]) -> str:
    return ",".join(NODES.get(h, h) for h in hosts) or "nobody"


def late(act: Act, seen: Seen) -> list[str]:
    return [
        f"a gap of {gap:.0f} ms with IPv{family}, where {act.gap_ms:.0f} are allowed"
        for family, gap in seen.gaps.items()
        if gap > act.gap_ms
    ]


def wrong(act: Act, seen: Seen) -> list[str]:
    """What did not hold; nothing where all did."""
    found = late(act, seen)
    master = f"master is {names(seen.masters)}"
    if seen.masters != seen.holders:
        found.append(f"{master}, but {names(seen.holders)} has the addresses")
    elif len(seen.masters) != 1:
        found.append(master)
    elif act.after and (seen.masters[0] == seen.was) != (act.after == "same"):
        found.append(f"{master}, and was {names([seen.was])} before")
    if act.lossless:
        lost = {k: n for k, n in seen.failed.items() if n}
        if lost.get("refused") or lost.get("timeout") or sum(lost.values()) > IN_HAND:
            told = ", ".join(f"{n} {k}" for k, n in lost.items())
            found.append(f"connections failed ({told}), where at most {IN_HAND} may be reset")
    return found


def is_machines(seen: Seen) -> bool:
    """The machine had a part in it."""
    return max(seen.still_ms, seen.busy_ms, seen.address_ms) >= STILL_MS


def cause(seen: Seen) -> str:
    """The machine's own part in it, or that it had none."""
    parts = []
    if seen.still_ms >= STILL_MS:
        parts.append(f"the machine itself stood still for {seen.still_ms:.0f} ms")
    if seen.busy_ms >= STILL_MS:
        parts.append(f"other programs kept a processor from all else for {seen.busy_ms:.0f} ms")
    if seen.address_ms >= STILL_MS:
        parts.append(
            f"the kernel took {seen.address_ms:.0f} ms to make an unused address usable"
        )
    if seen.still_ms == UNKNOWN_MS:
        parts.append("whether it stood still is not known, for want of real-time priority")
    return ", ".join(parts) or "the machine neither stood still nor was busy"


HEAD = (
    f"{'':32}{'gap v4':>9}{'gap v6':>9}{'allowed':>9}{'failed':>13}"
    f"   {'master':8}{'address at':15}"
)


def figures(seen: Seen) -> tuple[str, str]:
    """The gaps, and what failed, as in the table."""
    total = sum(seen.failed.values())
    most = max(KINDS, key=lambda k: seen.failed[k])
    return (
        "".join(f"{seen.gaps[f]:>6.0f} ms" for f in (4, 6)),
        f"{total} {most}" if total else "none",
    )


def row(act: Act, seen: Seen) -> str:
    gaps, lost = figures(seen)
    return (
        f"{act.what:32}{gaps}{act.gap_ms:>6.0f} ms{lost:>13}"
        f"   {names(seen.masters):8}{names(seen.holders):15}"
    )


def compared(ours: list[Seen], theirs: list[Seen]) -> list[str]:
    """The last table: act by act, both pairs."""
    lines = [
        f"{'':32}{'hapair':^31}{'keepalived + haproxy':^31}".rstrip(),
        f"{'':32}" + f"{'gap v4':>9}{'gap v6':>9}{'failed':>13}" * 2,
    ]
    for act, a, b in zip(ACTS, ours, theirs):
        cells = "".join(f"{gaps}{lost:>13}" for gaps, lost in map(figures, (a, b)))
        lines.append(f"{act.what:32}{cells}")
    return lines
