"""Goal: of two hosts that each run statestored and catalogd one is active, for
both services and on both nodes. When one of its daemons is lost for `hold` the
other host takes over, whoever was connected is reset and finds it; it stays so
over everything that may happen to the nodes; and where the fence fails, nothing
moves and everybody sees why."""

import contextlib
import os
import signal
import socket
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Iterator

import impala
from gate import Gate
from lab import VIP
from stage import (
    SLOW, TOOLS, LeftOut, Stage, address, endpoint, families, limit, single, wait_for,
    write_script,
)

# What the relay's main thread and the supervisor's decide.
THREADS = False

HOLD = 1 if SLOW == 1 else 3
STORE, CATALOG = (impala.CLIENT_PORT[k] for k in ("statestored", "catalogd"))
KINDS = {"store": "statestored", "catalog": "catalogd"}
ROLES = {"store": "statestore_active_status", "catalog": "catalogd_active_status"}


def services(front: Any, family: int = 4, **more: Any) -> list[dict[str, Any]]:
    """statestored and catalogd of s1 and s2, that move together."""
    return [
        {
            "name": name,
            "preset": kind,
            "standby_group": "masters",
            "hold": f"{HOLD}s",
            "listen": [endpoint(front(f), impala.CLIENT_PORT[kind]) for f in (4, 6)],
            "check": {
                "interval": "100ms", "timeout": f"{SLOW}s", "rise": 1, "fall": 2,
            },
            "servers": [
                {"name": f"m{i}", "address": endpoint(address(f"s{i}", family), port)}
                for i in (1, 2)
            ],
            **more,
        }
        for name, kind in KINDS.items()
        for port in (impala.CLIENT_PORT[kind],)
    ]


class Masters:
    """The four daemons, by service and host, and who talks to them."""

    def __init__(self, stage: Stage, family: int = 4) -> None:
        self.stage, self.family = stage, family
        self.daemons: dict[tuple[str, str], impala.Daemon] = {}
        for name in KINDS:
            for host in ("s1", "s2"):
                self.start(name, host)
        for daemon in self.daemons.values():
            wait_for(daemon.is_there, 30)

    def start(self, name: str, host: str) -> None:
        self.daemons[name, host] = impala.Daemon(self.stage.lab, host, KINDS[name])

    def connect(self, name: str) -> socket.socket:
        port = impala.CLIENT_PORT[KINDS[name]]
        sock: socket.socket = self.stage.lab.connect(
            "c", self.stage.front(self.family), port, 10 * SLOW
        )
        return sock

    def ask(self, name: str, sock: socket.socket | None = None) -> str:
        """Who answers."""
        with contextlib.ExitStack() as stack:
            sock = sock or stack.enter_context(self.connect(name))
            impala.send_frame(sock, b"hello")
            return impala.recv_frame(sock).partition(b" ")[0].decode()

    def both(self) -> tuple[str, str]:
        return self.ask("store"), self.ask("catalog")


@contextlib.contextmanager
def cluster(stage: Stage, family: int = 4) -> Iterator[Masters]:
    with stage:
        masters = Masters(stage, family)
        stage.start()
        yield masters


def pair_of(family: int = 4, **more: Any) -> Stage:
    return Stage(services=services(lambda f: VIP[f], family, **more))


def alone(**more: Any) -> Stage:
    return single(services=services(lambda f: address("p1", f), **more))


def standby(node: Any, number: int = 0) -> dict[str, Any]:
    found = node.status().get("services") or [{}, {}]
    return dict(found[number].get("standby") or {})


def active(node: Any) -> list[str]:
    """The active one of each service."""
    return [str(standby(node, i).get("active")) for i in (0, 1)]


def becomes(server: str, *nodes: Any) -> None:
    for node in nodes:

        def so() -> bool:
            """the node says that it is active"""
            return active(node) == [server, server]

        wait_for(so, 20 * SLOW, 0.05)


def stays(server: str, *nodes: Any) -> None:
    """For longer than it would take to move."""
    end = time.monotonic() + HOLD + 0.5 * SLOW
    while time.monotonic() < end:
        for node in nodes:
            assert active(node) == [server, server]
        time.sleep(0.1)


def is_cut(sock: socket.socket) -> bool:
    """The next that comes is a reset."""
    try:
        return sock.recv(1) == b"never"
    except ConnectionResetError:
        return True


@families
@limit(90)
def test_masters_move_together_and_stay(family: int) -> None:
    """One daemon of the active host is lost: both services move, the connections
    of both are reset on both sides, also of the daemon that lives, and subscribers
    register with the other. Nothing goes back when it returns, nor over a takeover,
    a relay's end, the restart of either node and of both; and then the new master
    decides as the old one did."""
    stage = pair_of(family)
    with cluster(stage, family) as masters:
        p1, p2 = stage["p1"], stage["p2"]
        front = endpoint(stage.front(family), STORE)
        sub = impala.Daemon(stage.lab, "s3", "impalad", "--statestore", front)
        wait_for(lambda: sub.is_there() and sub.seen()["statestore"] == "s1", 30)
        open_ones = {name: masters.connect(name) for name in KINDS}
        assert [masters.ask(n, s) for n, s in open_ones.items()] == ["s1", "s1"]
        assert active(p1) == active(p2) == ["m1", "m1"]
        masters.daemons["store", "s1"].kill()
        becomes("m2", p1, p2)
        assert is_cut(open_ones["catalog"])
        lives = masters.daemons["catalog", "s1"]
        wait_for(lambda: lives.seen()["serving"] == 0, 10 * SLOW)
        assert masters.both() == ("s2", "s2")
        wait_for(lambda: sub.seen()["statestore"] == "s2", 20 * SLOW)
        masters.start("store", "s1")
        wait_for(lambda: p1.server_states() == {"m1": "up", "m2": "up"}, 10 * SLOW)
        stays("m2", p1, p2)
        os.kill(p1.relay(), signal.SIGKILL)
        becomes("m2", p1)
        p1.kill_all()
        stage.wait_master("p2")
        assert masters.both() == ("s2", "s2")
        stage.start("p1")
        becomes("m2", p1, p2)
        p1.stop()
        p2.kill_all()
        stage.start()
        becomes("m2", p1, p2)
        assert masters.both() == ("s2", "s2")
        p1.stop()
        stage.wait_master("p2")
        masters.daemons["catalog", "s2"].kill()
        becomes("m1", p2)
        assert standby(p2)["epoch"] == 2
        stage.start("p1")
        becomes("m1", p1)


def test_a_flap_does_nothing() -> None:
    """Down for less than `hold`: nobody is reset and nothing moves. Nor when all say
    that they are active, as Impala's do without its high availability, and meanwhile
    the other one is alone in saying so."""
    with cluster(alone(fence="/bin/false")) as masters:
        node, store = masters.stage["p1"], masters.daemons["store", "s1"]
        sock = masters.connect("store")
        assert masters.ask("store", sock) == "s1"
        for (name, _), daemon in masters.daemons.items():
            daemon.set(**{ROLES[name]: "Active"})

        def said() -> bool:
            """all have said so"""
            return node.log().count("it says that it is active") == 4

        wait_for(said, 10 * SLOW, 0.05)
        for _ in range(3):
            store.set(healthy=False)
            wait_for(lambda: node.server_states()["m1"] == "down", 10 * SLOW, 0.02)
            store.set(healthy=True)
            wait_for(lambda: node.server_states()["m1"] == "up", 10 * SLOW, 0.02)
        stays("m1", node)
        assert masters.ask("store", sock) == "s1"
        assert standby(node)["epoch"] == 0
        assert "fencing" not in node.log()


def script(stage: Stage, name: str, body: str) -> str:
    return write_script(f"{stage.lab.dir}/{name}", body)


def test_a_fence_that_fails_stops_it() -> None:
    """No switch, and status says why and exits with 1; an operator who has mended
    it need not wait for the next try; then fence and promote ran in order."""
    stage = alone()
    with stage:
        told = Path(stage.lab.dir, "told")
        fence = script(stage, "fence", f"echo fence $* >>{told}; echo no route to $2; "
                                       f"exit $(cat {told}.status)")
        promote = script(stage, "promote", f"echo promote $* >>{told}")
        Path(f"{told}.status").write_text("1")
        stage.services = services(
            lambda f: address("p1", f), fence=fence, promote=promote
        )
        stage.configure(stage.build())
        masters = Masters(stage)
        stage.start()
        node = stage["p1"]
        masters.daemons["catalog", "s1"].kill()

        def blocked() -> bool:
            """the switch was stopped"""
            return standby(node).get("phase") == "blocked"

        wait_for(blocked, 20 * SLOW, 0.05)
        assert standby(node)["trouble"] == "its fence failed, nothing was changed"
        done = node.cli("status")
        assert done.returncode == 1, done
        fault = "status 1, its last words: 'no route to m1'"
        said = ("service store: active server stays m1: its fence failed, nothing was changed: "
                + fault)
        assert said in done.stdout and said in node.status()["problems"], done
        assert node.tells("fence store m1 m2: status 1")
        assert told.read_text() == "fence store m1 m2\n"
        done = node.cli("server", "store/m2", "activate")
        said = f"its fence failed, and m1 stays active: {fault}"
        assert done.returncode == 1 and said in done.stderr, done
        assert f"service store: fence of m1 failed, reason: {fault}" in node.cli("events").stdout
        told.write_text("fence store m1 m2\n")
        assert masters.ask("store") == "s1"
        Path(f"{told}.status").write_text("0")
        done = node.cli("server", "store/m2", "activate")
        assert done.stdout == "server m2 of service store: active\n", done
        becomes("m2", node)
        assert masters.both() == ("s2", "s2")

        def all_told() -> bool:
            """promote ran for both"""
            return told.read_text().count("promote") == 2

        wait_for(all_told, 10 * SLOW, 0.05)
        lines = told.read_text().splitlines()
        assert lines[1:3] == ["fence store m1 m2", "fence catalog m1 m2"], lines
        assert sorted(lines[3:]) == ["promote catalog m1 m2", "promote store m1 m2"]
        assert standby(node)["trouble"] is None


def test_a_fence_that_hangs_is_killed() -> None:
    """It stops the switch as one that fails does; meanwhile nothing waits for it."""
    stage = alone()
    with stage:
        fence = script(stage, "fence", "exec sleep 1000")
        stage.services = services(
            lambda f: address("p1", f), fence=fence, fence_timeout=f"{SLOW}s"
        )
        stage.configure(stage.build())
        masters = Masters(stage)
        stage.start()
        node = stage["p1"]
        masters.daemons["store", "s1"].kill()
        wait_for(lambda: standby(node).get("phase") == "fencing", 20 * SLOW, 0.05)
        assert masters.ask("catalog") == "s1"
        refused = node.cli("server", "store/m2", "activate")
        assert refused.returncode == 1 and "its fence has not ended" in refused.stderr
        wait_for(lambda: standby(node).get("phase") == "blocked", 20 * SLOW, 0.05)
        assert node.tells("fence store m1 m2: took too long, killed")
        assert active(node) == ["m1", "m1"]


def test_operators_decide_on_the_master() -> None:
    """activate on the master alone (of the first group, for what listens everywhere),
    of what is fit alone; maintenance of the active one moves at once, drain does
    not. Who is connected by way of the other node is reset as well."""
    stage = Stage(services=services(lambda f: {4: "0.0.0.0", 6: "::"}[f]))
    with cluster(stage) as masters:
        p1, p2 = stage["p1"], stage["p2"]
        sock = masters.connect("store")
        assert masters.ask("store", sock) == "s1"
        aside = stage.lab.connect("c", address("p2"), STORE, 10 * SLOW)
        assert masters.ask("store", aside) == "s1"
        for node, server, said in (
            (p2, "store/m2", "the other node decides, ask there"),
            (p1, "store/m1", "it is active already"),
        ):
            done = node.cli("server", server, "activate")
            assert done.returncode == 1 and said in done.stderr, done
        assert p1.cli("server", "catalog/m2", "activate").returncode == 0
        becomes("m2", p1, p2)
        assert is_cut(sock) and is_cut(aside) and masters.both() == ("s2", "s2")
        masters.daemons["store", "s1"].kill()
        wait_for(lambda: p1.server_states()["m1"] == "down", 10 * SLOW)
        done = p1.cli("server", "store/m1", "activate")
        assert done.returncode == 1 and "it is not fit" in done.stderr, done
        masters.start("store", "s1")
        wait_for(lambda: p1.server_states()["m1"] == "up", 10 * SLOW)
        sock = masters.connect("store")
        assert masters.ask("store", sock) == "s2"
        assert p2.cli("server", "store/m2", "drain").returncode == 0
        wait_for(lambda: p1.status()["services"][0]["state"] == "down", 10 * SLOW)
        stays("m2", p1, p2)
        assert masters.ask("store", sock) == "s2"
        assert p2.cli("server", "store/m2", "maint").returncode == 0
        becomes("m1", p1, p2)
        assert is_cut(sock) and masters.both() == ("s1", "s1")


def test_the_master_of_the_service_decides() -> None:
    """With a group on each node it is the one whose address the service has."""
    groups = [
        {"name": name, "interface": "eth0", "addresses": [addr], "priority": rank}
        for name, addr, rank in (
            ("one", f"{VIP[4]}/24", {"proxy1": 200, "proxy2": 100}),
            ("two", "10.77.0.101/24", {"proxy1": 100, "proxy2": 200}),
        )
    ]
    spec = services(lambda f: {4: "10.77.0.101", 6: "::1"}[f])
    with Stage(services=spec, pair={"groups": groups, "preempt": True}) as stage:
        Masters(stage)
        for node in stage.nodes.values():
            node.start()
        p1, p2 = stage["p1"], stage["p2"]

        def settled() -> bool:
            """each is master of one, and the peer's words are known"""
            return [standby(n).get("decides") for n in (p1, p2)] == [False, True] and [
                [g["state"] for g in n.status()["groups"]] for n in (p1, p2)
            ] == [["master", "backup"], ["backup", "master"]]

        wait_for(settled, 20 * SLOW, 0.1)
        assert p1.cli("server", "store/m2", "activate").returncode == 1
        assert p2.cli("server", "store/m2", "activate").returncode == 0
        becomes("m2", p1, p2)


def test_the_choice_is_of_a_name() -> None:
    """Another order of servers in the file, or of services, moves nothing; and where
    the active one has left the file the first is active."""
    stage = alone()
    with cluster(stage) as masters:
        node = stage["p1"]
        assert node.cli("server", "store/m2", "activate").returncode == 0
        becomes("m2", node)

        def restart() -> None:
            assert node.stop() == 0
            stage.configure(stage.build())
            stage.start()

        for spec in stage.services or []:
            spec["servers"].reverse()
        (stage.services or []).reverse()
        restart()
        becomes("m2", node)
        assert masters.both() == ("s2", "s2")
        for spec in stage.services or []:
            spec["servers"][0]["name"] = "m3"
        restart()
        becomes("m3", node)
        assert node.tells("m2 was active, and is no server any more; m3 is")


def test_failback() -> None:
    with cluster(alone(failback=True)) as masters:
        node = masters.stage["p1"]
        assert node.cli("server", "store/m2", "activate").returncode == 0
        # By then m1 may have been fit for `hold`, and be back at once.
        assert node.tells("m1 -> m2, reason: an operator wants it")
        becomes("m1", node)
        assert node.tells("m2 -> m1, reason: failback, it is fit again")
        assert masters.both() == ("s1", "s1")


def test_who_says_that_it_is_active_is_followed() -> None:
    """Impala's own high availability: no hold and no fence, since the daemons have
    settled it themselves."""
    with cluster(alone(fence="/bin/false")) as masters:
        node = masters.stage["p1"]

        def say(**roles: str) -> None:
            # First who leaves, so that there is never nobody to follow but one.
            for host, role in sorted(roles.items(), key=lambda r: r[1], reverse=True):
                for name in KINDS:
                    masters.daemons[name, host].set(**{ROLES[name]: role})

        say(s1="Standby", s2="Active")
        becomes("m2", node)
        assert masters.both() == ("s2", "s2")
        say(s1="Active", s2="Standby")
        becomes("m1", node)
        assert node.tells("m2 -> m1, reason: it says that it is active")
        assert masters.both() == ("s1", "s1")
        done = node.cli("server", "store/m2", "activate")
        assert done.returncode == 1 and "themselves say" in done.stderr, done


@limit(60)
def test_nodes_agree_after_a_cut() -> None:
    """Cut apart, both are master and both decide; then both say the same, and it is
    the later word that holds. Who was connected to the other is reset."""
    stage = pair_of()
    with cluster(stage) as masters:
        p1, p2 = stage["p1"], stage["p2"]
        for one, other in (("p1", "p2"), ("p2", "p1")):
            stage.lab.drop(one, "from", f"oifname {other}")
        wait_for(lambda: p2.state() == "master", 20 * SLOW)
        masters.daemons["store", "s1"].kill()
        becomes("m2", p2)
        masters.start("store", "s1")
        wait_for(lambda: p2.server_states()["m1"] == "up", 10 * SLOW)
        assert p2.cli("server", "store/m1", "activate").returncode == 0
        becomes("m1", p2)
        assert p2.cli("server", "store/m2", "activate").returncode == 0
        becomes("m2", p2)
        assert standby(p2)["epoch"] == 3
        stage.lab.undrop()
        becomes("m2", p1, p2)
        wait_for(lambda: standby(p1)["epoch"] == 3, 10 * SLOW)
        assert masters.both() == ("s2", "s2")


def test_who_comes_alone_waits_for_its_peer() -> None:
    """A node that knows nothing of its peer yet may know less than it: it decides
    nothing before a wire would have been made."""
    stage = pair_of(hold="0s")
    with stage:
        masters = Masters(stage)
        masters.daemons["store", "s1"].kill()
        # Not from its first line on: on a busy machine that is written late.
        begun = datetime.utcnow()
        stage.start("p1")
        node = stage["p1"]
        becomes("m2", node)
        assert node.tells("active server: m1 -> m2")
        switch = next(x for x in node.log().splitlines() if "active server: m1 -> m2" in x)
        done = datetime.fromisoformat(switch.split()[0].rstrip("Z"))
        assert (done - begun).total_seconds() > 2.5, (begun, done)


@limit(60)
def test_s03_a_relay_that_wants_fences() -> None:
    """A relay that is taken over asks for fences without end: on the backup none runs,
    on the master a few of the active server, and no promote without a change. The log
    says so, and everything else goes on."""
    stage = pair_of()
    with stage:
        told = Path(stage.lab.dir, "told")
        stage.services = services(
            lambda f: VIP[f],
            fence=script(stage, "fence", f"echo fence $* >>{told}"),
            promote=script(stage, "promote", f"echo promote $* >>{told}"),
        )
        stage.configure(stage.build())
        masters = Masters(stage)
        p1, p2 = stage["p1"], stage["p2"]
        os.environ["HAPAIR_LIAR"] = "fences"
        p2.binary = f"{TOOLS}/hapair_liar"
        stage.start()
        pids = p2.roles()
        refused = "the relay wants it, refused: "
        wait_for(lambda: f"{refused}the other node decides" in p2.log(), 10 * SLOW, 0.05)
        assert not told.exists(), told.read_text()
        assert masters.both() == ("s1", "s1")
        assert p1.cli("handover").returncode == 0
        stage.wait_master("p2")
        wait_for(told.exists, 10 * SLOW)
        time.sleep(0.5)
        lines = told.read_text().splitlines()
        assert set(lines) == {"fence store m1 m2"} and len(lines) < 12, lines
        assert p2.roles() == pids
        becomes("m1", p1, p2)
        assert masters.both() == ("s1", "s1")


def fence_until_told(stage: Stage) -> Path:
    """Its fence lasts until there is the file; beside that it writes what it is about."""
    go = Path(stage.lab.dir, "go")
    fence = script(
        stage, "fence", f"echo $* >>{go}.told; until [ -e {go} ]; do sleep 0.1; done"
    )
    stage.services = services(lambda f: address("p1", f), fence=fence, fence_timeout="60s")
    stage.configure(stage.build())
    return go


def test_a_fence_that_begins_during_a_reload() -> None:
    """The next relay would know nothing of it: the reload is refused as long as it runs,
    and it runs but once."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    stage = alone()
    with stage:
        go = fence_until_told(stage)
        masters = Masters(stage)
        gate = Gate(f"{stage.lab.dir}/gate")
        with gate.loaded():
            stage.start()
        node = stage["p1"]
        config = stage.build()
        config["services"][0]["retries"] = 1
        stage.configure(config)
        gate.arm("relay", "sends READY", never=node.relay())
        said: list[str] = []
        reload = threading.Thread(target=lambda: said.append(node.cli("reload").stderr))
        masters.daemons["store", "s1"].kill()
        wait_for(lambda: "up -> down, reason: " in node.log(), 20)
        # It is not patient for as long as the hold is.
        time.sleep(HOLD / 2)
        reload.start()
        wait_for(lambda: gate.reached or not reload.is_alive(), 5)
        wait_for(Path(f"{go}.told").exists, 20, 0.02)
        gate.open()
        reload.join()
        assert "a fence or promote of a standby service is under way" in said[0], said
        go.touch()
        becomes("m2", node)
        assert masters.both() == ("s2", "s2")
        assert Path(f"{go}.told").read_text() == "store m1 m2\ncatalog m1 m2\n"
        wait_for(lambda: node.cli("reload").returncode == 0, 5)


def test_a_relay_that_dies_during_the_fence() -> None:
    """The next one asks for the same, which still runs and is its answer: the fence
    runs once, and then the other server is active."""
    stage = alone()
    with stage:
        go = fence_until_told(stage)
        masters = Masters(stage)
        stage.start()
        node = stage["p1"]
        masters.daemons["store", "s1"].kill()
        begun = "fencing the active server: m1 -> m2"
        wait_for(lambda: begun in node.log(), 20 * SLOW, 0.05)
        os.kill(node.relay(), signal.SIGKILL)
        wait_for(lambda: node.log().count(begun) == 2, 20 * SLOW, 0.05)
        assert Path(f"{go}.told").read_text() == "store m1 m2\n"
        go.touch()
        becomes("m2", node)
        assert masters.both() == ("s2", "s2")
        assert Path(f"{go}.told").read_text() == "store m1 m2\ncatalog m1 m2\n"
