"""Goal: the pair's key is changed node by node, on either node first, without a
moment in which the nodes do not know each other; what would part them is refused."""

import os
import secrets
import signal
from pathlib import Path

from stage import SLOW, VIP, Stage, wait_for

HOSTS = ("p1", "p2")


def write_keys(stage: Stage, host: str, *keys: str) -> None:
    path = Path(stage.lab.host_dir(host), "pair.key")
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text("".join(f"{k}\n" for k in keys))
    os.chmod(path, 0o400)


def peer(stage: Stage, host: str) -> dict:
    return dict(stage[host].status()["peers"][0])


def rejected(stage: Stage) -> int:
    """Packets; `check --host` knocks at the wire's port, and is refused."""
    return sum(x["rejected"] for h in HOSTS for x in peer(stage, h)["links"])


def reload(stage: Stage, host: str, *keys: str) -> str:
    write_keys(stage, host, *keys)
    done = stage[host].cli("reload")
    assert done.returncode == 0, done.stderr
    return done.stdout


def next_step(stage: Stage, host: str) -> str:
    done = stage[host].lab.run(
        host, *[os.environ.get("HAPAIR", "build/hapair"), "check", "--host", "-c",
                stage[host].config])
    return next(x for x in done.stdout.splitlines() if " key" in x and "key file /" not in x)


def wait_signed(stage: Stage, name: str) -> None:
    """Both nodes sign with this key, heartbeats and wire, and are well."""

    def signed() -> bool:
        """both nodes sign with the key, and the wire is up"""
        return all(peer(stage, h)["keys"]["we_sign_with"] == name
                   and peer(stage, h)["keys"]["it_signs_with"] == name
                   and peer(stage, h)["wire"]["up"] for h in HOSTS)

    wait_for(signed, 5 * SLOW)
    for host in HOSTS:
        done = stage[host].cli("status")
        assert done.returncode == 0, done.stdout


def wire_ends(stage: Stage) -> int:
    return sum(stage[h].log().count("wire: down") for h in HOSTS)


def change(stage: Stage, first: str, second: str, old: str, new: str) -> None:
    """Old to new, and `first` begins."""
    was = peer(stage, first)["keys"]["ours"]
    reload(stage, first, new, old)
    ours = peer(stage, first)["keys"]["ours"]
    assert ours[1:] == was, (ours, was)
    wait_signed(stage, was[0])  # the peer does not have the new one yet
    assert "keys are being changed" in stage[second].cli("status").stdout
    assert f"put {ours[0]} before the old line" in next_step(stage, first)
    reload(stage, second, new, old)
    wait_signed(stage, ours[0])
    reload(stage, first, new)
    wait_signed(stage, ours[0])
    reload(stage, second, new)
    wait_signed(stage, ours[0])
    assert "the peer has the same" in next_step(stage, second)
    assert "keys are being changed" not in stage[second].cli("status").stdout


def test_are_changed_node_by_node() -> None:
    """From the master on, then from the backup on: nothing moves, no client is
    lost, no packet is refused, the wire has no end."""
    keys = [secrets.token_hex(32) for _ in range(3)]
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        for host in HOSTS:
            write_keys(stage, host, keys[0])
        stage.serve()
        stage.start()
        wait_for(lambda: all(peer(stage, h)["wire"]["up"] for h in HOSTS), 5 * SLOW)
        with stage.client() as client:
            assert client.recv(100)
            groups = [stage[h].status()["groups"][0] for h in HOSTS]
            before, ends = rejected(stage), wire_ends(stage)
            change(stage, "p1", "p2", keys[0], keys[1])
            change(stage, "p2", "p1", keys[1], keys[2])
            after = [stage[h].status()["groups"][0] for h in HOSTS]
            assert [g["since"] for g in after] == [g["since"] for g in groups]
            assert rejected(stage) == before
            assert wire_ends(stage) == ends
            client.settimeout(0.1)
            try:
                assert client.recv(1) == b"never"
            except TimeoutError:
                pass


def refuse_while_silent(stage: Stage, new: str, old: str) -> None:
    """A peer that is cut off has the key that it had."""
    stage.lab.power_cut("p2")
    wait_for(lambda: not peer(stage, "p1")["reachable"], 5 * SLOW)
    write_keys(stage, "p1", new)
    done = stage["p1"].cli("reload")
    stage.lab.restore("p2")
    assert done.returncode == 1, done.stdout
    assert "is silent, and as last heard takes none" in done.stderr, done.stderr
    write_keys(stage, "p1", old)
    stage.wait_any_master()


def test_what_would_part_the_nodes_is_refused() -> None:
    """A key that the peer has not got, a file with mistakes: nothing is changed,
    and a node that is started with it says what is wrong."""
    old, new = (secrets.token_hex(32) for _ in range(2))
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        for host in HOSTS:
            write_keys(stage, host, old)
        stage.serve()
        stage.start()
        name = peer(stage, "p1")["keys"]["ours"]
        for keys, why in (((new,), "the peer takes none of these keys"),
                          ((old, old), "the same key twice"),
                          (("none",), "holds no key")):
            write_keys(stage, "p1", *keys)
            done = stage["p1"].cli("reload")
            assert done.returncode == 1 and why in done.stderr, done.stderr
            assert peer(stage, "p1")["keys"]["ours"] == name
        reload(stage, "p2", old, secrets.token_hex(32))
        wait_for(lambda: len(peer(stage, "p1")["keys"]["peers"]) == 2, 5 * SLOW)
        write_keys(stage, "p1", new)
        done = stage["p1"].cli("reload")
        assert "keep one of these as the second line" in done.stderr, done.stderr
        refuse_while_silent(stage, new, old)
        stage["p2"].stop()
        said = reload(stage, "p1", new)
        assert "before it is started" in said, said
        assert "before it is started" not in reload(stage, "p1", old)
        write_keys(stage, "p2", new)
        stage["p2"].start()
        for host in HOSTS:
            def told() -> bool:
                """status says which key the peer has"""
                done = stage[host].cli("status")
                return done.returncode == 1 and "signs with key" in done.stdout

            wait_for(told, 5 * SLOW)
        assert stage.lab.holders(VIP[4]) == ["p1"]
        reload(stage, "p2", new, old)
        wait_for(lambda: peer(stage, "p1")["reachable"], 5 * SLOW)
        assert stage["p2"].cli("status").returncode == 0


def restart_failover(stage: Stage, host: str, keys: list[str]) -> None:
    """Killed and started again, the process takes these keys and the pair is well."""
    node, other = stage[host], next(h for h in HOSTS if h != host)
    killed, role = node.failover(), node.state()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: node.roles().get("failover", killed) != killed, 5 * SLOW)

    def well() -> bool:
        """the node takes the keys, and both nodes hear each other"""
        ours = node.status()["peers"]
        return (bool(ours) and ours[0]["keys"]["ours"] == keys
                and ours[0]["reachable"] and ours[0]["wire"]["up"]
                and peer(stage, other)["reachable"] and node.state() == role
                and node.cli("status").returncode == 0)

    wait_for(well, 5 * SLOW)


def test_a_failover_begins_with_what_was_accepted_last() -> None:
    """Whatever is in the file by then: keys that were refused, none, no file at all.
    No address moves, and the peer stays what it is."""
    old, new = (secrets.token_hex(32) for _ in range(2))
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        for host in HOSTS:
            write_keys(stage, host, old)
        stage.serve()
        stage.start()
        wait_for(lambda: all(peer(stage, h)["wire"]["up"] for h in HOSTS), 5 * SLOW)
        name = peer(stage, "p1")["keys"]["ours"]
        group = stage["p2"].status()["groups"][0]
        write_keys(stage, "p1", new)
        done = stage["p1"].cli("reload")
        assert done.returncode == 1 and "takes none" in done.stderr, done.stderr
        restart_failover(stage, "p1", name)
        Path(stage.lab.host_dir("p1"), "pair.key").unlink()
        restart_failover(stage, "p1", name)
        assert stage["p2"].status()["groups"][0]["since"] == group["since"]
        assert stage.lab.holders(VIP[4]) == ["p1"]
        reload(stage, "p2", new, old)
        both = peer(stage, "p2")["keys"]["ours"]
        assert both[1:] == name, (both, name)
        write_keys(stage, "p2", "none")
        restart_failover(stage, "p2", both)
        assert stage.lab.holders(VIP[4]) == ["p1"]
