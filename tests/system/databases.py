"""Real database servers for tests: each in a directory of its own, on a host of a
lab, with a log that can be read, and ended by its own process id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

from lab import Lab, address, wait_for
from stage import SLOW

HOSTS = {"p1": "proxy1", "p2": "proxy2", "c": "client"}


class Database:
    """One server, started and stopped as often as a test likes."""

    user = ""  # who runs it: some refuse to be root

    def __init__(self, lab: Lab, host: str, port: int) -> None:
        self.lab, self.host, self.port = lab, host, port
        self.dir = tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-", dir=lab.dir)
        self.log_path = f"{self.dir}/log"
        self.process: subprocess.Popen[Any] | None = None
        os.chmod(lab.dir, 0o755)
        self.own(self.dir)

    def own(self, path: str) -> None:
        if self.user:
            shutil.chown(path, self.user)

    def argv(self) -> list[str]:
        raise NotImplementedError

    def spawn(self) -> None:
        more = self.extra()
        self.process = self.lab.spawn(self.host, self.argv(), log=self.log_path, **more)

    def start(self) -> None:
        self.spawn()
        wait_for(self.serves, 20 * SLOW)

    def extra(self) -> dict[str, Any]:
        return {}

    def serves(self) -> bool:
        """it takes clients"""
        assert self.process is not None and self.process.poll() is None, self.log()
        return self.is_ready()

    def is_ready(self) -> bool:
        raise NotImplementedError

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30 * SLOW)
            self.process = None

    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return Path(self.log_path).read_text(errors="replace")
        return ""

    def client(self, *argv: str, host: str = "") -> str:
        """A command, from the server's host or another; it must succeed."""
        done = self.lab.run(host or self.host, *argv, timeout=20 * SLOW)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout


@contextlib.contextmanager
def running(*all_of: Database) -> Iterator[None]:
    """Started at once, since each takes seconds; stopped at the end."""
    try:
        for one in all_of:
            one.spawn()
        for one in all_of:
            wait_for(one.serves, 20 * SLOW)
        yield
    finally:
        for one in all_of:
            one.stop()


def names_of(lab: Lab, folder: str) -> dict[str, str]:
    """A /etc in which the hosts of the lab have names, and nothing else is."""
    etc = tempfile.mkdtemp(prefix="etc-", dir=folder)
    os.chmod(etc, 0o755)
    lines = ["127.0.0.1 localhost"]
    lines += [f"{address(h, f)} {n}" for h, n in HOSTS.items() for f in (4, 6)]
    Path(etc, "hosts").write_text("\n".join(lines) + "\n")
    Path(etc, "nsswitch.conf").write_text("hosts: files\npasswd: files\ngroup: files\n")
    for name in ("passwd", "group"):
        shutil.copy(f"/etc/{name}", etc)
    if os.path.exists("/etc/ld.so.cache"):
        shutil.copy("/etc/ld.so.cache", etc)
    return {"/etc": etc}


class MariaDB(Database):
    """Reverse lookups work, and after ten clients of a host that leave without a
    login it shuts that host out. Its log has whatever it complains of."""

    user = "mysql"

    def __init__(self, lab: Lab, host: str = "s1", *more: str) -> None:
        super().__init__(lab, host, 3306)
        self.more = more
        pwd.getpwnam(self.user)
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.dir}/data",
             "--auth-root-authentication-method=normal", "--skip-test-db",
             f"--user={self.user}", "--skip-name-resolve"],
            capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        self.etc = names_of(lab, self.dir)

    def argv(self) -> list[str]:
        return ["mariadbd", "--no-defaults", f"--datadir={self.dir}/data",
                f"--user={self.user}", f"--port={self.port}", "--bind-address=*",
                f"--socket={self.dir}/socket", f"--pid-file={self.dir}/pid",
                "--performance-schema=ON", "--performance-schema-max-thread-instances=100",
                "--max-connect-errors=10", "--log-warnings=9", "--skip-ssl",
                "--innodb-buffer-pool-size=8M", *self.more]

    def extra(self) -> dict[str, Any]:
        return {"places": self.etc}

    def is_ready(self) -> bool:
        done = self.lab.run(self.host, "mariadb", "--no-defaults", "-u", "root",
                            f"--socket={self.dir}/socket", "-e", "SELECT 1", timeout=20 * SLOW)
        return done.returncode == 0

    def sql(self, text: str) -> str:
        return self.client("mariadb", "--no-defaults", "-u", "root", "-N", "-B",
                           f"--socket={self.dir}/socket", "-e", text)

    def complaints(self) -> list[str]:
        """What it says of its clients: warnings and errors since it was ready."""
        said = self.log().rpartition("ready for connections")[2]
        return [x for x in said.splitlines() if "[Warning]" in x or "[ERROR]" in x]

    def counted(self) -> int:
        """How many it has against the proxy."""
        said = self.sql("SELECT COALESCE(SUM(SUM_CONNECT_ERRORS), 0) "
                        f"FROM performance_schema.host_cache WHERE IP LIKE '%{address('p1')}'")
        return int(said)


class PostgreSQL(Database):
    """With TLS and a password for everybody, as Debian's is. A second one may be the
    replica of a first, until it is promoted."""

    user = "postgres"
    bin = "/usr/lib/postgresql/15/bin"

    def __init__(self, lab: Lab, host: str = "s1", of: PostgreSQL | None = None) -> None:
        super().__init__(lab, host, 5432)
        self.of = of
        if of is None:
            word = Path(self.dir, "word")
            word.write_text("admin\n")
            self.own(str(word))
            self.tool("initdb", "-D", f"{self.dir}/data", "-A", "scram-sha-256", "-N",
                      f"--pwfile={word}", "--locale=C", "-E", "UTF8")
            with open(f"{self.dir}/data/pg_hba.conf", "a") as hba:
                for kind, user, how in (("host", "old", "md5"), ("host", "all", "scram-sha-256")):
                    hba.write(f"{kind} all {user} 10.77.0.0/24 {how}\n")
                hba.write("host replication all 10.77.0.0/24 scram-sha-256\n")
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{self.dir}/key", "-out",
                 f"{self.dir}/cert", "-days", "2", "-subj", "/CN=db"]
        subprocess.run(words, check=True, capture_output=True)
        for name in ("key", "cert"):
            self.own(f"{self.dir}/{name}")
        os.chmod(f"{self.dir}/key", 0o600)

    def as_user(self, *argv: str) -> list[str]:
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups",
                f"{self.bin}/{argv[0]}", *argv[1:]]

    def tool(self, *argv: str) -> None:
        done = subprocess.run(self.as_user(*argv), capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr

    def argv(self) -> list[str]:
        return self.as_user(
            "postgres", "-D", f"{self.dir}/data", "-p", str(self.port), "-k", self.dir,
            *(word for name, value in {
                "listen_addresses": "*", "ssl": "on", "ssl_cert_file": f"{self.dir}/cert",
                "ssl_key_file": f"{self.dir}/key", "shared_buffers": "1MB", "fsync": "off",
                "max_wal_senders": "4", "log_line_prefix": "%m %h ", "log_min_messages": "info",
            }.items() for word in ("-c", f"{name}={value}")))

    def spawn(self) -> None:
        if self.of is not None and not os.path.exists(f"{self.dir}/data"):
            wait_for(self.of.is_ready, 20 * SLOW)
            link = f"host={address(self.of.host)} port={self.of.port} user=postgres password=admin"
            self.client(*self.as_user("pg_basebackup", "-D", f"{self.dir}/data", "-R", "-X",
                                      "stream", "-c", "fast", "-d", link))
        super().spawn()

    def extra(self) -> dict[str, Any]:
        return {"cwd": "/"}

    def is_ready(self) -> bool:
        done = self.lab.run(self.host, *self.psql("SELECT 1"), timeout=20 * SLOW)
        return done.returncode == 0

    def psql(self, text: str) -> list[str]:
        link = f"host={self.dir} port={self.port} user=postgres password=admin dbname=postgres"
        return ["psql", "-X", "-q", "-t", "-A", "-d", link, "-c", text]

    def sql(self, text: str) -> str:
        return self.client(*self.psql(text))

    def complaints(self) -> list[str]:
        """What it says of the proxy; pg_basebackup, too, leaves lines."""
        return [x for x in self.log().splitlines() if f" {address('p1')} " in x]


class Redis(Database):
    """At its most talkative but one level."""

    def __init__(self, lab: Lab, host: str = "s1", *more: str) -> None:
        super().__init__(lab, host, 6379)
        self.more = more

    def argv(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--dir", self.dir, "--save", "",
                "--loglevel", "notice", "--protected-mode", "no", *self.more]

    def is_ready(self) -> bool:
        return "ready to accept" in self.log().lower()


class Slapd(Database):
    """An empty directory with a name that may bind."""

    def __init__(self, lab: Lab, host: str = "s1", more: str = "") -> None:
        super().__init__(lab, host, 389)
        os.mkdir(f"{self.dir}/data")
        Path(self.dir, "conf").write_text(
            f"include /etc/ldap/schema/core.schema\n{more}pidfile {self.dir}/pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            "loglevel stats\ndatabase mdb\nsuffix dc=test\nrootdn cn=check,dc=test\n"
            f"rootpw word\ndirectory {self.dir}/data\n")

    def argv(self) -> list[str]:
        # -d: in the foreground, with what the log level has.
        return ["slapd", "-f", f"{self.dir}/conf", "-h", f"ldap://0.0.0.0:{self.port}",
                "-d", "stats"]

    def is_ready(self) -> bool:
        return "slapd starting" in self.log()

    def complaints(self) -> list[str]:
        """Connections that were lost, and errors of any kind."""
        wrong = "connection lost", "deferring", "err=2", "error"
        return [x for x in self.log().splitlines() if any(w in x for w in wrong)]
