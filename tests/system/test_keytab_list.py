"""Goal: `hapair keytab list` shows what MIT's tools show of a sound keytab, never
a key, and says of a broken one what is wrong and where, which they do not."""

import json
import os
import stat

from keytabs import AES128, RC4, Entry, done, folder, keytab, klist, pack, put, refused, write

THREADS = False

PROXY = Entry("proxy/vip.example.test", 3)
IMPALA = Entry("impala/h1.example.test", 300, AES128)


def test_it_reads_what_klist_reads() -> None:
    with folder() as top:
        path = write(f"{top}/k", PROXY, IMPALA, Entry("impala/h1.example.test", 2, wide=False))
        listed = json.loads(done("list", path, "--json"))
        found = [(e["kvno"], e["principal"], e["enctype"]) for e in listed["entries"]]
        assert found == klist(path) and len(found) == 3
        first = listed["entries"][0]
        assert first["timestamp"] == "2023-11-14T22:13:20Z"
        assert first["name_type"] == "principal" and first["enctype_number"] == 18
        assert listed["mode"] == "0400" and listed["file"] == path
        text = done("list", path)
        assert [x.split()[0] for x in text.splitlines()] == ["KVNO", "3", "300", "2"]
        assert first["fingerprint"] in text and "2023-11-14T22:13:20Z" in text


def test_fingerprints_tell_keys_apart_and_never_show_them() -> None:
    with folder() as top:
        other = PROXY._replace(key=b"x" * 32)
        path = write(f"{top}/k", PROXY, other, PROXY._replace(timestamp=1))
        said = done("list", path, "--json") + done("list", path)
        a, b, c = (e["fingerprint"] for e in json.loads(done("list", path, "--json"))["entries"])
        assert a == c != b and len(a) == 16
        for key in (PROXY.secret(), other.secret()):
            assert key.hex()[:8] not in said and key.decode()[:6] not in said


def test_a_broken_file_is_refused_with_the_place() -> None:
    """Where klist shows what came before, and nothing else, with status 0."""
    whole = pack(PROXY, IMPALA)
    second = len(pack(PROXY))
    with folder() as top:
        path = f"{top}/k"
        for data, words in (
            (b"", "the file is empty, which is no keytab"),
            (b"root:x:0:0\n", "this is no keytab"),
            (b"\5\1" + whole[2:], "format 5.01"),
            (whole[:-1], f"byte {second}: truncated"),
            (whole + b"\0\0\0\0x", f"byte {len(whole) + 4}: bytes behind the mark of the end"),
            (whole[:2] + b"\x80\0\0\0" + whole[6:], "byte 2: a record of -2147483648 bytes"),
        ):
            put(path, data)
            assert refused("list", path).startswith(f"hapair keytab: {path}: {words}"), words
        put(path, whole[:-1])
        assert klist(path) == [(3, f"{PROXY.principal}@EXAMPLE.TEST", "aes256-cts-hmac-sha1-96")]


def test_what_is_no_regular_file_is_not_opened() -> None:
    with folder() as top:
        write(f"{top}/k", PROXY)
        os.symlink("k", f"{top}/link")
        os.mkfifo(f"{top}/pipe")
        for name, words in (
            ("link", "a symbolic link; name the file that it leads to"),
            ("pipe", "not a regular file"),
            (".", "Is a directory"),
            ("none", "No such file or directory"),
        ):
            assert refused("list", f"{top}/{name}").endswith(f": {words}\n"), name
        with open(f"{top}/big", "wb") as f:
            f.truncate(1 << 30)
        assert "larger than 1 MiB" in refused("list", f"{top}/big")


def test_oddities_are_warned_of_and_fail_nothing() -> None:
    with folder() as top:
        odd = Entry("impala/H1", 0, RC4)
        path = write(f"{top}/k", odd, mode=0o644)
        ran = keytab("list", path)
        assert ran.returncode == 0 and len(ran.stdout.splitlines()) == 2
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
        for words in ("mode 0644", "enctype", "kvno 0", "capital letters", "without a domain"):
            assert words in ran.stderr, words
        listed = json.loads(keytab("list", "--json", path).stdout)
        assert len(listed["entries"][0]["warnings"]) == 4
        put(path, b"\5\2")
        assert "no entries" in keytab("list", path).stderr


def test_wrong_words_are_told_from_failures() -> None:
    for words in ((), ("lits",), ("list",), ("list", "a", "b"), ("list", "--jsn", "a")):
        ran = keytab(*words)
        assert ran.returncode == 2 and ran.stderr.count("\n") == 1, ran.stderr
