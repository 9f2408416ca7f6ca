"""Goal: a start either works or says why not, in words that name the place;
a second start, a bad key, a bad file harm nothing that runs."""

import contextlib
import os
import re
import signal
import socket
import stat
import threading
import time
from pathlib import Path
from typing import Iterator

from stage import (
    BINARY, SLOW, TOOLS, VIP, LeftOut, Stage, alive, figure, hapair, scripted_service, server,
    service, single, wait_for,
)


def refused(stage: Stage, *args: str, host: str = "p1") -> str:
    """Runs the daemon, which must end soon and unhappily; returns its words."""
    node = stage[host]
    log = f"{stage.lab.dir}/refused.log"
    process = stage.lab.spawn(host, node_argv(node, *args), log=log)
    assert process.wait(5 * SLOW) != 0
    return Path(log).read_text()


def node_argv(node, *args: str) -> list[str]:
    return [BINARY, "run", "-c", node.config, *args]


def test_second_start_is_refused() -> None:
    """The second says so at once, the first does not notice."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        running = stage.probe(4, 1.5)
        for _ in range(3):
            said = refused(stage)
            assert re.search(r"(?i)already|in use|another", said), said
        result = running.result()
        assert result["ok"] == result["probes"], result
        stage.wait_master("p1")
        # The socket file is still the first one's.
        assert stage["p1"].state() == "master"


def test_second_start_after_a_kill() -> None:
    """A socket and a pid file left by kill -9 do not stop the next start."""
    with Stage(pid_file="{run}/hapair.pid") as stage:
        stage.serve()
        stage.start()
        stage["p1"].kill_all()
        assert os.path.exists(f"{stage.lab.host_dir('p1')}/control.sock")
        stage["p1"].start()
        stage.wait_serving("p1")
        wait_for(lambda: stage["p1"].state() in ("master", "backup"), 5 * SLOW)


def test_leftover_addresses_are_removed() -> None:
    """An earlier run's addresses on a node that is to be the backup."""
    with Stage() as stage:
        stage.serve()
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "master", 5 * SLOW)
        for family, prefix in ((4, 24), (6, 64)):
            stage.lab.run("p2", "ip", "addr", "add", f"{VIP[family]}/{prefix}", "dev", "eth0")
        assert stage.lab.holders(VIP[4]) == ["p1", "p2"]
        stage["p2"].start()
        wait_for(lambda: VIP[4] not in stage.lab.addresses("p2"), 2 * SLOW)
        wait_for(lambda: VIP[6] not in stage.lab.addresses("p2"), 2 * SLOW)
        stage.wait_master("p1")
        assert stage["p1"].state() == "master"


def test_key_that_others_can_read() -> None:
    with Stage() as stage:
        os.chmod(stage.key_file, 0o644)
        said = refused(stage)
        assert stage.key_file in said, said
        os.chmod(stage.key_file, 0o400)
        Path(stage.key_file).chmod(0o600)
        Path(stage.key_file).write_text("not a key\n")
        assert stage.key_file in refused(stage)
        os.unlink(stage.key_file)
        assert stage.key_file in refused(stage)
        assert stage.lab.holders(VIP[4]) == []


def test_genkey_makes_a_key_that_works() -> None:
    with Stage(pair={"key_file": "{run}/pair.key"}) as stage:
        path = Path(stage.lab.dir, "made.key")
        assert hapair("genkey", str(path)).returncode == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        first = path.read_bytes()
        assert hapair("genkey", str(path)).returncode == 1, "replaced a key"
        assert path.read_bytes() == first
        for host in ("p1", "p2"):
            copy = Path(stage.lab.host_dir(host), "pair.key")
            copy.write_bytes(first)
            copy.chmod(0o400)
        stage.serve()
        stage.start()
        assert stage["p1"].status()["peers"][0]["reachable"] is True


def test_wrong_file_is_refused_with_its_places() -> None:
    """Each mistake at FILE:LINE:COLUMN, all in one run, status 2."""
    with Stage() as stage:
        bad = f"{stage.lab.dir}/bad.yaml"
        Path(bad).write_text(
            "services:\n"
            "  - name: web\n"
            "    listen: 10.77.0.1:80\n"
            "    blance: roundrobin\n"
            "    max_connections: many\n"
            "    servers: [10.77.0.21:80]\n"
        )
        for command in ("check", "run"):
            done = hapair(command, "-c", bad)
            assert done.returncode == 2, done
            assert f"{bad}:4:5: error: " in done.stderr, done.stderr
            assert "balance" in done.stderr, "the nearest key"
            assert f"{bad}:5:22: error: " in done.stderr, done.stderr
        assert hapair("check", "-c", stage.config).returncode == 0
        missing = hapair("check", "-c", f"{stage.lab.dir}/none.yaml")
        assert missing.returncode == 2 and "none.yaml" in missing.stderr, missing


def test_check_print_is_stable() -> None:
    with Stage() as stage:
        once = hapair("check", "--print", "-c", stage.config)
        assert once.returncode == 0, once.stderr
        path = Path(stage.lab.dir, "printed.yaml")
        path.write_text(once.stdout)
        again = hapair("check", "--print", "-c", str(path))
        assert again.stdout == once.stdout


def test_node_that_is_not_in_the_file() -> None:
    """A name that is no node's."""
    with Stage() as stage:
        assert "nobody" in refused(stage, "--node", "nobody")


def test_f14_the_own_address_comes_late() -> None:
    """The start waits for it, says so once, and goes on when it is there; a host
    that never gets one waits until it is stopped."""
    with Stage() as stage:
        stage.serve()
        node = stage["p1"]
        log = f"{stage.lab.dir}/stranger.log"
        stranger = stage.lab.spawn("s1", node_argv(node), log=log)
        stage.ip("p1", "addr", "del", "10.77.0.1/24", "dev", "eth0")
        node.start()
        waits = "waiting for this node's address: the host has neither 10.77.0.1 (proxy1) nor"
        wait_for(lambda: waits in node.log(), 5 * SLOW)
        os.kill(node.pid, signal.SIGUSR2)  # nothing is there yet to be upgraded
        time.sleep(0.5)
        assert node.process is not None and node.process.poll() is None
        assert node.log().count("waiting for") == 1
        stage.ip("p1", "addr", "add", "10.77.0.1/24", "dev", "eth0")
        wait_for(lambda: node.state() == "master", 5 * SLOW)
        assert stranger.poll() is None and waits in Path(log).read_text()
        stranger.terminate()
        assert stranger.wait(5 * SLOW) != 0


def test_node_by_name() -> None:
    with Stage() as stage:
        stage.serve()
        stage["p2"].start("--node", "proxy2")
        wait_for(lambda: stage["p2"].state() == "master", 5 * SLOW)
        assert stage["p2"].status()["node"] == "proxy2"


@contextlib.contextmanager
def listening(
    stage: Stage, addr: str, port: int = 80, share: bool = True, only: bool = False
) -> Iterator[None]:
    """Another program's, of root as ours: the kernel would let both in."""
    with stage.lab.socket("p1", 6 if ":" in addr else 4) as sock:
        if only:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((addr, port))
        sock.listen(1)
        yield


def test_r16_listen_port_in_use() -> None:
    """Somebody else's port, also one who shares it as our workers do, also where
    one of us listens everywhere: refused, with the place and who it is."""
    with single() as stage:
        me = re.escape(Path("/proc/self/comm").read_text().strip())
        here, there = "10.77.0.1", "fd77::1"
        tries = [(here, False), (here, True), ("0.0.0.0", False), (there, True), ("::", False)]
        for addr, share in tries:
            with listening(stage, addr, share=share):
                said = refused(stage).splitlines()[-1]
                found = re.search(
                    rf"cannot listen on (\S+):80: already in use by {me}, process (\d+), "
                    r"which listens on (\S+):80", said)
                assert found and int(found[2]) == os.getpid(), said
                assert found[3].strip("[]") == addr, said
                checked = stage.lab.run("p1", BINARY, "check", "--host", "-c", stage.config)
                assert "already in use by" in checked.stdout, checked.stdout
        # On the other side of the wildcard.
        everywhere = stage.build()
        for one in everywhere["services"]:
            one["listen"] = ["*:80"]
        stage.configure(everywhere)
        with listening(stage, here):
            assert "already in use by" in refused(stage)


def test_r16_beside_who_listens_everywhere() -> None:
    """A haproxy whose `bind` names no address is no reason to refuse: the kernel
    prefers who names it. Both are told of, and each client is ours."""
    with single() as stage:
        stage.serve()
        said = f", process {os.getpid()}, listens on "

        def check() -> list[str]:
            done = stage.lab.run("p1", BINARY, "check", "--host", "-c", stage.config)
            return [line for line in done.stdout.splitlines() if "process" in line]

        with listening(stage, "0.0.0.0"), listening(stage, "::", only=True):
            assert len([x for x in check() if x.startswith("warning") and said in x]) == 2
            stage.start()
            assert stage["p1"].log().count(said) == 2, stage["p1"].log()
            assert len([x for x in check() if x.startswith("warning") and said in x]) == 2
            for family, addr in ((4, "10.77.0.1"), (6, "fd77::1")):
                for _ in range(20):
                    with stage.lab.connect("c", addr, 80) as sock:
                        assert sock.recv(10), family


def test_r16_who_comes_later() -> None:
    """Nobody can keep another program of root's out; check --host names it."""
    with single() as stage:
        stage.serve()
        stage.start()

        def check() -> str:
            return stage.lab.run("p1", BINARY, "check", "--host", "-c", stage.config).stdout

        assert "in use" not in check(), check()
        with listening(stage, "10.77.0.1"):
            me = Path("/proc/self/comm").read_text().strip()
            said = f"service web: 10.77.0.1:80 is already in use by {me}, process {os.getpid()}"
            assert said in check(), check()
        with listening(stage, "::", only=True):  # it has no client by IPv4
            assert "web: 10.77.0.1:80" not in check(), check()


def test_r16_what_is_new_in_the_file() -> None:
    """A daemon runs, and has none of it yet: check --host says what its restart
    will meet there, and the restart meets it."""
    with single() as stage:
        stage.serve()
        stage.start()
        new = ("10.77.0.1:90", "10.77.0.1:91", "10.77.0.1:92", "*:80")
        config = stage.build()
        config["services"] += [service([at], name=f"s{i}") for i, at in enumerate(new)]
        config["services"][0]["listen"] = ["127.0.0.1:93"]
        stage.configure(config)

        def check() -> str:
            return stage.lab.run("p1", BINARY, "check", "--host", "-c", stage.config).stdout

        with listening(stage, "0.0.0.0", 90, share=False), listening(stage, "10.77.0.1", 91), \
                listening(stage, "0.0.0.0", 92):
            said = check()
            for one in ("error .*s0: cannot listen on 10.77.0.1:90: already in use by ",
                        "error .*s1: cannot listen on 10.77.0.1:91: already in use by ",
                        "warning .*s2: 10.77.0.1:92: .* ours while hapair runs",
                        "ok .*s3: 0.0.0.0:80 is free", "ok .*127.0.0.1:93 is free"):
                assert re.search(one, said), (one, said)
            stage["p1"].stop()
            assert ":90: already in use by" in refused(stage)


def test_r16_our_own_that_is_ending() -> None:
    """A supervisor was killed, and its relay still holds the ports: the next
    start waits for it."""
    with single() as stage:
        stage.serve()
        stage.start()
        relay = stage["p1"].relay()
        os.kill(relay, signal.SIGSTOP)
        os.kill(stage["p1"].pid, signal.SIGKILL)
        timer = threading.Timer(0.5, os.kill, (relay, signal.SIGKILL))
        timer.start()
        stage["p1"].start()
        stage.wait_serving("p1")
        timer.join()
        assert "in use" not in stage["p1"].log()


def test_daemon_and_pid_file() -> None:
    """--daemon returns once it serves; the pid file names what runs."""
    with Stage(pid_file="{run}/hapair.pid", log={"target": "{run}/hapair.log"}) as stage:
        stage.serve()
        stage["p1"].start("--daemon")
        assert stage["p1"].process.wait(10 * SLOW) == 0, stage["p1"].log()
        pid_file = Path(stage.lab.host_dir("p1"), "hapair.pid")
        pid = int(pid_file.read_text())
        assert alive(pid) and pid in stage.lab.pids("p1")
        assert stage["p1"].status()["pid"] == pid
        # The lock is this process's, not that of the one which has gone.
        inode = os.stat(f"{stage.lab.host_dir('p1')}/control.sock.lock").st_ino
        assert re.search(rf" {pid} \S+:{inode} ", Path("/proc/locks").read_text())
        wait_for(lambda: stage["p1"].state() == "master", 5 * SLOW)
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        for fd in "012":
            assert "/dev/null" in os.readlink(f"/proc/{pid}/fd/{fd}")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), 5 * SLOW)
        assert not pid_file.exists()
        assert stage.lab.holders(VIP[4]) == []
        assert "p1" and Path(stage.lab.host_dir("p1"), "hapair.log").read_text()


def test_ready_is_told_to_systemd() -> None:
    with single() as stage:
        stage.serve()
        path = f"{stage.lab.dir}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.settimeout(5 * SLOW)
            os.environ["NOTIFY_SOCKET"] = path
            try:
                stage["p1"].start()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            assert "READY=1" in sock.recv(1000).decode()
            assert stage["p1"].status()["pid"] == stage["p1"].pid


def test_listens_before_it_has_the_address() -> None:
    """A backup is bound to the virtual IP: at the move nothing is refused."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        listening = stage.lab.run("p2", "ss", "-Hltn").stdout
        for family in (4, 6):
            assert VIP[family] in listening, listening


def test_star_listens_on_everything() -> None:
    with Stage(services=[service(["*:80"])]) as stage:
        stage.serve()
        stage.start()
        for addr in ("10.77.0.1", "fd77::1", "10.77.0.2", "fd77::2", *VIP.values()):
            with stage.lab.connect("c", addr, 80) as sock:
                assert sock.recv(1) == b"s", addr


def test_star_on_a_host_without_ipv6() -> None:
    """It listens on 0.0.0.0 and says so; what is IPv6 by name is refused."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    without = ("env", f"LD_PRELOAD={Path(TOOLS).parent / 'preload/no_ipv6.so'}")
    with single(services=[service(["*:80"], servers=[server("s1")])]) as stage:
        stage.serve()
        node = stage["p1"]
        check = stage.lab.run("p1", *without, BINARY, "check", "--host", "-c", node.config)
        assert check.returncode == 0, check.stdout
        assert "web: [::]:80 is left out, this host has no IPv6" in check.stdout, check.stdout
        named = Path(stage.lab.dir, "named.yaml")
        named.write_text(Path(node.config).read_text().replace("*:80", "[::]:80"))
        done = stage.lab.run("p1", *without, BINARY, "run", "-c", str(named))
        assert done.returncode == 1 and "cannot listen on [::]:80" in done.stderr, done.stderr
        node.start(prefix=without)
        stage.wait_serving("p1")
        assert node.tells("service web: not listening on [::]:80, this host has no IPv6")
        with stage.lab.connect("c", "10.77.0.1", 80) as sock:
            assert sock.recv(1) == b"s"


def test_start_without_any_server() -> None:
    """All servers dead at the start: it runs, and says so."""
    with single(services=[scripted_service(timeouts={"queue": "500ms"})]) as stage:
        stage["p1"].start()
        stage.wait_serving("p1")
        assert set(stage["p1"].server_states().values()) == {"down"}
        assert stage["p1"].cli("status").returncode == 1
        begun = time.monotonic()
        try:
            with stage.client() as sock:
                sock.recv(1)
            raise AssertionError("served by nobody")
        except ConnectionError:
            assert 0.4 < time.monotonic() - begun < 0.5 + figure(1000) / 1000
