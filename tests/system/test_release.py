"""Goal: `hapair release` leaves no virtual IP of the file on the host, at once and
from any interface, and touches nothing that belongs to a daemon that runs."""

import json
import os
from pathlib import Path
from typing import Any

from stage import BINARY, SLOW, VIP, Stage


def release(stage: Stage, host: str, *args: str, config: str | None = None) -> Any:
    return stage.lab.run(host, BINARY, "release", "-c", config or stage.config, *args)


def test_after_kill_of_all() -> None:
    """The leases would last for seconds; after the release they are gone, and
    the peer, which was kept waiting by a host that still answered, claims."""
    with Stage(pair={"hang_timeout": "8s"}) as stage:
        stage.serve()
        stage.start()
        stage["p1"].kill_all()
        stage["p1"].process.wait(5 * SLOW)
        assert VIP[4] in stage.lab.addresses("p1")
        done = release(stage, "p1")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "group main: deleted 2 virtual IPs\n", done.stdout
        for family in (4, 6):
            assert "p1" not in stage.lab.holders(VIP[family])
        stage.wait_master("p2", 3)


def test_refused_while_running() -> None:
    """Also on a backup; and it says which process."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        for host in ("p1", "p2"):
            done = release(stage, host)
            assert done.returncode == 1, done
            assert f"running as process {stage[host].pid}" in done.stderr, done.stderr
        stage.wait_master("p1")
        done = stage.lab.run("p1", BINARY, "run", "-c", stage.config)
        assert done.returncode == 1 and "already running" in done.stderr


def test_from_any_interface_and_only_ours() -> None:
    """Left by hand on other interfaces and with another prefix; what is not of
    the file stays, and a second time there is nothing to do."""
    with Stage() as stage:
        for words in (
            ("link", "add", "other", "type", "veth", "peer", "name", "end"),
            ("link", "set", "other", "up"),
            ("addr", "add", f"{VIP[4]}/32", "dev", "other"),
            ("addr", "add", f"{VIP[6]}/128", "dev", "other", "nodad"),
            ("addr", "add", f"{VIP[4]}/24", "dev", "eth0"),
            ("addr", "add", "10.77.0.99/24", "dev", "eth0"),
        ):
            stage.ip("p1", *words)
        before = stage.lab.addresses("p1")
        done = release(stage, "p1")
        assert done.stdout == "group main: deleted 3 virtual IPs\n", done
        left = stage.lab.run("p1", "ip", "-j", "addr").stdout
        found = {a["local"] for link in json.loads(left) for a in link.get("addr_info", [])}
        assert not found & {VIP[4], VIP[6]}, found
        assert set(before) - {VIP[4]} <= found
        done = release(stage, "p1")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def test_wrong_words() -> None:
    with Stage() as stage:
        wrong = f"{stage.lab.dir}/wrong.yaml"
        Path(wrong).write_text("pair: {nodse: []}\n")
        done = release(stage, "p1", config=wrong)
        assert done.returncode == 2 and "did you mean 'nodes'" in done.stderr, done
        done = release(stage, "p1", config=f"{stage.lab.dir}/none.yaml")
        assert done.returncode == 2, done
        done = release(stage, "p1", "all")
        assert done.returncode == 2 and "`hapair release --help`" in done.stderr, done


def test_needs_root() -> None:
    """The program is copied to where somebody else may run it."""
    with Stage() as stage:
        stage.lab.run("p1", "ip", "addr", "add", f"{VIP[4]}/24", "dev", "eth0")
        program, config = "/tmp/hapair-release-test", "/tmp/hapair-release-test.yaml"
        try:
            for target, source in ((program, BINARY), (config, stage.config)):
                Path(target).write_bytes(Path(source).read_bytes())
                os.chmod(target, 0o755)
            done = stage.lab.run(
                "p1", "setpriv", "--reuid=65534", "--clear-groups", program, "release", "-c", config
            )
            assert done.returncode == 1 and "needs root" in done.stderr, done
            assert VIP[4] in stage.lab.addresses("p1")
        finally:
            for path in (program, config):
                os.unlink(path)


def test_without_a_pair() -> None:
    with Stage(single=True) as stage:
        done = release(stage, "p1")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
