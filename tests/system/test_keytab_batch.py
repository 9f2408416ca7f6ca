"""Goal: one keytab of the virtual IP and one of each host become each host's
merged keytab, all of them or none."""

import os
import stat

from keytabs import Entry, done, folder, keytab, pack, refused, write

THREADS = False

PROXY = Entry("proxy/vip.example.test", 3)
HOSTS = ("h1.example.test", "h2.example.test", "h3.example.test")


def of(host: str, kvno: int = 2) -> Entry:
    return Entry(f"impala/{host}", kvno)


def lay_out(top: str, *hosts: str, suffix: str = ".keytab") -> tuple[str, ...]:
    """The files; returns the words of the command."""
    os.mkdir(f"{top}/in")
    os.mkdir(f"{top}/out")
    for host in hosts:
        write(f"{top}/in/{host}{suffix}", of(host))
    proxy = write(f"{top}/proxy.keytab", PROXY)
    return ("merge", "--proxy", proxy, "--hosts", f"{top}/in", "--out", f"{top}/out")


def test_each_host_gets_its_own() -> None:
    for suffix in ("", ".keytab"):
        with folder() as top:
            words = lay_out(top, *HOSTS, suffix=suffix)
            write(f"{top}/in/.hidden", of("other"))
            said = done(*words)
            assert said.splitlines() == [f"{top}/out/{h}{suffix}: 2 keys" for h in HOSTS]
            for host in HOSTS:
                path = f"{top}/out/{host}{suffix}"
                with open(path, "rb") as f:
                    assert f.read() == pack(PROXY, of(host))
                assert stat.S_IMODE(os.stat(path).st_mode) == 0o400
            assert len(os.listdir(f"{top}/out")) == 3
            assert done(*words).count("as before") == 3


def test_another_hosts_key_under_this_hosts_name_stops_all() -> None:
    with folder() as top:
        words = lay_out(top, *HOSTS)
        write(f"{top}/in/{HOSTS[1]}.keytab", of(HOSTS[1]), of(HOSTS[0]))
        before = write(f"{top}/out/{HOSTS[0]}.keytab", PROXY)
        said = refused(*words)
        assert f"{HOSTS[1]}.keytab: holds impala/{HOSTS[0]}@EXAMPLE.TEST" in said
        assert "nothing changed: 1 of 3 hosts has something wrong" in said
        assert os.listdir(f"{top}/out") == [f"{HOSTS[0]}.keytab"]
        with open(before, "rb") as f:
            assert f.read() == pack(PROXY)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with folder() as top:
        words = lay_out(top, *HOSTS)
        os.truncate(f"{top}/in/{HOSTS[0]}.keytab", 50)
        write(f"{top}/in/{HOSTS[1]}.keytab")
        os.symlink(f"{HOSTS[2]}.keytab", f"{top}/in/h4.example.test.keytab")
        os.mkdir(f"{top}/in/old")
        said = refused(*words)
        for line in ("truncated", "no entries", "a symbolic link", "in/old: Is a directory"):
            assert line in said, (line, said)
        assert os.listdir(f"{top}/out") == []


def test_places_that_do_not_do() -> None:
    with folder() as top:
        words = lay_out(top)
        assert "no keytabs there" in refused(*words)
        assert "the same directory" in refused(*words[:-1], f"{top}/in")
        assert "No such file" in refused(*words[:-1], f"{top}/none")
        assert "Not a directory" in refused(*words[:-1], f"{top}/proxy.keytab")
        assert "No such file" in refused(*words[:3], "--hosts", f"{top}/none", *words[5:])
        assert keytab(*words, "more").returncode == 2
