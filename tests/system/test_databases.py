"""Goal: a check speaks the server's language, with the real servers of Debian: it
tells up, down and which one is the primary, and the server has nothing against it:
not a line in its log, and not one step towards shutting the proxy out."""

import re
import time
from pathlib import Path
from typing import Any

from databases import MariaDB, PostgreSQL, Redis, Slapd, running
from stage import SLOW, Stage, address, endpoint, hapair, limit, single, wait_for

# Checks are the main thread's alone.
THREADS = False


def service(*servers: str, name: str = "db", port: int = 3306, **check: Any) -> dict[str, Any]:
    asked = {"interval": "50ms", "timeout": f"{2 * SLOW}s", "rise": 1, "fall": 2, **check}
    return {"name": name, "check": asked,
            "servers": [{"name": s, "address": endpoint(address(s), port)} for s in servers]}


def secret(stage: Stage, text: str) -> str:
    path = Path(stage.lab.dir, "password")
    path.touch(0o600)
    path.write_text(text + "\n")
    return str(path)


def configure(stage: Stage, *services: dict[str, Any]) -> None:
    config = stage.build()
    config["services"] = [{**s, "listen": [endpoint("10.77.0.1", 80 + i)]}
                          for i, s in enumerate(services)]
    stage.configure(config)


def found(stage: Stage, of: str) -> dict[str, tuple[str, str]]:
    """{server: (state, what the last check found)} of a service."""
    for s in stage["p1"].status().get("services") or []:
        if s["name"] == of:
            return {x["name"]: (x["state"], x["check"]["detail"]) for x in s["servers"] if "check" in x}
    return {}


def is_found(stage: Stage, of: str, **wanted: tuple[str, str]) -> None:
    def so() -> bool:
        """the checks have found just that"""
        seen = found(stage, of)
        return all(name in seen and seen[name][0] == state and re.fullmatch(said, seen[name][1])
                   for name, (state, said) in wanted.items())

    try:
        wait_for(so, 20 * SLOW)
    except AssertionError as e:
        raise AssertionError(f"{found(stage, of)}, not {wanted}") from e


def asked_often(stage: Stage, times: int = 40) -> None:
    """So many checks, and some more."""
    time.sleep(times * 0.05 * 1.2)


@limit(90)
def test_r23_mariadb() -> None:
    """Logins with and without a password, and the roles of two servers. The proxy stays
    welcome, where a check by tcp gets it shut out."""
    with single() as stage:
        word = secret(stage, "se cret")
        first, second = MariaDB(stage.lab, "s1"), MariaDB(stage.lab, "s2", "--read-only")
        configure(
            stage,
            service("s1", "s2", name="open", type="mysql", user="open"),
            service("s1", "s2", name="primary", type="mysql", user="check",
                    password_file=word, role="primary"),
            service("s1", "s2", name="replica", type="mysql", user="check",
                    password_file=word, role="replica"),
            service("s1", name="stranger", type="mysql", user="nobody", interval="60s"),
        )
        with running(first, second):
            for one in (first, second):
                one.sql("CREATE USER 'open'@'proxy1'; "
                        "CREATE USER 'check'@'proxy1' IDENTIFIED BY 'se cret'; "
                        "SET GLOBAL max_connect_errors = 10")
            stage.start()
            is_found(stage, "open", s1=("up", "logged in"), s2=("up", "logged in"))
            is_found(stage, "primary", s1=("up", "logged in, primary"),
                     s2=("down", "logged in, replica, expected a primary"))
            is_found(stage, "replica", s1=("down", "logged in, primary, expected a replica"),
                     s2=("up", "logged in, replica"))
            is_found(stage, "stranger", s1=("down", "error 1045: Access denied for user .*"))
            asked_often(stage)
            second.sql("SET GLOBAL read_only = 0")
            is_found(stage, "primary", s2=("up", "logged in, primary"))
            is_found(stage, "replica", s2=("down", ".* expected a replica"))
            for one in (first, second):
                assert one.counted() == 0, one.sql("SELECT * FROM performance_schema.host_cache")
                strange = [x for x in one.complaints() if "'nobody'" not in x]
                assert not strange, strange
            second.stop()
            is_found(stage, "open", s1=("up", "logged in"), s2=("down", "connect: .*"))
            second.start()
            is_found(stage, "open", s2=("up", "logged in"))
            stage["p1"].stop()
            # What the manual warns of: the same proxy, asking by tcp.
            configure(stage, service("s1", name="tcp", type="tcp"))
            stage.start()
            wait_for(lambda: first.counted() >= 10, 20 * SLOW)
            stage["p1"].stop()
            configure(stage, service("s1", name="open", type="mysql", user="open"))
            stage.start()
            is_found(stage, "open", s1=("down", "error 1129: .* is blocked because of .*"))


def test_r23_a_check_by_tcp_is_warned_of() -> None:
    """At MySQL's port, before anything has happened."""
    with single() as stage:
        configure(stage, service("s1", type="tcp"))
        done = hapair("check", "-c", stage.config)
        assert done.returncode == 0, done.stderr
        assert "a check by tcp at port 3306" in done.stderr + done.stdout, done


@limit(90)
def test_postgres() -> None:
    """An answer, logins by SCRAM and MD5, the roles of a server and its replica, which
    change when that one is promoted."""
    with single() as stage:
        word = secret(stage, "se cret")
        first = PostgreSQL(stage.lab, "s1")
        second = PostgreSQL(stage.lab, "s2", of=first)
        login: dict[str, Any] = {"type": "postgres", "user": "new", "password_file": word}
        configure(
            stage,
            service("s1", "s2", name="plain", port=5432, type="postgres"),
            service("s1", "s2", name="primary", port=5432, **login, role="primary"),
            service("s1", "s2", name="replica", port=5432, **login, role="replica"),
            service("s1", name="old", port=5432, **{**login, "user": "old"}),
            service("s1", name="asked", port=5432, type="postgres", user="new"),
        )
        with running(first):
            first.sql("CREATE USER new PASSWORD 'se cret'")
            first.sql("SET password_encryption = 'md5'; CREATE USER old PASSWORD 'se cret'")
            with running(second):
                stage.start()
                is_found(stage, "plain", s1=("up", "answers"), s2=("up", "answers"))
                is_found(stage, "primary", s1=("up", "logged in, primary"),
                         s2=("down", "logged in, replica, expected a primary"))
                is_found(stage, "replica", s1=("down", "logged in, primary, expected a replica"),
                         s2=("up", "logged in, replica"))
                is_found(stage, "old", s1=("up", "logged in"))
                is_found(stage, "asked", s1=("down", "it wants a password"))
                asked_often(stage)
                assert not first.complaints(), first.complaints()
                second.sql("SELECT pg_promote()")
                is_found(stage, "primary", s2=("up", "logged in, primary"))
                is_found(stage, "replica", s2=("down", ".* expected a replica"))
            is_found(stage, "plain", s1=("up", "answers"), s2=("down", "connect: .*"))


@limit(60)
def test_redis() -> None:
    """PING, passwords and roles; a replica that becomes the primary."""
    with single() as stage:
        word = secret(stage, "se cret")
        first = Redis(stage.lab, "s1")
        second = Redis(stage.lab, "s2", "--replicaof", address("s1"), "6379")
        closed = Redis(stage.lab, "s3", "--requirepass", "se cret")
        plain: dict[str, Any] = {"port": 6379, "type": "redis"}
        configure(
            stage,
            service("s1", "s2", "s3", name="plain", **plain),
            service("s1", "s2", name="primary", **plain, role="primary"),
            service("s1", "s2", name="replica", **plain, role="replica"),
            service("s1", "s3", name="secret", **plain, password_file=word, role="primary"),
        )
        with running(first, second, closed):
            stage.start()
            is_found(stage, "plain", s1=("up", "PONG"), s2=("up", "PONG"),
                     s3=("up", "asks for a password"))
            is_found(stage, "primary", s1=("up", "PONG, primary"),
                     s2=("down", "PONG, replica, expected a primary"))
            is_found(stage, "replica", s2=("up", "PONG, replica"))
            is_found(stage, "secret", s1=("down", "ERR AUTH .*"), s3=("up", "PONG, primary"))
            had = first.log(), closed.log()
            asked_often(stage)
            # Notices of the replica's may still come; a warning has a #.
            for one, before in zip((first, closed), had):
                assert " # " not in one.log()[len(before):], one.log()
            second.client("redis-cli", "replicaof", "no", "one")
            is_found(stage, "primary", s2=("up", "PONG, primary"))
            first.stop()
            is_found(stage, "plain", s1=("down", "connect: .*"), s3=("up", ".*"))


@limit(60)
def test_ldap() -> None:
    """A bind without a name, with one, and where nobody may bind without."""
    with single() as stage:
        word = secret(stage, "word")
        first = Slapd(stage.lab, "s1")
        second = Slapd(stage.lab, "s2", "disallow bind_anon\n")
        name: dict[str, Any] = {"type": "ldap", "password_file": word}
        configure(
            stage,
            service("s1", "s2", name="plain", port=389, type="ldap"),
            service("s1", "s2", name="named", port=389, user="cn=check,dc=test", **name),
            service("s1", name="wrong", port=389, user="cn=other,dc=test", **name),
        )
        with running(first, second):
            stage.start()
            is_found(stage, "plain", s1=("up", "bound"),
                     s2=("up", r"answers, no anonymous bind \(48\)"))
            is_found(stage, "named", s1=("up", "bound"), s2=("up", "bound"))
            is_found(stage, "wrong", s1=("down", r"the bind is refused \(49\)"))
            asked_often(stage)
            for one in (first, second):
                assert not one.complaints(), one.complaints()
            assert "UNBIND" in first.log()
            second.stop()
            is_found(stage, "plain", s1=("up", "bound"), s2=("down", "connect: .*"))
