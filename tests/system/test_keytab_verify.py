"""Goal: `hapair keytab verify` proves against a real KDC that a keytab works, and
where it does not says which of the many reasons it is and what mends it."""

import os
import subprocess

from keytabs import (
    AES128, Entry, done, keytab, klist, ktutil, refused, renumber, secrets_of, write,
)
from realm import Realm
from secrets_kept import begin, places, stopped
from stage import BINARY, SLOW, LeftOut, limit

THREADS = False

VIP, HOST = "proxy/vip.example.test", "impala/h1.example.test"
FULL = tuple(f"{p}@EXAMPLE.TEST" for p in (VIP, HOST))


def first_lines(said: str) -> list[str]:
    return [x for x in said.splitlines() if not x.startswith(" ")]


def test_good_stale_and_rotated() -> None:
    """The life of a shared key: extracted and merged, then extracted once more by
    somebody, which kills every copy; and mended as the advice says."""
    with Realm() as realm:
        realm.add(VIP, HOST)
        proxy = realm.extract(f"{realm.dir}/proxy", VIP)
        host = realm.extract(f"{realm.dir}/host", HOST)
        merged = f"{realm.dir}/merged"
        done("merge", "-o", merged, proxy, host)
        status, said = realm.verify(merged)
        assert status == 0 and first_lines(said) == [f"{p}: good" for p in FULL]
        assert said.count("login: yes") == 2
        assert "ticket: kvno 2 aes256-cts-hmac-sha1-96" in said
        assert "keytab: kvno 2 aes256-cts-hmac-sha1-96, kvno 2 aes128" in said
        status, said = realm.verify(merged, "--principal", VIP)
        assert status == 0 and first_lines(said) == [f"{FULL[0]}: good"]
        # Nothing of it is left in the user's own cache.
        assert not os.path.exists(f"{realm.dir}/cc")

        again = realm.extract(f"{realm.dir}/again", VIP)
        status, said = realm.verify(merged)
        assert status == 1 and said.startswith(f"{FULL[0]}: FAILED: the KDC issues a newer kvno")
        assert "login: no, its key is not the KDC's" in said and "ticket: kvno 3" in said
        assert f"{FULL[1]}: good" in said
        # Both kvnos, for the tickets that are in circulation.
        done("merge", "-o", merged, merged, again)
        assert {k for k, name, _ in klist(merged) if name == FULL[0]} == {2, 3}
        status, said = realm.verify(merged)
        assert status == 0 and "kvno 2 aes256" in said and "ticket: kvno 3" in said


def test_same_kvno_but_another_key_or_not_that_enctype() -> None:
    with Realm() as realm:
        realm.add(VIP, HOST)
        host = realm.extract(f"{realm.dir}/host", HOST)
        other = write(f"{realm.dir}/other", Entry(VIP, 1), Entry(VIP, 1, AES128))
        status, said = realm.verify(write_both(realm, host, other))
        assert status == 1 and "kvno and enctype are there, but the key is another" in said
        whole = realm.extract(f"{realm.dir}/whole", VIP)
        ktutil(f"rkt {whole}", "delent 1", f"wkt {realm.dir}/half")
        assert len(klist(f"{realm.dir}/half")) == 1
        status, said = realm.verify(write_both(realm, host, f"{realm.dir}/half"))
        assert status == 1 and "the kvno is there, but not the enctype" in said
        ahead = write(f"{realm.dir}/ahead", Entry(VIP, 7))
        status, said = realm.verify(write_both(realm, host, ahead))
        assert status == 1 and "the KDC issues an older kvno" in said


def test_a_right_key_of_another_kvno() -> None:
    """An acceptor tries every key of its host, so verify does, too: such a key works,
    and an extract would end all copies of it. What comes later is a warning."""
    with Realm() as realm:
        realm.add(VIP, HOST)
        merged = realm.extract(f"{realm.dir}/merged", VIP, HOST)
        for kvno, words in ((0, "two keys of kvno 0"), (1, "an acceptor that looks for the"),
                            (9, "a later key of the KDC")):
            renumber(merged, VIP, kvno)
            status, said = realm.verify(merged)
            assert status == 0 and first_lines(said) == [f"{p}: good" for p in FULL], said
            assert f"  kvno {kvno}: works\n    warning: {words}" in said, said
            assert said.count("warning") == 1, said
        # A key that is not right is not, whatever its kvno.
        renumber(realm.extract(merged, VIP, HOST), VIP, 0)
        realm.extract(f"{realm.dir}/again", VIP)
        status, said = realm.verify(merged)
        assert status == 1 and f"{FULL[0]}: FAILED: the KDC issues a newer kvno" in said, said


def write_both(realm: Realm, *files: str) -> str:
    done("merge", "-o", f"{realm.dir}/both", *files)
    os.rename(f"{realm.dir}/both", f"{realm.dir}/tried")
    return f"{realm.dir}/tried"


def test_principals_that_are_not_there() -> None:
    with Realm() as realm:
        realm.add(VIP, HOST)
        host = realm.extract(f"{realm.dir}/host", HOST)
        made_up = write(f"{realm.dir}/made-up", Entry("proxy/other.example.test", 2))
        status, said = realm.verify(write_both(realm, host, made_up))
        assert status == 1 and "the KDC has no such principal: create it" in said
        assert f"{FULL[1]}: good" in said
        # There, but not for logging in.
        good = realm.extract(f"{realm.dir}/good", VIP)
        realm.admin(f"modprinc -pwexpire yesterday {VIP}")
        status, said = realm.verify(write_both(realm, host, good))
        assert status == 1 and f"{FULL[0]}: FAILED: opens tickets, but the KDC refuses" in said
        assert "    login: Password has expired" in said, said
        # Alone nothing is proven, since nobody gets a ticket.
        status, said = realm.verify(made_up)
        assert status == 1 and "no key of this keytab is let in by the KDC" in said
        said = refused("verify", host, "--principal", VIP, env=realm.env)
        assert f"has no key of '{VIP}'; merge it" in said
        slip = HOST[:-2] + HOST[-1]
        said = refused("verify", host, "--principal", slip, env=realm.env)
        assert f"has no key of '{slip}'; did you mean '{FULL[1]}'? else merge it" in said, said


@limit(60)
def test_clocks_apart_and_no_kdc() -> None:
    """They prove nothing of a key, and are not taken for a bad one."""
    with Realm() as realm:
        realm.add(VIP, HOST)
        merged = realm.extract(f"{realm.dir}/merged", VIP, HOST)
        for ahead, words in ((3600, "3600 s ahead"), (-3600, "3600 s behind"), (60, "")):
            realm.stop()
            realm.start(ahead_s=ahead)
            status, said = realm.verify(merged)
            assert status == (1 if words else 0), said
            near = words.replace("3600", "3599"), words.replace("3600", "3601")
            if words:
                assert any(f"clock: FAILED: the KDC's is {w}" in said for w in (words, *near)), said
            else:
                assert "clock" not in said
        # Where the clock decides about the login itself.
        realm.stop()
        realm.admin(f"modprinc +requires_preauth {VIP}", f"modprinc +requires_preauth {HOST}")
        realm.configure(kdc_timesync="0")
        realm.start(ahead_s=3600)
        status, said = realm.verify(merged)
        assert status == 1 and "clocks are too far apart, so nothing is proven" in said, said
        realm.stop()
        status, said = realm.verify(merged)
        assert status == 1 and said.count("no KDC answers, so nothing is proven") == 2


def test_a_name_that_is_an_alias_here() -> None:
    """The acceptor would look for the key of another name: by MIT's defaults where
    the name is not the first of its address. Then either mend helps."""
    with Realm() as realm:
        realm.add(VIP, HOST)
        merged = realm.extract(f"{realm.dir}/merged", VIP, HOST)
        hosts = f"{realm.dir}/hosts"

        def verify(line: str) -> tuple[int, str]:
            with open(hosts, "w") as f:
                f.write(f"127.0.0.1 localhost\n127.0.0.9 h1.example.test\n{line}\n")
            script = f'mount --bind {hosts} /etc/hosts && exec "$@"'
            argv = ["unshare", "-m", "sh", "-c", script, "sh", BINARY, "keytab", "verify", merged]
            ran = subprocess.run(argv, env=realm.env, capture_output=True, text=True)
            assert ran.stderr == "", ran.stderr
            return ran.returncode, ran.stdout

        realm.configure(dns_canonicalize_hostname="true")
        status, said = verify("127.0.0.8 p1.example.test vip.example.test")
        assert status == 1 and first_lines(said) == [f"{p}: good" for p in FULL]
        assert "takes 'vip.example.test' for 'p1.example.test'" in said
        assert said.count("FAILED") == 1
        assert verify("127.0.0.8 vip.example.test p1.example.test")[0] == 0
        realm.configure()
        assert verify("127.0.0.8 p1.example.test vip.example.test")[0] == 0


@limit(60)
def test_no_key_stays_and_memory_is_used_as_it_should_be() -> None:
    """With libkrb5 in it: at its end no key is in the process' memory, and
    valgrind has nothing to say."""
    if SLOW != 1:
        raise LeftOut("a sanitizer sees to that in this build, and cannot be preloaded before")
    with Realm() as realm:
        realm.add(VIP, HOST)
        merged = realm.extract(f"{realm.dir}/merged", VIP, HOST)
        with open(merged, "rb") as f:
            keys = secrets_of(f.read())
        assert len(keys) == 4
        process = begin("verify", merged, env=realm.env, MORTAL_STOP="exit")
        stopped(process)
        try:
            assert places(process.pid, keys) == []
        finally:
            process.kill()
            process.wait()
        argv = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full"]
        argv += ["--errors-for-leak-kinds=definite", BINARY, "keytab", "verify", merged]
        ran = subprocess.run(argv, env=realm.env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr


def test_wrong_words() -> None:
    for words in ((), ("a", "b"), ("--all", "a"), ("a", "--principal")):
        assert keytab("verify", *words).returncode == 2, words
