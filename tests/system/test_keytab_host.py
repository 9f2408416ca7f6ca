"""Goal: `check --host` warns where clients of a service with a `keytab` could not
log in: it lacks the key that they ask for, or the name is an alias."""

import re
from typing import Any

from keytabs import Entry, put, write
from stage import BINARY, VIP, Stage

THREADS = False

NAME = "vip.example.test"
PROXY, IMPALA = Entry(f"proxy/{NAME}"), Entry("impala/h1.example.test")


def look(stage: Stage, hosts: str) -> list[str]:
    """What it has to say of the keytab, with that in /etc/hosts."""
    path = f"{stage.lab.dir}/hosts"
    with open(path, "w") as f:
        f.write("127.0.0.1 localhost\n" + hosts)
    script = f'mount --bind {path} /etc/hosts && exec "$@"'
    argv = ["unshare", "-m", "sh", "-c", script, "sh", BINARY, "check", "--host"]
    done = stage.lab.run("p1", *argv, "-c", stage.config)
    assert done.returncode == 0 and done.stderr == "", (done.stdout, done.stderr)
    return [x for x in done.stdout.splitlines() if ": keytab " in x]


def test_what_clients_ask_for_is_in_the_keytab() -> None:
    both = "".join(f"{VIP[f]} {NAME}\n" for f in (4, 6))
    with Stage() as stage:
        config: dict[str, Any] = stage.build()
        path = write(f"{stage.lab.dir}/k", IMPALA, PROXY, PROXY._replace(kvno=3))
        config["services"][0]["keytab"] = path
        stage.configure(config)
        begin = f"service web: keytab {path}: "
        good = f"ok       {begin}holds proxy/{NAME}, which clients ask for"
        assert look(stage, both) == [good, good], "one for each address"
        # An alias, of one of the two.
        hosts = f"{VIP[4]} p.example.test {NAME}\n{VIP[6]} {NAME}\n"
        said = look(stage, hosts)
        assert any(
            x.startswith(f"warning  {begin}{NAME} is an alias of p.example.test") for x in said
        ), said
        # Of the name that the address has there is no key; or it has no name.
        said = look(stage, f"{VIP[4]} other.example.test\n{VIP[6]} {NAME}\n")
        assert said[0].endswith(
            f"no key of a service at other.example.test, which is the name of {VIP[4]}; "
            "merge that of proxy/other.example.test"
        ), said
        assert said[1:] == [good]
        said = look(stage, f"{VIP[6]} {NAME}\n")
        assert f"none of its hosts is {VIP[4]}, which has no name" in said[0]
        # HTTP is not for this port.
        write(path, IMPALA, Entry(f"HTTP/{NAME}"))
        said = look(stage, both)
        assert len(said) == 2 and all(x.startswith("warning") for x in said), said


def test_a_keytab_that_cannot_be_used() -> None:
    with Stage() as stage:
        config: dict[str, Any] = stage.build()
        path = f"{stage.lab.dir}/k"
        config["services"][0]["keytab"] = path
        stage.configure(config)
        both = "".join(f"{VIP[f]} {NAME}\n" for f in (4, 6))
        assert look(stage, both) == [
            f"warning  service web: keytab {path}: No such file or directory"
        ]
        put(path, b"\5\2\0")
        assert "truncated" in look(stage, both)[0]
        write(path, PROXY, mode=0o644)
        assert re.match(r"warning .* mode 0644", look(stage, both)[0])
