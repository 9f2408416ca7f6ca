"""What the check-* scripts share: the tree's files, and functions in C files.

Relies on the house's format (check-format): a function's name begins a line,
its braces stand alone in the first column.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("core", "config", "failover", "proxy", "director", "keytab", "hapair")


class Function(NamedTuple):
    name: str
    line: int  # of the name
    length: int  # from the name to the closing brace
    static: bool


def files(*suffixes: str, product: bool = False) -> list[Path]:
    """Source files, relative to the root; `product` leaves the tests out."""
    tops = FOLDERS if product else (*FOLDERS, "tests", "scripts")
    return sorted(
        path.relative_to(ROOT)
        for top in tops
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix in suffixes
    )


def lines(path: Path) -> list[str]:
    return (ROOT / path).read_text(errors="replace").splitlines()


def functions(text: list[str]) -> Iterator[Function]:
    """The functions that a C file defines."""
    opened = None
    for i, line in enumerate(text):
        if line == "{":
            opened = i
        elif line == "}" and opened is not None:
            at = opened
            while at > 0 and not re.match(r"\w+\(", text[at]):
                at -= 1
            name = re.match(r"\w+", text[at])
            if name:
                static = text[at - 1].startswith("static")
                yield Function(name[0], at + 1, i - at + 1, static)
            opened = None


def pure_files() -> list[Path]:
    text = (ROOT / "scripts/pure-files").read_text().splitlines()
    return [Path(x.strip()) for x in text if x.strip() and not x.startswith("#")]


def finish(complaints: list[str], fine: str) -> None:
    """Prints what is wrong, or that nothing is, and exits."""
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if not complaints:
        print(fine)
    sys.exit(1 if complaints else 0)
