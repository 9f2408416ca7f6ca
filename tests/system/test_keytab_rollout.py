"""Goal: scripts/rollout-keytabs brings each host its keytab with the shared key
extracted once, changes nothing before every one of them was tried, and nothing at
all without --go. The hosts are directories, ssh is a script."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Iterator

from keytabs import done, klist
from realm import Realm
from stage import BINARY, ROOT

THREADS = False

SCRIPT = ROOT / "scripts/rollout-keytabs"
VIP = "vip.example.test"
HOSTS = ("h1.example.test", "h2.example.test")
SSH = """#!/bin/sh
[ "$1" = -n ] && shift
echo "$1: $2" >>"$FAKE/log"
cd "$FAKE/$1" && exec sh -c "$2"
"""


class Hosts:
    def __init__(self, realm: Realm) -> None:
        self.realm, self.top = realm, f"{realm.dir}/fake"
        realm.add(f"proxy/{VIP}", *(f"impala/{h}" for h in HOSTS))
        for folder in ("", "/bin", "/in", *(f"/{h}" for h in HOSTS)):
            os.mkdir(self.top + folder)
        for host in HOSTS:
            realm.extract(f"{self.top}/in/{host}", f"impala/{host}")
        Path(self.top, "bin/ssh").write_text(SSH)
        os.chmod(f"{self.top}/bin/ssh", 0o755)
        os.symlink(BINARY, f"{self.top}/bin/hapair")
        self.words = ["--vip", VIP, "--hosts", f"{self.top}/in", "--work", f"{self.top}/work"]
        self.words += ["--remote", "impala.keytab", "--owner", "77", "--kadmin", "kadmin.local -r EXAMPLE.TEST"]

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        env = {**self.realm.env, "FAKE": self.top}
        env["PATH"] = f"{self.top}/bin:{env['PATH']}"
        return subprocess.run(
            [str(SCRIPT), *self.words, *more], env=env, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )

    def log(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return Path(self.top, "log").read_text().splitlines()
        return []

    def keytab(self, host: str) -> str:
        return f"{self.top}/{host}/impala.keytab"


@contextlib.contextmanager
def hosts() -> Iterator[Hosts]:
    with Realm() as realm:
        yield Hosts(realm)


def test_a_dry_run_tells_all_and_does_nothing() -> None:
    with hosts() as h:
        ran = h.run("--restart", "systemctl restart impala-server")
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.endswith("nothing was done; --go does it\n")
        for words in (f"ktadd -k {h.top}/work/proxy.keytab proxy/{VIP}", "keytab merge --proxy",
                      *(f"{x}: hapair keytab verify impala.keytab.new" for x in HOSTS),
                      *(f"{x}: systemctl restart" for x in HOSTS)):
            assert words in ran.stdout, words
        assert h.log() == [] and not os.path.exists(f"{h.top}/work")
        assert all(os.listdir(f"{h.top}/{x}") == [] for x in HOSTS)


def test_every_host_gets_what_works_there() -> None:
    """A second rotation keeps the old kvno; restarts come one by one, at the end."""
    with hosts() as h:
        restart = ("--restart", "touch restarted", "--ready", "test -e restarted")
        ran = h.run("--go", *restart)
        assert ran.returncode == 0, (ran.stdout, ran.stderr)
        for host in HOSTS:
            found = {(k, n) for k, n, _ in klist(h.keytab(host))}
            wanted = {f"proxy/{VIP}@EXAMPLE.TEST", f"impala/{host}@EXAMPLE.TEST"}
            assert found == {(2, n) for n in wanted}, "one extraction: one kvno"
            st = os.stat(h.keytab(host))
            assert (stat.S_IMODE(st.st_mode), st.st_uid) == (0o400, 77)
            assert sorted(os.listdir(f"{h.top}/{host}")) == ["impala.keytab", "restarted"]
        said = [x for x in h.log() if "restarted" in x]
        assert [x.split(":")[0] for x in said] == [HOSTS[0]] * 2 + [HOSTS[1]] * 2
        assert h.log()[-4:] == said
        os.rename(f"{h.top}/work", f"{h.top}/work.old")
        ran = h.run("--go")
        assert ran.returncode == 0, (ran.stdout, ran.stderr)
        assert {k for k, n, _ in klist(h.keytab(HOSTS[0])) if VIP in n} == {2, 3}
        assert h.run("--go", "--fresh").returncode == 0
        assert {k for k, n, _ in klist(h.keytab(HOSTS[0])) if VIP in n} == {3}


def test_one_stale_host_and_nobody_gets_anything() -> None:
    with hosts() as h:
        h.realm.extract(f"{h.realm.dir}/elsewhere", f"impala/{HOSTS[1]}")
        ran = h.run("--go")
        assert ran.returncode == 1 and f"{HOSTS[1]}: failed: hapair keytab verify" in ran.stderr
        assert "the KDC issues a newer kvno" in ran.stdout
        assert all(os.listdir(f"{h.top}/{x}") == [] for x in HOSTS), "keys left lying about"
        # Mended, it goes on with the key that it has extracted.
        h.realm.extract(f"{h.top}/in/{HOSTS[1]}.new", f"impala/{HOSTS[1]}")
        os.replace(f"{h.top}/in/{HOSTS[1]}.new", f"{h.top}/in/{HOSTS[1]}")
        ran = h.run("--go")
        assert ran.returncode == 0, (ran.stdout, ran.stderr)
        assert {k for k, n, _ in klist(h.keytab(HOSTS[0])) if VIP in n} == {2}


def test_swapped_flags_and_a_host_that_stays_away_stop_it() -> None:
    with hosts() as h:
        restart = ("--restart", "touch restarted", "--ready", "false", "--patience", "1")
        ran = h.run("--go", *restart)
        assert ran.returncode == 1 and "not ready after 1 s; the rest is not" in ran.stderr
        assert os.path.exists(f"{h.top}/{HOSTS[0]}/restarted")
        assert not os.path.exists(f"{h.top}/{HOSTS[1]}/restarted")
        for host in HOSTS:
            said = done("flags", h.keytab(host), "--vip", VIP, "--host", host).splitlines()
            right = [x for x in said[1:4] if not x.startswith("--keytab_file")]
            Path(h.top, host, "flags").write_text(
                "\n".join(right) + f"\n--keytab_file={h.keytab(host)}\n"
            )
        assert h.run("--go", "--flags", "flags").returncode == 0
        flags = Path(h.top, HOSTS[1], "flags")
        swapped = flags.read_text().replace("--principal", "--x").replace("--be_", "--")
        flags.write_text(swapped.replace("--x", "--be_principal"))
        ran = h.run("--go", "--flags", "flags", "--restart", "touch again")
        assert ran.returncode == 1 and "swapped with --be_principal" in ran.stdout
        assert not os.path.exists(f"{h.top}/{HOSTS[0]}/again")


def test_wrong_words_and_odd_names() -> None:
    with hosts() as h:
        for more in (("--now",), ("--vip",), ("--remote", "/x;rm"), ("--owner", "$(id)")):
            ran = h.run(*more)
            assert ran.returncode == 2 and "--vip NAME" in ran.stderr, more
        os.rename(f"{h.top}/in/{HOSTS[0]}", f"{h.top}/in/a b")
        assert "not called after a host" in h.run().stderr
        assert h.log() == []


def test_shellcheck_has_nothing_to_say() -> None:
    ran = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
