"""Goal: `make install` puts all of hapair where a host has it and `make uninstall` takes
it away again, without what is the operator's; and systemd finds no fault with the unit."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from stage import BINARY, ROOT, hapair

THREADS = False

# What it counts for the unit, in tenths; doc/security.md tells what is left, and why.
EXPOSURE = 33

PLACES = {
    "usr/sbin/hapair": 0o755,
    "usr/lib/systemd/system/hapair.service": 0o644,
    "usr/lib/sysusers.d/hapair.conf": 0o644,
    "usr/lib/tmpfiles.d/hapair.conf": 0o644,
    "etc/logrotate.d/hapair": 0o644,
    "usr/share/man/man8/hapair.8": 0o644,
    "usr/share/man/man8/hapair-keytab.8": 0o644,
    "usr/share/man/man5/hapair.yaml.5": 0o644,
    "usr/share/bash-completion/completions/hapair": 0o644,
    "usr/share/zsh/vendor-completions/_hapair": 0o644,
    "usr/share/fish/vendor_completions.d/hapair.fish": 0o644,
    "usr/share/doc/hapair/README.md": 0o644,
    "usr/share/doc/hapair/log.md": 0o644,
    "usr/share/doc/hapair/examples/pair.yaml": 0o644,
    "usr/share/doc/hapair/examples/fence-impala": 0o755,
    "usr/share/doc/hapair/examples/notify-aws": 0o755,
    "usr/share/doc/hapair/examples/credentials.conf": 0o644,
    "usr/share/doc/hapair/examples/hapair-alerts.yml": 0o644,
    "usr/share/doc/hapair/examples/hapair-dashboard.json": 0o644,
}


def install(folder: str, *words: str, prefix: str = "/usr") -> None:
    env = {**os.environ, "DESTDIR": folder, "prefix": prefix}
    subprocess.run([ROOT / "scripts/install-files", *words, BINARY], env=env, check=True)


def found(folder: str) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if not p.is_dir())


def test_what_is_installed_can_be_taken_away() -> None:
    with tempfile.TemporaryDirectory() as folder:
        install(folder)
        there = found(folder)
        for place, mode in PLACES.items():
            assert Path(folder, place).stat().st_mode & 0o7777 == mode, place
        script = Path(folder, "usr/share/bash-completion/completions/hapair").read_text()
        assert script == hapair("completion", "bash").stdout
        program = Path(folder, "usr/sbin/hapair")
        assert program.read_bytes() == Path(BINARY).read_bytes()
        # Whoever runs it keeps the file that it had.
        with program.open("rb") as running:
            install(folder)
            assert os.fstat(running.fileno()).st_nlink == 0
        assert found(folder) == there
        own = Path(folder, "etc/hapair/hapair.yaml")
        own.write_text("services: []\n")
        install(folder, "--remove")
        assert found(folder) == ["etc/hapair/hapair.yaml"]
        own.unlink()
        install(folder, "--remove")
        assert not Path(folder, "etc/hapair").exists()


def test_elsewhere_the_unit_runs_that_program() -> None:
    with tempfile.TemporaryDirectory() as folder:
        install(folder, prefix="/opt/hapair")
        unit = Path(folder, "opt/hapair/lib/systemd/system/hapair.service").read_text()
        lines = [x for x in unit.splitlines() if x.startswith("Exec")]
        assert len(lines) == 3 and all("=/opt/hapair/sbin/hapair " in x for x in lines), lines


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SYSTEMD_LOG_LEVEL": "info", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    return subprocess.run(["systemd-analyze", *words], env=env, capture_output=True, text=True)


def test_systemd_finds_no_fault_with_the_unit() -> None:
    """Nor with the drop-in for credentials; and its protection becomes no weaker."""
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder, "hapair.service")
        text = (ROOT / "scripts/hapair.service").read_text()
        # It wants the program to be there.
        unit.write_text(text.replace("/usr/sbin/hapair", str(Path(BINARY).resolve())))
        for dropin in ("", "scripts/credentials.conf"):
            if dropin:
                Path(folder, "hapair.service.d").mkdir()
                Path(folder, "hapair.service.d/own.conf").write_text((ROOT / dropin).read_text())
            done = analyze("verify", "--man=no", unit)
            assert done.returncode == 0 and "hapair" not in done.stderr, done.stderr
        done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", unit)
        assert done.returncode == 0, done.stdout
