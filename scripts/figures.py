"""The figures of `bench`: workloads, goals, and the table of what was measured.

Knows nothing of how it was measured: a run is the object that tests/tools/bench_client
prints, with "others", the share of a CPU that somebody else used meanwhile.
"""

from __future__ import annotations

import statistics
from typing import Any, Callable, Iterator, NamedTuple

# Somebody else's share of a CPU from which on a run is not counted.
DISTURBED = 0.3
ROUGH = 0.25  # of the runs disturbed, and the table warns


# -- what is measured ----------------------------------------------------------


class Workload(NamedTuple):
    title: str
    load: str  # arguments of tests/tools/bench_client
    unit: str = "us/op"
    rate: int = 0  # operations a second, where it is paced


WORKLOADS = {
    "rr": Workload(
        "100 connections, 64 bytes there and back, without a pause", "rr -c 100"
    ),
    "rtt": Workload("one connection, 64 bytes there and back", "rr -c 1"),
    "rr-paced": Workload(
        "the same, 30,000 a second", "rr -c 100 -r 30000", rate=30000
    ),
    "crr": Workload(
        "connect, 64 bytes there and back, close; 64 at a time", "crr -c 64"
    ),
    "crr-paced": Workload(
        "the same, 6,000 a second", "crr -c 64 -r 6000", rate=6000
    ),
    "two-piece": Workload(
        "connect, send 64 bytes in two pieces without TCP_NODELAY, have them back; "
        "100 a second",
        "crr -c 4 -t -r 100",
        rate=100,
    ),
    "beside": Workload(
        "2 connections, 64 bytes there and back, beside 16 downloads",
        "rr -c 2 -x 16",
    ),
    "down": Workload("8 connections download without end", "down -c 8", "ms/GB"),
    "down1": Workload("one connection downloads without end", "down -c 1", "ms/GB"),
    "up": Workload("8 connections upload without end", "up -c 8", "ms/GB"),
    "up1": Workload("one connection uploads without end", "up -c 1", "ms/GB"),
    "idle": Workload(
        "memory of connections that are silent after 64 bytes", "idle", "bytes"
    ),
    "reload": Workload("what a reload does to connections: bench_reload.py", "", "ms"),
}


BULK = ("down", "down1", "up", "up1")


class Goal(NamedTuple):
    workload: str
    target: str
    reference: str  # "": the limit is no ratio
    limit: float
    figure: str = "cost"
    least: bool = False  # not more than the limit, but not less


# Ratios of CPU time for the same work, or of half of the operations' time; bytes a
# connection.
GOALS = [
    Goal("rr", "hapair", "haproxy", 0.90),
    Goal("rr-paced", "hapair", "haproxy", 0.86),
    Goal("crr", "hapair", "haproxy", 0.86),
    Goal("crr-paced", "hapair", "haproxy", 0.88),
    Goal("two-piece", "hapair", "haproxy", 1.10, "p50_us"),
    Goal("beside", "hapair", "haproxy", 1.00, "p50_us"),
    Goal("down", "hapair", "haproxy", 0.16),
    Goal("down", "hapair", "haproxy-splice", 0.30),
    Goal("rr", "hapair", "nginx", 0.95),
    Goal("crr", "hapair", "nginx", 0.90),
    Goal("idle", "hapair", "", 450),
    Goal("rtt", "kernel", "none", 1.4, "p50_us"),
    Goal("rr", "kernel", "none", 3.0, "machine"),
    Goal("crr", "kernel", "haproxy", 0.8, "machine"),
    # Beside no hop at all, and beside a router in its place: with one CPU for all,
    # a hop more is what that costs.
    *(
        Goal(w, "kernel", beside, 0.9, "rate", least=True)
        for w in BULK
        for beside in ("none", "routed")
    ),
    Goal("rr", "hapair-2", "hapair", 1.15),
    Goal("crr", "hapair-2", "hapair", 1.15),
    Goal("down", "hapair-2", "hapair", 1.15),
]


# -- what came out -------------------------------------------------------------

Run = dict[str, Any]
Figure = Callable[[str, Run], "float | None"]


class Results:
    """All runs: workload -> target -> turn -> run."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, dict[int, Run]]] = {}

    def add(self, workload: str, target: str, turn: int, run: Run) -> None:
        found = self.runs.setdefault(workload, {}).setdefault(target, {})
        found[turn] = run

    def good(self, workload: str, target: str) -> dict[int, Run]:
        """The runs that count; all of them, where none was undisturbed."""
        runs = self.runs.get(workload, {}).get(target, {})
        return {t: r for t, r in runs.items() if calm(r)} or runs

    def values(self, workload: str, target: str, figure: Figure) -> list[float]:
        found = (figure(workload, r) for r in self.good(workload, target).values())
        return [v for v in found if v is not None]

    def ratio(
        self, workload: str, target: str, reference: str, figure: str = "cost"
    ) -> float | None:
        """The median of the ratios within a turn."""
        known = {"cost": cost, "machine": machine, "rate": rate}
        of = known.get(figure) or latency(figure)
        runs = self.runs.get(workload, {})
        a, b = runs.get(target, {}), runs.get(reference, {})
        turns = [t for t in a if t in b]
        quiet = [t for t in turns if calm(a[t]) and calm(b[t])]
        costs = [(of(workload, a[t]), of(workload, b[t])) for t in quiet or turns]
        ratios = [x / y for x, y in costs if x is not None and y]
        return statistics.median(ratios) if ratios else None

    def disturbed(self) -> float:
        """The share of all runs that do not count."""
        by_target = [t for w in self.runs.values() for t in w.values()]
        all_runs = [r for turns in by_target for r in turns.values()]
        return sum(not calm(r) for r in all_runs) / max(1, len(all_runs))

    def goals(self) -> list[dict[str, Any]]:
        """Those that these runs can tell about."""
        found = []
        for g in GOALS:
            if g.reference:
                value = self.ratio(g.workload, g.target, g.reference, g.figure)
            else:
                values = self.values(g.workload, g.target, cost)
                value = statistics.median(values) if values else None
            if value is not None:
                met = value >= g.limit if g.least else value <= g.limit
                found.append({**g._asdict(), "value": round(value, 4), "met": met})
        return found


def calm(run: Run) -> bool:
    return bool(run["others"] <= DISTURBED)


def cost(workload: str, run: Run) -> float | None:
    """In the workload's unit; None where nothing was relayed, or two things were."""
    if workload == "beside":
        return None
    if workload == "idle":
        return run["rss_bytes"] / max(1, run["operations"])
    if workload in BULK:
        done, scale = run["bytes"], 1e3  # ns a byte is s/GB: in ms
    else:
        done, scale = run["operations"], 1e-3  # ns: in us
    return run["relay_ns"] / done * scale if done and run["relay_ns"] else None


def machine(workload: str, run: Run) -> float | None:
    """Of all processors, client and server included, in the workload's unit."""
    if workload in ("beside", "idle") or "machine_ns" not in run:
        return None
    done, scale = (run["bytes"], 1e3) if workload in BULK else (run["operations"], 1e-3)
    return run["machine_ns"] / done * scale if done else None


def rate(workload: str, run: Run) -> float | None:
    """Thousands of operations a second, or Gbit/s."""
    if workload == "idle":
        return None
    if workload in BULK:
        return run["bytes"] * 8 / run["seconds"] / 1e9
    return run["operations"] / run["seconds"] / 1e3


def latency(name: str) -> Figure:
    return lambda workload, run: run.get(name) if workload != "idle" else None


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def median(values: list[float]) -> str:
    return number(statistics.median(values)) if values else "-"


def spread(values: list[float]) -> str:
    return f"{number(min(values))} - {number(max(values))}" if values else "-"


def aligned(rows: list[list[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]
        yield "  " + "   ".join(cells).rstrip()


def remarks(results: Results, workload: str, target: str) -> str:
    """How many runs count, and what is wrong with them."""
    runs = results.runs[workload][target]
    failed = sum(r["failed"] for r in runs.values())
    quiet = sum(map(calm, runs.values()))
    text = f"{quiet}/{len(runs)}"
    pace = WORKLOADS[workload].rate
    rates = results.values(workload, target, rate)
    if pace and rates and statistics.median(rates) * 1e3 < 0.97 * pace:
        text += " slow"
    return text + (f" {failed:,} failed" if failed else "")


def table(results: Results, workload: str) -> Iterator[str]:
    w = WORKLOADS[workload]
    speed = "Gbit/s" if workload in BULK else "1000/s"
    yield f"{workload}: {w.title}"
    rows = [["", w.unit, "min - max", "ratio", "machine", speed, "p50 us", "p99 us", "runs"]]
    for target in results.runs[workload]:
        costs = results.values(workload, target, cost)
        row = [target, median(costs), spread(costs)]
        row.append(number(results.ratio(workload, target, "haproxy")))
        for figure in (machine, rate, latency("p50_us"), latency("p99_us")):
            row.append(median(results.values(workload, target, figure)))
        rows.append([*row, remarks(results, workload, target)])
    yield from aligned(rows)
    yield ""


def goal_row(goal: dict[str, Any]) -> list[str]:
    what, limit = goal["target"], f"{'>=' if goal['least'] else '<='} {goal['limit']:g}"
    if goal["figure"] != "cost":
        what = f"{goal['figure']} {what}"
    if goal["reference"]:
        what += f" / {goal['reference']}"
    else:
        limit += f" {WORKLOADS[goal['workload']].unit}"
    verdict = "met" if goal["met"] else "NOT MET"
    return [goal["workload"], what, number(goal["value"]), limit, verdict]


def report(results: Results, about: list[str]) -> str:
    text = [*about, ""]
    for workload in results.runs:
        text += table(results, workload)
    goals = [goal_row(g) for g in results.goals()]
    if goals:
        text += ["goals:", *aligned(goals)]
    text += [
        "",
        "us/op, ms/GB: CPU time of the relay's processes; machine: of all there is, with "
        "client and server; ratio: to haproxy, the median",
        "within turns; runs: those that nobody disturbed, and only they count "
        "if there are any.",
    ]
    if results.disturbed() > ROUGH:
        share = f"{results.disturbed():.0%}"
        text += ["", f"{share} of the runs were disturbed: take all of it as rough."]
    return "\n".join(text) + "\n"
