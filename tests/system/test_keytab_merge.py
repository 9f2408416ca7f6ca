"""Goal: `hapair keytab merge` makes of several keytabs one that holds just what
they hold, or leaves everything as it was and says why; where ktutil stays silent
over the same slips."""

import os
import stat
import subprocess

from keytabs import (
    AES128, RC4, Entry, done, folder, keytab, klist, ktutil, pack, put, refused, write,
)
from stage import BINARY, SLOW, LeftOut, limit

THREADS = False

PROXY = Entry("proxy/vip.example.test", 3, timestamp=1600000000)
IMPALA = Entry("impala/h1.example.test", 2, name_type=3)
WEAK = IMPALA._replace(enctype=AES128)


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def read(path: str) -> bytes:
    with open(path, "rb") as f:
        return f.read()


def only(top: str, *names: str) -> None:
    """Nothing else is in the directory: no file beside, left with keys in it."""
    assert sorted(os.listdir(top)) == sorted(names), os.listdir(top)


def test_one_keytab_out_of_two_as_ktutil_makes_it() -> None:
    """The same set of entries; but with their timestamps and name types, and
    mode 0400 whatever the mask."""
    with folder() as top:
        a = write(f"{top}/a", PROXY, PROXY._replace(enctype=AES128))
        b = write(f"{top}/b", IMPALA, WEAK, Entry("impala/h1.example.test", 300))
        before = os.umask(0o777)
        try:
            said = done("merge", "-o", f"{top}/out", a, b)
        finally:
            os.umask(before)
        assert said == f"{top}/out: 5 keys\n" and mode(f"{top}/out") == 0o400
        made = ktutil(f"rkt {a}", f"rkt {b}", f"wkt {top}/theirs")
        assert made.returncode == 0
        assert sorted(klist(f"{top}/out")) == sorted(klist(f"{top}/theirs"))
        assert len(klist(f"{top}/out")) == 5
        # All that it was made of is in it, byte for byte.
        assert read(f"{top}/out") == read(a) + read(b)[2:]


def test_a_second_run_changes_nothing() -> None:
    """Where ktutil appends: 4 entries become 8."""
    with folder() as top:
        a, b = write(f"{top}/a", PROXY), write(f"{top}/b", IMPALA)
        out = f"{top}/out"
        done("merge", "-o", out, a, b)
        first, inode = read(out), os.stat(out).st_ino
        assert done("merge", "-o", out, a, b) == f"{out}: 2 keys, as before\n"
        assert done("merge", "-o", out, out, b, a) == f"{out}: 2 keys, as before\n"
        assert read(out) == first and os.stat(out).st_ino == inode
        for _ in range(2):
            ktutil(f"rkt {a}", f"rkt {b}", f"wkt {top}/theirs")
        assert len(klist(f"{top}/theirs")) == 4
        # Into itself it takes in what is new, and what was there stays first.
        more = write(f"{top}/more", IMPALA._replace(kvno=3))
        done("merge", "-o", out, out, more)
        assert read(out) == first + read(more)[2:]


def test_duplicates_go_and_the_first_timestamp_stays() -> None:
    with folder() as top:
        late = PROXY._replace(timestamp=1700000001)
        narrow = IMPALA._replace(wide=False, kvno=2)
        a = write(f"{top}/a", PROXY, narrow, late)
        b = write(f"{top}/b", late, IMPALA, WEAK)
        done("merge", "-o", f"{top}/out", a, b)
        assert read(f"{top}/out") == pack(PROXY, IMPALA._replace(), WEAK)


def test_different_keys_under_one_name_are_refused() -> None:
    """Where ktutil keeps both, and the first one found is tried."""
    with folder() as top:
        a = write(f"{top}/a", IMPALA, PROXY)
        b = write(f"{top}/b", PROXY._replace(key=b"k" * 32))
        old = write(f"{top}/out", IMPALA)
        before = read(old)
        said = refused("merge", "-o", old, a, b)
        offset = len(pack(IMPALA))
        assert f"{a} (byte {offset}) and {b} (byte 2) have different keys" in said
        assert "proxy/vip.example.test@EXAMPLE.TEST, kvno 3, aes256" in said
        assert read(old) == before
        only(top, "a", "b", "out")
        # In one file it is no better.
        both = write(f"{top}/both", PROXY, PROXY._replace(key=b"k" * 32))
        assert "different keys" in refused("merge", "-o", f"{top}/new", both)
        only(top, "a", "b", "out", "both")


def test_where_ktutil_goes_on_it_fails() -> None:
    """A missing file, a truncated one, an empty one, one that is no keytab."""
    with folder() as top:
        good = write(f"{top}/good", IMPALA)
        old = write(f"{top}/out", IMPALA)
        before = read(old)
        put(f"{top}/cut", pack(PROXY, IMPALA)[:-9])
        put(f"{top}/empty", b"")
        put(f"{top}/text", b"key")
        put(f"{top}/nothing", b"\5\2")
        os.symlink("good", f"{top}/link")
        for name, words in (
            ("missing", "No such file"), ("cut", "truncated"), ("empty", "empty"),
            ("text", "no keytab"), ("link", "symbolic link"),
        ):
            said = refused("merge", "-o", old, good, f"{top}/{name}")
            assert f"{top}/{name}: " in said and words in said, said
            assert f"{old}: left as it was" in said
        said = refused("merge", "-o", old, f"{top}/missing", f"{top}/cut")
        assert "missing: " in said and "cut: " in said, "all that is wrong at once"
        assert "no entries at all" in refused("merge", "-o", old, f"{top}/nothing")
        assert read(old) == before
        # The oracle's: status 0, and half a keytab.
        theirs = ktutil(f"rkt {top}/missing", f"rkt {good}", f"wkt {top}/theirs")
        assert theirs.returncode == 0 and len(klist(f"{top}/theirs")) == 1
        theirs = ktutil(f"rkt {top}/cut", f"wkt {top}/theirs2")
        assert theirs.returncode == 0 and len(klist(f"{top}/theirs2")) == 1


def test_loose_and_empty_files_are_mended() -> None:
    """ktutil leaves a file's mode, and cannot write into an empty one."""
    with folder() as top:
        a = write(f"{top}/a", PROXY, IMPALA)
        out = f"{top}/out"
        put(out, read(a), 0o644)
        done("merge", "-o", out, a)
        assert mode(out) == 0o400 and read(out) == read(a)
        put(out, b"", 0o600)
        assert "Unsupported" in ktutil(f"rkt {a}", f"wkt {out}").stderr
        done("merge", "-o", out, a)
        assert mode(out) == 0o400 and read(out) == read(a)
        put(out, read(a), 0o600)
        os.link(out, f"{top}/other")
        done("merge", "-o", out, a)
        assert mode(f"{top}/other") == 0o600, "never written into a file that is there"


def test_out_is_a_regular_file_or_nothing_happens() -> None:
    with folder() as top:
        a = write(f"{top}/a", PROXY, IMPALA)
        target = write(f"{top}/target", IMPALA)
        os.symlink("target", f"{top}/link")
        os.symlink("nowhere", f"{top}/dangling")
        os.mkdir(f"{top}/dir")
        os.mkfifo(f"{top}/pipe")
        for name, words in (
            ("link", "a symbolic link"), ("dangling", "a symbolic link"),
            ("dir", "Is a directory"), ("dir/", "Is a directory"), ("pipe", "not a regular file"),
            ("none/out", "No such file"),
        ):
            said = refused("merge", "-o", f"{top}/{name}", a)
            assert f"{top}/{name}: left as it was: " in said and words in said, said
        assert read(target) == pack(IMPALA)
        only(top, "a", "target", "link", "dangling", "dir", "pipe")
        os.symlink(top, f"{top}/dir/here")
        done("merge", "-o", f"{top}/dir/here/out", a)  # a directory may be one
        assert read(f"{top}/out") == read(a)


def test_the_owner_is_kept_or_as_told() -> None:
    with folder() as top:
        a, b = write(f"{top}/a", PROXY, IMPALA), write(f"{top}/b", WEAK)
        out = write(f"{top}/out", PROXY)
        os.chown(out, 4321, 1234)
        done("merge", "-o", out, a)
        assert (os.stat(out).st_uid, os.stat(out).st_gid) == (4321, 1234)
        done("merge", "--owner", "nobody", "-o", out, a)
        assert os.stat(out).st_uid == 65534 and mode(out) == 0o400
        done("merge", "--owner", "77:root", "-o", out, a, b)
        assert (os.stat(out).st_uid, os.stat(out).st_gid) == (77, 0)
        ran = keytab("merge", "--owner", "no-such-user", "-o", out, a)
        assert ran.returncode == 2 and "no user or group 'no-such-user'" in ran.stderr


def test_choosing_principals() -> None:
    with folder() as top:
        a = write(f"{top}/a", PROXY, IMPALA, WEAK, Entry("HTTP/h1.example.test"))
        out = f"{top}/out"
        words = ("--principal", "proxy/*", "--principal", "impala/*@EXAMPLE.TEST")
        done("merge", *words, "-o", out, a)
        assert read(out) == pack(PROXY, IMPALA, WEAK)
        said = refused("merge", "--principal", "proxy/*", "--principal", "imapla/*", "-o", out, a)
        assert "no principal matches 'imapla/*'" in said
        assert read(out) == pack(PROXY, IMPALA, WEAK)


def test_pruning_old_kvnos_but_never_the_newest() -> None:
    with folder() as top:
        old = [IMPALA._replace(kvno=k) for k in (1, 2, 3)]
        a = write(f"{top}/a", *old, WEAK._replace(kvno=3), PROXY._replace(kvno=1))
        out = f"{top}/out"
        done("merge", "--drop-kvno-older-than", "3", "-o", out, a)
        assert read(out) == pack(old[2], WEAK._replace(kvno=3), PROXY._replace(kvno=1))
        done("merge", "--drop-kvno-older-than", "9", "-o", out, out)
        assert read(out) == pack(old[2], WEAK._replace(kvno=3), PROXY._replace(kvno=1))
        # After 255 comes 0 where kvnos have 8 bits: then the time tells.
        wrapped = (PROXY._replace(kvno=250), PROXY._replace(kvno=1, timestamp=1700000000), IMPALA)
        b = write(f"{top}/b", *wrapped)
        done("merge", "--drop-kvno-older-than", "255", "-o", out + "2", b)
        assert read(out + "2") == pack(*wrapped[1:])
        ran = keytab("merge", "--drop-kvno-older-than", "two", "-o", out, a)
        assert ran.returncode == 2 and "'two' is no key version number" in ran.stderr


def test_it_warns_of_what_will_not_do() -> None:
    with folder() as top:
        a = write(f"{top}/a", PROXY)
        out = write(f"{top}/out", IMPALA, PROXY)
        ran = keytab("merge", "-o", out, a)
        assert ran.returncode == 0 and read(out) == pack(PROXY)
        for words in (
            "no longer in it: impala/h1.example.test@EXAMPLE.TEST, kvno 2, aes256",
            "no impala/HOST in it", "all of it is of one host",
        ):
            assert words in ran.stderr, words
        ran = keytab("merge", "-o", out, a, write(f"{top}/b", IMPALA._replace(enctype=RC4)))
        assert ran.returncode == 0 and "arcfour" not in ran.stderr and "enctype" in ran.stderr


def test_a_full_disk_and_a_directory_that_cannot_be_written() -> None:
    """OUT as it was, and nothing beside it."""
    with folder() as top:
        a = write(f"{top}/a", *(IMPALA._replace(kvno=k) for k in range(1, 99)), PROXY)
        os.mkdir(f"{top}/disk")
        script = f"""set -eu
            mount -t tmpfs -o size=16k,mode=755 none {top}/disk
            cp {top}/old {top}/disk/out
            head -c 8192 /dev/zero >{top}/disk/filler
            "$@" 2>&1 && exit 7
            cmp {top}/old {top}/disk/out
            [ "$(ls -A {top}/disk | tr '\\n' ' ')" = 'filler out ' ]
            mount -o remount,ro {top}/disk
            rm -f {top}/disk/x 2>/dev/null
            "$@" 2>&1 && exit 7
            cmp {top}/old {top}/disk/out"""
        write(f"{top}/old", IMPALA)
        argv = ["unshare", "-m", "sh", "-c", script, "sh", BINARY]
        argv += ["keytab", "merge", "-o", f"{top}/disk/out", a]
        ran = subprocess.run(argv, capture_output=True, text=True)
        assert ran.returncode == 0, (ran.returncode, ran.stdout, ran.stderr)
        assert f"{top}/disk/out: left as it was: cannot be written: No space left" in ran.stdout
        assert "no file can be made beside it: Read-only file system" in ran.stdout


@limit(60)
def test_memory_is_used_as_it_should_be() -> None:
    """Under valgrind: merges that succeed and that fail, and a list."""
    if SLOW != 1:
        raise LeftOut("a sanitizer sees to that in this build")
    with folder() as top:
        a, b = write(f"{top}/a", PROXY, IMPALA), write(f"{top}/b", WEAK, IMPALA)
        put(f"{top}/cut", pack(PROXY)[:-1])
        grind = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full"]
        grind += ["--errors-for-leak-kinds=definite,indirect", BINARY, "keytab"]
        for status, words in (
            (0, ("merge", "-o", f"{top}/out", a, b)),
            (1, ("merge", "-o", f"{top}/out", a, f"{top}/cut")),
            (0, ("list", "--json", a)),
        ):
            ran = subprocess.run([*grind, *words], capture_output=True, text=True)
            assert ran.returncode == status, ran.stderr


def test_wrong_words() -> None:
    for words in (
        ("merge",), ("merge", "a"), ("merge", "-o", "x"), ("merge", "-o"),
        ("merge", "--proxy", "p", "--hosts", "h"), ("merge", "--proxy", "p", "-o", "x", "y"),
        ("merge", "-o", "x", "--nothing", "y"),
    ):
        ran = keytab(*words)
        assert ran.returncode == 2 and "`hapair keytab merge --help`" in ran.stderr, words
