"""Goal: with merged keytabs and the flags that `hapair keytab flags` prints, real
clients log in through the virtual IP, before and after a takeover; with the flags
swapped nobody does; and one host's stale keytab is found by `verify`."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from typing import Any, Iterator

from keytabs import done, keytab, renumber
from realm import Realm
from stage import (
    BINARY, PORT, SLOW, TOOLS, VIP, Stage, connects, address, endpoint, limit, server, service,
    wait_for,
)

NAME = "vip.example.test"
HOSTS = {"s1": "h1.example.test", "s2": "h2.example.test"}
GSS = 82
# Thrift's own SASL client, as impyla's and Hue's: service and host of the
# principal are told, and have nothing to do with the address.
LOGIN = """
import socket, sys
from thrift.transport import TSocket, TTransport
for address in sys.argv[4:]:
    under = TSocket.TSocket(address, int(sys.argv[1]))
    under.setTimeout(20000)
    t = TTransport.TSaslClientTransport(under, sys.argv[3], sys.argv[2], 'GSSAPI')
    try:
        t.open()
        t.write(b'who')
        t.flush()
        print(t.readAll(int(len('s1 alice'))).decode())
        t.close()
    except Exception as e:
        print('failed:', e)
"""


class Cluster:
    """Two coordinators behind a pair, and a client with a ticket on host c."""

    def __init__(self, stage: Stage, realm: Realm) -> None:
        self.stage, self.realm = stage, realm
        self.impalads: dict[str, subprocess.Popen[Any]] = {}
        realm.add("alice", f"proxy/{NAME}", *(f"impala/{h}" for h in HOSTS.values()))
        os.mkdir(f"{realm.dir}/hosts")
        os.mkdir(f"{realm.dir}/merged")
        realm.extract(f"{realm.dir}/alice", "alice")
        realm.extract(f"{realm.dir}/proxy", f"proxy/{NAME}")
        for host in HOSTS.values():
            realm.extract(f"{realm.dir}/hosts/{host}", f"impala/{host}")
        self.merge()
        kinit = realm.on("c", "kinit", "-k", "-t", f"{realm.dir}/alice", "alice")
        assert kinit.returncode == 0, kinit.stderr

    def merge(self) -> None:
        top = self.realm.dir
        done("merge", "--proxy", f"{top}/proxy", "--hosts", f"{top}/hosts", "--out", f"{top}/merged")

    def keytab(self, name: str) -> str:
        return f"{self.realm.dir}/merged/{HOSTS[name]}"

    def flag(self, name: str, flag: str) -> str:
        """As `hapair keytab flags` has it for this host."""
        said = done("flags", self.keytab(name), "--vip", NAME, "--host", HOSTS[name])
        found = re.search(rf"^--{flag}=(.*)$", said, re.M)
        assert found, said
        return found[1]

    def spawn(self, name: str, *argv: str) -> subprocess.Popen[Any]:
        env = {**self.realm.env, "KRB5_KTNAME": self.keytab(name), "KRB5RCACHETYPE": "none"}
        return self.stage.lab.spawn(name, list(argv), env=env, log=self.log(name))

    def log(self, name: str) -> str:
        return f"{self.realm.dir}/{name}.log"

    def serve(self, flag: str = "principal") -> None:
        """The acceptors, bound to the principal of that flag."""
        for name, old in self.impalads.items():
            old.kill()
            old.wait()
        for name in HOSTS:
            principal = self.flag(name, flag)
            self.impalads[name] = self.spawn(
                name, f"{TOOLS}/impalad", str(PORT), principal, name
            )
            wait_for(lambda: connects(self.stage.lab, name, address(name), PORT), 20)

    def log_in(self, service: str = "proxy", host: str = NAME) -> list[str]:
        """Four logins, two of each family, spread over both servers."""
        ran = self.realm.on(
            "c", "/usr/bin/python3", "-c", LOGIN, str(PORT), service, host, *[VIP[4], VIP[6]] * 2
        )
        assert ran.returncode == 0, ran.stderr
        return sorted(ran.stdout.splitlines())

    def verify(self, name: str) -> tuple[int, str]:
        ran = self.realm.on(name, BINARY, "keytab", "verify", self.keytab(name))
        return ran.returncode, ran.stdout + ran.stderr


@contextlib.contextmanager
def cluster(family: int) -> Iterator[Cluster]:
    """The family is that by which the KDC is reached; clients log in by both."""
    listen = [endpoint(VIP[f], PORT) for f in (4, 6)]
    # Patient, so that both servers take turns however busy the machine is.
    check = {"interval": "200ms", "timeout": "2s", "rise": 1, "fall": 3}
    impala = service(listen, servers=[server("s1"), server("s2", 6)], check=check)
    gss = {
        "name": "gss", "listen": [endpoint(VIP[4], GSS)], "check": check,
        "servers": [{"name": n, "address": endpoint(address(n), GSS)} for n in HOSTS],
    }
    with Stage(services=[impala, gss]) as stage, Realm(stage.lab, family=family) as realm:
        yield Cluster(stage, realm)


@contextlib.contextmanager
def replacing(c: Cluster) -> Iterator[list[int]]:
    """Merges anew all the time, with an entry more and one less; counts."""
    times, over = [0], threading.Event()

    def go_on() -> None:
        while not over.is_set():
            more = [f"{c.realm.dir}/alice"] if times[0] % 2 == 0 else []
            for host in HOSTS.values():
                files = [f"{c.realm.dir}/proxy", f"{c.realm.dir}/hosts/{host}", *more]
                ran = keytab("merge", "-o", f"{c.realm.dir}/merged/{host}", *files)
                assert ran.returncode == 0 and "as before" not in ran.stdout, ran.stderr
            times[0] += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join()


EACH = ["s1 alice", "s1 alice", "s2 alice", "s2 alice"]


def gss_client(c: Cluster) -> str:
    ran = c.realm.on("c", "gss-client", "-port", str(GSS), VIP[4], f"proxy@{NAME}", "hello")
    return ran.stdout + ran.stderr


@limit(60)
def test_logins_before_and_after_a_takeover() -> None:
    with cluster(4) as c:
        c.serve()
        for name in HOSTS:
            c.spawn(name, "gss-server", "-port", str(GSS), f"proxy@{NAME}")
        c.stage.start()
        assert c.log_in() == EACH
        assert "Signature verified." in gss_client(c)
        # The merged keytab holds the host's name too, but who asks for that is
        # no client of the virtual IP.
        refused = c.log_in("impala", HOSTS["s1"])
        assert all(x.startswith("failed:") for x in refused), refused

        # Keytabs are replaced while they are in use, and no login meets a half.
        with replacing(c) as times:
            for _ in range(3):
                assert c.log_in() == EACH
        assert times[0] > 1, times

        c.stage["p1"].kill_all()
        c.stage.wait_master("p2", 10)
        assert c.log_in() == EACH
        assert "Signature verified." in gss_client(c)

        # A right key of a kvno that the KDC does not issue: as verify says, it works.
        for name, kvno in zip(HOSTS, (0, 1)):
            renumber(c.keytab(name), f"proxy/{NAME}", kvno)
            status, said = c.verify(name)
            assert status == 0 and f"kvno {kvno}: works" in said, said
        assert c.log_in() == EACH
        assert "Signature verified." in gss_client(c)


@limit(60)
def test_swapped_flags_and_a_stale_keytab() -> None:
    with cluster(6) as c:
        c.serve("be_principal")
        c.stage.start()
        said = c.log_in()
        assert len(said) == 4 and all(x.startswith("failed:") for x in said), said
        with open(c.log("s1")) as f:
            log = f.read()
            assert "does not match server principal" in log, log
        flags = f"{c.realm.dir}/flags"
        with open(flags, "w") as f:
            f.write(f"-principal={c.flag('s1', 'be_principal')}\n")
            f.write(f"-be_principal={c.flag('s1', 'principal')}\n-keytab_file={c.keytab('s1')}\n")
        assert "swapped" in keytab("flags", "--lint", flags).stdout

        c.serve()
        wait_for(lambda: c.log_in() == EACH, 20 * SLOW, 0.2)
        # Somebody extracts the shared key once more, and only s1 gets it.
        stale = c.keytab("s2") + ".stale"
        os.rename(c.keytab("s2"), stale)
        c.realm.extract(f"{c.realm.dir}/proxy", f"proxy/{NAME}")
        c.merge()
        os.rename(stale, c.keytab("s2"))
        kinit = c.realm.on("c", "kinit", "-k", "-t", f"{c.realm.dir}/alice", "alice")
        assert kinit.returncode == 0, kinit.stderr
        said = c.log_in()
        assert said[2:] == EACH[:2] and all(x.startswith("failed:") for x in said[:2]), said
        assert c.verify("s1")[0] == 0
        status, said_so = c.verify("s2")
        assert status == 1 and "the KDC issues a newer kvno" in said_so
        # Mended by a rename under the running server: no restart.
        c.merge()
        assert c.log_in() == EACH and c.verify("s2")[0] == 0
