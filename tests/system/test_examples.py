"""Goal: the programs for fence, promote and notify that come with hapair do what their
first lines say, and succeed only where the other side itself says that it is so. The
hosts, their management controllers and the cloud are scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from stage import ROOT

THREADS = False

# Each notes how it was called. ssh runs the command, systemctl remembers what is stopped.
FAKES = {
    "ssh": '[ ! -e silent ] || exit 255; exec sh -c "$2"',
    "systemctl": """case $1 in
kill | start) exit 0 ;;
stop) [ ! -e stubborn ] || exit 1 ;;
-q) [ -e stubborn ] ;;
esac""",
    "psql": "exit 0",
    "ipmitool": """case $* in
*'power off') [ ! -e refuses ] || { echo 'Error: already off' >&2; exit 1; }
	echo x >>asked ;;
*'power status') [ ! -e unplugged ] || { echo 'Error: Unable to establish LAN session' >&2; exit 1; }
	echo x >>asked
	if [ "$(wc -l <asked)" -ge 3 ]; then echo 'Chassis Power is off'; else echo 'Chassis Power is on'; fi ;;
esac""",
    "sleep": "exit 0",
    "curl": """case $* in
*api/token) echo TOKEN ;;
*'TOKEN'*latest/meta-data/mac) echo 0a:00:00:00:00:01 ;;
*'TOKEN'*macs/0a:00:00:00:00:01/interface-id) echo eni-own ;;
*) exit 22 ;;
esac""",
    "aws": """[ ! -e down ] || exit 255
case $* in
*describe*) [ ! -e eni ] || cat eni ;;
esac""",
}


class Example:
    """A program as an operator has it: copied, with its conf beside."""

    def __init__(self, name: str, folder: str, conf: str = "") -> None:
        self.folder = Path(folder)
        self.path = self.folder / name
        shutil.copy(ROOT / "scripts" / name, self.path)
        (self.folder / "bin").mkdir()
        for fake, body in FAKES.items():
            path = self.folder / "bin" / fake
            path.write_text(f'#!/bin/sh\ncd {folder}\necho "{fake} $*" >>calls\n{body}\n')
            path.chmod(0o755)
        if conf:
            of = "fence-ssh" if name == "promote-ssh" else name
            (self.folder / f"{of}.conf").write_text(conf)

    def run(self, *words: str) -> tuple[int, str]:
        (self.folder / "calls").write_text("")
        env = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        done = subprocess.run([self.path, *words], env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=20)
        return done.returncode, done.stderr

    def calls(self, of: str) -> list[str]:
        said = (self.folder / "calls").read_text().splitlines()
        return [line.removeprefix(f"{of} ") for line in said if line.startswith(f"{of} ")]

    def touch(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()


def example(name: str, conf: str = "") -> Any:
    """As a context: (the folder's end, the program)."""
    folder = tempfile.TemporaryDirectory(prefix="hapair-example-")
    return folder, Example(name, folder.name, conf)


SSH = "SSH='ssh'\n"


def test_a_fence_by_ssh_believes_the_old_host_alone() -> None:
    folder, fence = example("fence-ssh", SSH)
    with folder:
        assert fence.run("db", "db1:5432", "db2:5432") == (0, "")
        assert fence.calls("ssh")[0].startswith("db1 systemctl stop db && ")
        assert fence.calls("systemctl") == ["stop db", "-q is-active db"]
        # It says that it has stopped, and has not.
        fence.touch("stubborn")
        status, said = fence.run("db", "[fd00::1]:5432", "db2:5432")
        assert status == 1 and "fd00::1 does not say that db has stopped" in said, said
        fence.remove("stubborn")
        # A host that does not answer may be alive.
        fence.touch("silent")
        status, said = fence.run("db", "db1", "db2")
        assert status == 1 and "there is no POWER_OFF" in said, said
        assert fence.run("db", "db1")[0] == 2


def test_a_fence_by_ssh_may_switch_the_host_off() -> None:
    conf = SSH + 'POWER_OFF="$0.off"\nSTOP="systemctl kill -s KILL"\nunits_of() { echo postgresql; }\n'
    folder, fence = example("fence-ssh", conf)
    with folder:
        off = Path(f"{fence.path}.off")
        off.write_text(f'#!/bin/sh\necho "off $*" >>{fence.folder}/calls\n[ ! -e {fence.folder}/stays ]\n')
        off.chmod(0o755)
        assert fence.run("db", "db1", "db2") == (0, "")
        assert fence.calls("systemctl")[0] == "kill -s KILL postgresql"
        assert fence.calls("off") == []
        fence.touch("silent")
        assert fence.run("db", "db1", "db2")[0] == 0 and fence.calls("off") == ["db1"]
        fence.touch("stays")
        status, said = fence.run("db", "db1", "db2")
        assert status == 1 and "POWER_OFF failed" in said, said


def test_a_promotion_by_ssh() -> None:
    folder, promote = example("promote-ssh", SSH)
    with folder:
        assert promote.run("db", "db1:5432", "db2:5432") == (0, "")
        assert promote.calls("ssh") == ["db2 systemctl start db"]
        promote.touch("fence-ssh.conf", SSH + "command_of() { echo \"psql -qc 'SELECT pg_promote()'\"; }\n")
        assert promote.run("db", "db1:5432", "db2:5432") == (0, "")
        assert promote.calls("psql") == ["-qc SELECT pg_promote()"]
        promote.touch("silent")
        assert promote.run("db", "db1:5432", "db2:5432")[0] == 255


def test_a_fence_by_power_believes_the_controller_alone() -> None:
    folder, fence = example("fence-ipmi")
    with folder:
        assert fence.run("db", "db1:5432", "db2:5432")[0] == 0
        off, *status = fence.calls("ipmitool")
        assert "-H db1-ipmi chassis power off" in off and "-f /etc/hapair/" in off, off
        assert len(status) == 2 and len(fence.calls("sleep")) == 1
        # As POWER_OFF; it is off already, which some refuse to make.
        fence.touch("refuses")
        assert fence.run("db1")[0] == 0
        fence.remove("refuses")
        fence.touch("unplugged")
        status_code, said = fence.run("db1")
        assert status_code == 1, said
        assert said.endswith("db1-ipmi does not say that the power is off, "
                             "but: Error: Unable to establish LAN session\n"), said
        assert len(fence.calls("sleep")) == 7
        assert fence.run("db", "db1")[0] == 2


def test_a_cloud_moves_the_addresses_to_the_new_master() -> None:
    folder, notify = example("notify-aws")
    with folder:
        more = ["10.0.0.100/24,10.0.0.101/24,fd00::100/64", "proxy2", "run"]
        for state in ("backup", "fault", "init"):
            assert notify.run("main", state, "a reason", *more) == (0, "")
        assert notify.calls("aws") == []
        notify.touch("eni", "eni-other\n")
        assert notify.run("main", "master", "a reason", *more) == (0, "")
        said = [c.removeprefix("--cli-connect-timeout 2 --cli-read-timeout 4 ec2 ")
                for c in notify.calls("aws")]
        assert said[0] == ("assign-private-ip-addresses --allow-reassignment "
                           "--network-interface-id eni-own "
                           "--private-ip-addresses 10.0.0.100 10.0.0.101"), said
        assert "Values=fd00::100" in said[1], said
        assert said[2:] == [
            "unassign-ipv6-addresses --network-interface-id eni-other --ipv6-addresses fd00::100",
            "assign-ipv6-addresses --network-interface-id eni-own --ipv6-addresses fd00::100"], said
        # It is here already.
        notify.touch("eni", "eni-own\n")
        assert notify.run("main", "master", "a reason", *more)[0] == 0
        assert len(notify.calls("aws")) == 2
        # What fails is told, since hapair logs it.
        notify.touch("down")
        assert notify.run("main", "master", "a reason", *more)[0] != 0


def test_shellcheck_has_nothing_to_say() -> None:
    ours = [p for p in (ROOT / "scripts").iterdir()
            if p.is_file() and p.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash"))]
    ours += [p for p in (ROOT / "debian").glob("hapair.p*") if p.is_file()]
    assert len(ours) > 10
    ran = subprocess.run(["shellcheck", *ours], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
