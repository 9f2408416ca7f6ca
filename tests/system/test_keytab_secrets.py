"""Goal: a merge that is killed at any moment leaves the old keytab or the new one,
and no key stays in the memory of the process or reaches a core."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from keytabs import Entry, done, folder, klist, pack, put, write
from secrets_kept import MORTAL, begin, places, stopped
from stage import BINARY, SLOW, LeftOut, limit, wait_for

THREADS = False

OLD = Entry("impala/h1.example.test", 1)
NEW = tuple(
    Entry(f"{name}.example.test", 2, key=os.urandom(32)) for name in ("proxy/vip", "impala/h1")
)


def merge(out: str, *files: str, **mortal: str) -> subprocess.Popen[bytes]:
    return begin("merge", "-o", out, *files, **mortal)


@limit(60)
def test_killed_at_any_call_out_is_old_or_new() -> None:
    """And what it leaves beside is taken away by the next run."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with folder() as top:
        files = [write(f"{top}/{i}", e) for i, e in enumerate(NEW)]
        out = f"{top}/dir/out"
        os.mkdir(f"{top}/dir")
        seen, beside, at, status = set(), 0, 0, -signal.SIGKILL
        while status == -signal.SIGKILL:
            at += 1
            assert at < 500
            write(out, OLD)
            status = merge(out, *files, MORTAL_AT=str(at)).wait()
            found = Path(out).read_bytes()
            assert found in (pack(OLD), pack(*NEW)), f"call {at}"
            seen.add(found)
            left = os.listdir(f"{top}/dir")
            beside += len(left) > 1
            for name in left:
                assert os.stat(f"{top}/dir/{name}").st_mode & 0o77 == 0, "keys for others"
            done("merge", "-o", out, *files) if found == pack(*NEW) else subprocess.run(
                [BINARY, "keytab", "merge", "-o", out, *files], check=True, capture_output=True
            )
            assert os.listdir(f"{top}/dir") == ["out"], f"left after call {at}"
        assert status == 0 and len(seen) == 2, "it was killed before and after the renaming"
        assert beside > 3, "and with a file beside"


def test_a_run_beside_another_takes_nothing_away() -> None:
    """A file that is being written is no leftover: its lock is held."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with folder() as top:
        files = [write(f"{top}/{i}", e) for i, e in enumerate(NEW)]
        os.mkdir(f"{top}/dir")
        out = f"{top}/dir/out"
        first = merge(out, *files, MORTAL_STOP="renameat")
        stopped(first)
        done("merge", "-o", out, *files)
        assert len(os.listdir(f"{top}/dir")) == 2
        first.send_signal(signal.SIGCONT)
        assert first.wait(20) == 0 and os.listdir(f"{top}/dir") == ["out"]
        assert len(klist(out)) == 2


def test_only_leftovers_are_taken_away() -> None:
    """What an operator calls much alike, and another file's leftover, stay."""
    with folder() as top:
        left = f"{top}/.out.hapair-0123abcd"
        others = [".out.hapair-backup", ".out.hapair-0123abcd.old", ".out2.hapair-0123abcd"]
        for path in (left, *(f"{top}/{x}" for x in others)):
            write(path, OLD)
        done("merge", "-o", f"{top}/out", *[write(f"{top}/{i}", e) for i, e in enumerate(NEW)])
        assert sorted(os.listdir(top)) == sorted([*others, "0", "1", "out"])


def test_a_polite_signal_does_not_leave_keys_lying_about() -> None:
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with folder() as top:
        os.mkdir(f"{top}/dir")
        out = f"{top}/dir/out"
        process = merge(out, *[write(f"{top}/{i}", e) for i, e in enumerate(NEW)],
                        MORTAL_STOP="renameat")
        stopped(process)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(sig)
        process.send_signal(signal.SIGCONT)
        process.wait(20)
        assert os.listdir(f"{top}/dir") == ["out"] and len(klist(out)) == 2


def test_no_key_stays_in_memory() -> None:
    """While it holds keys they are where no core has them; when it is done they
    are nowhere. Cores are off besides."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with folder() as top:
        files = [write(f"{top}/{i}", e) for i, e in enumerate(NEW)]
        keys = [e.secret() for e in NEW]
        put(f"{top}/out", b"")
        words = ("merge", "-o", f"{top}/out", *files)
        for moment, held, words in (
            ("renameat", True, words), ("exit", False, words),
            ("exit", False, ("list", files[0], "--json")),
        ):
            process = begin(*words, MORTAL_STOP=moment)
            stopped(process)
            try:
                found = places(process.pid, keys)
                assert bool(found) == held, (moment, len(found))
                assert all(found), f"{moment}: in memory that a core shows"
                limits = Path(f"/proc/{process.pid}/limits").read_text()
                assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
            finally:
                process.kill()
                process.wait()


def test_who_may_not_be_root_may_not_look_in() -> None:
    """The process gives no core and cannot be traced by its own user, who could
    read the file, but need not have the keys in a crash report as well."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with folder() as top:
        os.chmod(top, 0o755)
        path = write(f"{top}/k", *NEW)
        os.chown(path, 65534, 65534)
        # What is in the checkout may be for root alone.
        program, library = shutil.copy(BINARY, f"{top}/hapair"), shutil.copy(MORTAL, f"{top}/so")
        process = begin(
            "list", path, program=program, library=library, user=65534, MORTAL_STOP="exit"
        )
        stopped(process)
        try:
            # Of a process that may be dumped these are its own user's.
            assert os.stat(f"/proc/{process.pid}/mem").st_uid == 0
        finally:
            process.kill()
            process.wait()


def test_the_scan_finds_what_is_there() -> None:
    """A process that holds a key openly is found out: the test above can fail."""
    key = NEW[0].secret()
    process = subprocess.Popen(["sleep", "60"], env={"KEY": key.hex()})
    try:
        assert wait_for(lambda: places(process.pid, [key.hex().encode()]), 20)
    finally:
        process.kill()
        process.wait()
