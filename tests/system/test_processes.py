"""Goal: each process has the rights it needs and no more, and none of them
outlives the others: what is left of a node after any kill is nothing."""

import os
import pwd
import re
import signal
from pathlib import Path

from stage import BINARY, SLOW, Stage, alive, single, wait_for

CAP_NET_ADMIN, CAP_NET_RAW = 1 << 12, 1 << 13


def status(pid: int, thread: int = 0) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/task/{thread or pid}/status").read_text().splitlines()
    return {k: v.strip() for k, _, v in (x.partition(":") for x in lines)}


def foreign_threads() -> int:
    """ThreadSanitizer brings one of its own into each process."""
    return b"__tsan_init" in Path(BINARY).read_bytes()


def has_only(allowed: int, pid: int, thread: int) -> bool:
    one = status(pid, thread)
    rights = int(one["CapPrm"], 16) | int(one["CapEff"], 16)
    return rights & ~allowed == 0 and one["NoNewPrivs"] == "1"


def test_relay_has_no_rights() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        relay = status(stage["p1"].relay())
        users = [u.pw_name for u in pwd.getpwall()]
        own = next((u for u in ("hapair-relay", "hapair") if u in users), None)
        uids = relay["Uid"].split()
        if own is not None:
            assert uids == [str(pwd.getpwnam(own).pw_uid)] * 4, uids
        else:
            assert len(set(uids)) == 1 and 65520 <= int(uids[0]) != 65534, uids
        assert "0" not in relay["Gid"].split(), relay["Gid"]
        assert "0" not in relay["Groups"].split(), relay["Groups"]
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(relay[name], 16) == 0, (name, relay[name])
        assert relay["NoNewPrivs"] == "1"


def test_relay_of_the_configured_user() -> None:
    with single(user="daemon", group="daemon") as stage:
        stage.serve()
        stage.start()
        relay = status(stage["p1"].relay())
        daemon = pwd.getpwnam("daemon")
        assert relay["Uid"].split() == [str(daemon.pw_uid)] * 4
        assert relay["Gid"].split() == [str(daemon.pw_gid)] * 4


def test_relay_of_a_number_that_no_user_has() -> None:
    """A number is an id: `check` takes it, and so does `run`."""
    with single(user=71488, group=71489) as stage:
        stage.serve()
        stage.start()
        relay = status(stage["p1"].relay())
        assert relay["Uid"].split() == ["71488"] * 4
        assert relay["Gid"].split() == ["71489"] * 4


def test_failover_has_two_rights() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        failover = status(stage["p1"].failover())
        allowed = CAP_NET_ADMIN | CAP_NET_RAW
        for name in ("CapPrm", "CapEff", "CapBnd"):
            assert int(failover[name], 16) & ~allowed == 0, (name, failover[name])
        assert int(failover["CapEff"], 16) == allowed
        assert failover["NoNewPrivs"] == "1"


def test_no_thread_keeps_more() -> None:
    """Capabilities are a thread's, and the log's is there before the rest drops."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        for pid, allowed in ((node.failover(), CAP_NET_ADMIN | CAP_NET_RAW), (node.relay(), 0)):
            threads = [int(t) for t in os.listdir(f"/proc/{pid}/task")]
            assert len(threads) > 1, threads
            wait_for(
                lambda: sum(not has_only(allowed, pid, t) for t in threads) <= foreign_threads(),
                3 * SLOW,
            )


def libraries(pid: int) -> set[str]:
    maps = Path(f"/proc/{pid}/maps").read_text()
    return set(re.findall(r"/lib([\w-]+)\.so", maps))


def test_libraries_are_where_they_are_needed() -> None:
    """With what they link to they take 5 ms of a processor of each process that begins,
    and of each command."""
    late = {"curl", "gnutls", "microhttpd", "nghttp2", "systemd"}
    with single() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        assert not late & (libraries(node.pid) | libraries(node.relay()))
        config = stage.build()
        config["services"][0]["check"] = {"type": "http"}
        config["web"] = {"listen": "*:8404"}
        stage.configure(config)
        assert node.cli("reload").returncode == 0
        assert {"curl", "microhttpd"} <= libraries(node.relay())
        assert not late & libraries(node.pid)


def test_roles_hold_only_their_descriptors() -> None:
    """No role keeps the key or the configuration file open, or a stray one."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        for pid in stage["p1"].roles().values():
            for fd in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                assert not re.search(r"pair\.key|hapair\.yaml|\.pid$", target), target


def test_children_die_with_the_supervisor() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        pids = stage["p1"].everyone()
        assert len(pids) == 3, pids
        os.kill(pids[0], signal.SIGKILL)
        wait_for(lambda: not any(map(alive, pids[1:])), 3 * SLOW)


def test_names_in_ps() -> None:
    with Stage() as stage:
        stage.serve()
        stage.start()
        for role, pid in stage["p1"].roles().items():
            assert Path(f"/proc/{pid}/comm").read_text().strip() == f"hapair-{role}"


def test_roles_are_restarted() -> None:
    """The supervisor is told of each death and says why it restarts."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        for role in ("relay", "failover"):
            before = stage["p1"].roles()[role]
            os.kill(before, signal.SIGKILL)
            wait_for(lambda: stage["p1"].roles().get(role, before) != before, 5)
        stage.wait_serving("p1")
        assert stage.ask() in ("s1", "s2", "s3")
        assert stage["p1"].process.poll() is None


def test_failover_that_keeps_ending() -> None:
    """At first it goes on where it was. When it has to pause, the supervisor lets
    the addresses go and the wire end, and the peer serves at once."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        for end in range(1, 5):
            before = node.failover()
            os.kill(before, signal.SIGKILL)
            wait_for(lambda: node.log().count("was killed by signal 9") == end, 5)
            if end < 4:
                wait_for(lambda: node.roles().get("failover", before) != before, 5)
                assert "no failover holds" not in node.log()
        said = "group main: deleted 2 addresses, for no failover holds them"
        wait_for(lambda: said in node.log(), 5)
        wait_for(lambda: stage["p2"].state() == "master", 5)
        # Kernels say but once a second that a port is closed.
        reasons = ("peer's processes ended", "peer silent, its host has let go")
        wait_for(lambda: any(f"-> master, reason: {r}" in stage["p2"].log() for r in reasons))
        stage.wait_master("p2")
        assert stage.ask() in ("s1", "s2", "s3")
        # It comes back, and nothing moves.
        wait_for(lambda: node.state() == "backup", 10 * SLOW)


def test_sigterm_and_sigint_end_in_order() -> None:
    for sig in (signal.SIGTERM, signal.SIGINT):
        with single() as stage:
            stage.serve()
            stage.start()
            pids = stage["p1"].everyone()
            os.kill(pids[0], sig)
            assert stage["p1"].process.wait(5 * SLOW) == 0
            assert not any(map(alive, pids))
            assert not os.path.exists(f"{stage.lab.host_dir('p1')}/control.sock")
