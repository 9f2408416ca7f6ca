"""Goal: root obeys, runs and writes only what is root's alone. What others can write,
or could have put there, is refused in one line that says what to do, and stays as it is."""

import contextlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterator

from stage import BINARY, SLOW, Stage, hapair, single, wait_for, write_script

NOBODY = 65534


def refused(stage: Stage, *words: str) -> None:
    """A start, with status 2 and one line in which these words are, in this order."""
    done = stage.lab.run("p1", BINARY, "run", "-c", stage.config)
    assert done.returncode == 2, done
    assert re.search(".*".join(map(re.escape, words)), done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


@contextlib.contextmanager
def given_away(path: str, owner: int = NOBODY, mode: int | None = None) -> Iterator[None]:
    before = os.lstat(path)
    os.lchown(path, owner, owner)
    if mode is not None:
        os.chmod(path, mode)
    yield
    os.lchown(path, before.st_uid, before.st_gid)
    os.chmod(path, stat.S_IMODE(before.st_mode))


def test_s11_what_others_can_write_is_not_obeyed() -> None:
    """The configuration and its directory; `check` warns, who only asks does not care."""
    with single() as stage:
        for owner, mode, says in (
            (NOBODY, 0o644, "belongs to user 'nobody': chown root it, or that user is root here"),
            (0, 0o666, "can be written by everybody (mode 0666): chmod go-w it, or anybody is root"),
        ):
            with given_away(stage.config, owner, mode):
                refused(stage, f"{stage.config}: error: ", says)
                done = hapair("check", "-c", stage.config)
                assert done.returncode == 0 and says in done.stderr, done
                looked = stage.lab.run("p1", BINARY, "check", "--host", "-c", stage.config)
                assert looked.returncode == 1 and f"{stage.config}: {says}" in looked.stdout, looked
                asked = hapair("status", "-c", stage.config)
                assert asked.returncode == 3 and says not in asked.stderr, asked
        with given_away(stage.lab.dir, 0, 0o775):
            refused(stage, f"directory {stage.lab.dir} can be written by group 'root' (mode 0775)")


def test_s11_scripts_that_others_can_write() -> None:
    """At the start, and at each run after it."""
    with Stage() as stage:
        script = write_script(f"{stage.lab.dir}/track", "exit 0")
        config = stage.build()
        config["pair"]["track"] = [{"script": script, "interval": "100ms", "timeout": "5s"}]
        stage.configure(config)
        with given_away(script, NOBODY, 0o777):
            refused(stage, f"track script {script}: belongs to user 'nobody'")
        with given_away(script, 0, 0o757):
            refused(stage, f"track script {script}: can be written by everybody")
        stage.serve()
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "master", 5 * SLOW)
        with given_away(script, 0, 0o777):
            said = f"script {script}: can be written by everybody (mode 0777): chmod go-w it"
            assert stage["p1"].tells(said)
        assert stage["p1"].tells(f"script {script} passes again")
        for path in (stage.config, stage.key_file):
            with given_away(path, 0, 0o666):
                done = stage["p1"].cli("reload")
            said = "can be written by everybody (mode 0666): chmod go-w it"
            # A file that is refused is a wrong one; keys that are may be right later.
            assert done.returncode == (2 if path == stage.config else 1), done
            assert str(path) in done.stderr and said in done.stderr, done


def test_s10_links_in_directories_of_others() -> None:
    """Of the lock, the log, the pid file and the socket: nothing is truncated or appended."""
    with single(pid_file="{run}/hapair.pid", log={"target": "{run}/hapair.log"}) as stage:
        run = stage.lab.host_dir("p1")
        victim = Path(stage.lab.dir, "victim")
        victim.write_text("root's\n")
        for name in ("control.sock.lock", "hapair.log", "hapair.pid"):
            os.symlink(victim, f"{run}/{name}")
            with given_away(run):
                refused(stage, "nobody" if name != "hapair.log" else "where others can write")
            with given_away(run, 0, 0o1777):
                refused(stage, name, "is a symbolic link of user 'root', where others can write")
            os.unlink(f"{run}/{name}")
            assert victim.read_text() == "root's\n"
        os.symlink(victim, f"{run}/hapair.log")
        with given_away(f"{run}/hapair.log"):
            refused(stage, "log ", "hapair.log: is a symbolic link of user 'nobody'")
        os.unlink(f"{run}/hapair.log")
        os.mkfifo(f"{run}/hapair.log")
        refused(stage, "log ", "is not a regular file")
        assert victim.read_text() == "root's\n"


HOLD = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); time.sleep(60)"


def test_s9_who_holds_the_lock_is_told() -> None:
    """Only root can hold it. Of an earlier version's, which all could open: the holder's
    number, not that of a dead one in the file."""
    with single() as stage:
        lock = Path(stage.lab.host_dir("p1"), "control.sock.lock")
        lock.write_text("1234567\n")
        lock.chmod(0o644)
        os.chmod(stage.lab.dir, 0o755)
        holder = subprocess.Popen([sys.executable, "-c", HOLD, lock], user=NOBODY)
        try:
            wait_for(lambda: f" {holder.pid} " in Path("/proc/locks").read_text(), 5 * SLOW)
            done = stage.lab.run("p1", BINARY, "run", "-c", stage.config)
            assert done.returncode == 1, done
            assert f"already running as process {holder.pid}, which holds" in done.stderr, done
        finally:
            holder.kill()
            holder.wait()
        stage.serve()
        stage.start()
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert int(lock.read_text()) == stage["p1"].pid
        tried = subprocess.run(
            [sys.executable, "-c", HOLD, lock], user=NOBODY, capture_output=True, text=True
        )
        assert "Permission denied" in tried.stderr, tried
