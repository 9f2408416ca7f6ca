"""Goal: what is left in the kernel of a path, a service or a server that the file does
not have any more is nobody's secret: it is counted and listed until it has ended, it can
be killed and drained, and tables that have connections are not left behind."""

from __future__ import annotations

import subprocess
from typing import Any

from stage import BINARY, PORT, SLOW, VIP, address, limit, wait_for
from test_kernel_operator import Bed, bed
from test_survival import Survivors
from traps import echo_once, is_reset


def reload(b: Bed, *hosts: str) -> None:
    b.stage.configure(b.stage.build())
    for host in hosts or ("p2", "p1"):
        done = b.stage[host].cli("reload")
        assert done.returncode == 0, done


def left(b: Bed) -> int:
    return int((b.node.status()["kernel"] or {}).get("left", -1))


def in_kernel(b: Bed) -> int:
    return int((b.counts()["kernel"] or {}).get("active", 0))


def test_a_path_that_is_switched_off() -> None:
    with bed(4) as b:
        first, second, third = (b.connect(n) for n in ("s1", "s2", "s1"))
        b.stage.services[0]["path"] = "relay"
        reload(b)
        wait_for(lambda: in_kernel(b) == 3, 5 * SLOW)
        assert b.counts()["path"] == "relay", b.counts()
        shown = b.shown("web")
        assert [c["path"] for c in shown] == ["kernel"] * 3, shown
        assert sorted(c["server"] for c in shown) == ["s1", "s1", "s2"], shown
        # The tables would be others: nobody would end what is in these.
        was = b.stage.more["kernel"]
        b.stage.more["kernel"] = {**was, "pins": "{run}/bpf/other"}
        b.stage.configure(b.stage.build())
        done = b.node.cli("reload")
        assert done.returncode != 0 and "kernel.pins" in done.stderr, done
        b.stage.more["kernel"] = was
        b.stage.configure(b.stage.build())
        ended(b, [first, third], second)


def ended(b: Bed, of_s1: list, of_s2: tuple) -> None:
    """By the same words as any others."""
    done = b.node.cli("server", "web/s1", "drain", "--wait", "1s")
    assert done.returncode == 1 and "still has 2 connections" in done.stderr, done
    b.say("kill", "web/s1")
    for client, end in of_s1:
        assert is_reset(client) and is_reset(end)
    b.say("server", "web/s1", "drain", "--wait", "5s")
    echo_once(*of_s2)
    for sock in of_s2:
        sock.close()
    wait_for(lambda: b.node.tells("no connection is left in the kernel"), 10 * SLOW)
    wait_for(lambda: b.node.status()["kernel"] is None, 10 * SLOW)
    assert b.counts()["connections"]["active"] == 0, b.counts()


def test_a_service_that_is_removed() -> None:
    with bed(4) as b:
        client, end = b.connect("s1")
        web = b.stage.services[0]
        b.stage.services = [{**web, "name": "other", "listen": f"{VIP[4]}:{PORT + 1}"}]
        reload(b)
        wait_for(lambda: left(b) == 1, 5 * SLOW)
        assert "of no service of this file" in b.node.cli("status").stdout
        (row,) = b.shown()
        assert (row["service"], row["server"], row["path"]) == (None, None, "kernel"), row
        echo_once(client, end)
        b.say("kill", row["id"])
        assert is_reset(client) and is_reset(end)
        wait_for(lambda: left(b) == 0, 5 * SLOW)


def test_what_a_removal_takes_away() -> None:
    """A daemon that runs keeps it, and one that is dead leaves it for the next."""
    with bed(4) as b:

        def filters() -> str:
            said = b.stage.lab.run("p1", "tc", "filter", "show", "dev", "eth0", "ingress")
            return str(said.stdout)

        def release() -> Any:
            words = (BINARY, "release", "--kernel", "-c", b.stage.config)
            return b.stage.lab.run("p1", *words)

        b.connect("s1")
        done = release()
        assert done.returncode == 1 and "running as" in done.stderr, done
        b.stage["p1"].kill_all()
        b.stage["p1"].process.wait(5 * SLOW)
        assert "director_ingres" in filters(), filters()
        done = release()
        assert done.returncode == 0, done
        assert "kernel path: taken from 2 interfaces, with its tables" in done.stdout, done
        assert "director_ingres" not in filters(), filters()
        done = release()
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def test_who_waits_in_the_kernel_is_counted() -> None:
    """The page, status and metrics say the same of a client that no server has a place for."""
    with bed(4) as b:
        for server in b.stage.services[0]["servers"]:
            server["max_connections"] = 1
        reload(b)
        b.stage.wait_protected("p1", 0)
        ends = [b.connect("s1"), b.connect("s2")]
        command = f"exec 3<>/dev/tcp/{VIP[4]}/{PORT}"
        waits = b.stage.lab.spawn("c", ["timeout", "30", "bash", "-c", command])
        try:
            wait_for(lambda: b.counts()["connections"]["queued"] == 1, 10 * SLOW)
            said = b.stage.lab.run("p1", "curl", "-s", f"http://{address('p1')}:8404/metrics")
            assert 'hapair_service_connections_queued{service="web"} 1\n' in said.stdout
            assert 'hapair_kernel_connections_held{service="web"} 1\n' in said.stdout
            echo_once(*ends[0])
        finally:
            waits.kill()
            waits.wait()


@limit(60)
def test_a_reload_tries_again() -> None:
    """A node without a BPF file system relays. It is mounted, and a reload of the same
    file is enough; one more disturbs nobody."""
    with Survivors() as stage:
        node = stage["p1"]
        pins = f"{stage.lab.host_dir('p1')}/bpf"
        subprocess.run(["umount", "-l", pins], check=True)
        stage.start()

        def state() -> str:
            return str((node.status().get("kernel") or {}).get("state"))

        wait_for(lambda: state() == "relay_only", 5 * SLOW)
        assert node.cli("reload").returncode == 0 and state() == "relay_only"
        # What is mounted at the host's own place is not seen by who runs already.
        inside = ["nsenter", "-t", str(node.pid), "-m", "mount", "-t", "bpf", "-o", "mode=700"]
        subprocess.run([*inside, "bpf", f"{stage.lab.dir}/run/bpf"], check=True)
        assert node.cli("reload").returncode == 0
        wait_for(lambda: state() == "works", 5 * SLOW)
        director = node.roles()["director"]
        assert node.cli("reload").returncode == 0
        assert node.roles()["director"] == director and state() == "works"
