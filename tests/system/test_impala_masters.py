"""Goal: scripts/fence-impala succeeds only where the old host says that its masters have
stopped, or is off; scripts/promote-impala has them run on the new one. The hosts are
directories with a systemctl, ssh is a script."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

from stage import ROOT, write_script

THREADS = False

SSH = """cd "$(dirname "$0")/$1" 2>/dev/null && PATH=$PWD:$PATH exec sh -c "$2"
exit 255
"""
# A unit runs while there is a file of its name; one that is `stuck` cannot be stopped.
SYSTEMCTL = """echo "$*" >>log
case $1 in
--no-block) shift ;;
esac
verb=$1
shift
case $verb in
stop) for u; do [ -e stuck ] || rm -f "$u"; done ;;
start | restart) for u; do : >"$u"; done ;;
-q) shift; for u; do [ ! -e "$u" ] || exit 0; done; exit 3 ;;
esac
"""
UNITS = ("impala-statestore", "impala-catalog")


class Masters:
    def __init__(self, top: str) -> None:
        self.top = Path(top)
        for name in ("fence-impala", "promote-impala"):
            shutil.copy(ROOT / "scripts" / name, self.top)
        write_script(f"{top}/ssh", SSH)
        for host in ("m1.example.org", "m2.example.org"):
            (self.top / host).mkdir()
            write_script(f"{top}/{host}/systemctl", SYSTEMCTL)
            for unit in UNITS:
                (self.top / host / unit).touch()
        self.configure("")

    def configure(self, more: str) -> None:
        (self.top / "impala-masters.conf").write_text(f"SSH={self.top}/ssh\n{more}\n")

    def run(self, name: str, *args: str) -> tuple[int, str]:
        # As hapair runs it: with a clean environment, in /.
        done = subprocess.run(
            [str(self.top / name), *args], capture_output=True, text=True, cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}, timeout=20,
        )
        return done.returncode, done.stderr

    def running(self, host: str) -> list[str]:
        return [u for u in UNITS if (self.top / host / u).exists()]


@contextlib.contextmanager
def masters() -> Iterator[Masters]:
    with tempfile.TemporaryDirectory() as top:
        yield Masters(top)


def test_o20_the_old_host_has_stopped_or_nothing_moves() -> None:
    with masters() as m:
        moves = ("statestored", "m1.example.org", "m2.example.org")
        assert m.run("fence-impala", *moves) == (0, "")
        assert m.running(moves[1]) == [] and m.running(moves[2]) == list(UNITS)
        # Once more, as hapair may after a takeover.
        assert m.run("fence-impala", *moves) == (0, "")
        (m.top / moves[1] / UNITS[0]).touch()
        (m.top / moves[1] / "stuck").touch()
        status, said = m.run("fence-impala", *moves)
        assert status == 1 and "m1.example.org does not say that it has stopped" in said, said
        # By its port, and by a name of its own.
        (m.top / moves[1] / "stuck").unlink()
        assert m.run("fence-impala", "s", "m1.example.org:24000", "m2") == (0, "")
        m.configure('host_of() { echo "$1.example.org"; }')
        (m.top / moves[2] / UNITS[0]).touch()
        assert m.run("fence-impala", "s", "m2", "m1") == (0, "") and not m.running(moves[2])
        assert m.run("fence-impala", "s")[0] == 2


def test_o20_a_host_that_does_not_answer_is_switched_off() -> None:
    with masters() as m:
        gone = ("statestored", "gone.example.org", "m2.example.org")
        status, said = m.run("fence-impala", *gone)
        assert status == 1 and "there is no POWER_OFF" in said, said
        write_script(f"{m.top}/off", 'echo "$1" >"$(dirname "$0")/was"')
        m.configure(f"POWER_OFF={m.top}/off")
        assert m.run("fence-impala", *gone) == (0, "")
        assert (m.top / "was").read_text() == "gone.example.org\n"
        m.configure("POWER_OFF=/bin/false")
        status, said = m.run("fence-impala", *gone)
        assert status == 1 and "POWER_OFF failed" in said, said


def test_o20_the_new_host_runs_its_masters() -> None:
    with masters() as m:
        new = m.top / "m2.example.org"
        (new / UNITS[0]).unlink()
        moves = ("statestored", "m1.example.org", "m2.example.org")
        assert m.run("promote-impala", *moves) == (0, "")
        assert m.running(new.name) == list(UNITS)
        assert (new / "log").read_text().splitlines() == [
            "start impala-statestore impala-catalog", "--no-block restart impala-catalog",
        ]
        assert m.run("promote-impala", "s", "m1", "gone")[0] != 0


def test_shellcheck_has_nothing_to_say() -> None:
    scripts = [str(ROOT / "scripts" / x) for x in ("fence-impala", "promote-impala")]
    ran = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
