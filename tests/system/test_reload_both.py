"""Goal: `hapair reload --both` has both nodes run one file, or neither, and says which:
the peer takes it only where its own file lets it, brings nothing that root would run, and
is told of where it goes silent in between."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Iterator

from gate import Gate
from stage import SLOW, LeftOut, Stage, address, limit, service, wait_for

HOSTS = ("p1", "p2")


def web(config: dict[str, Any]) -> dict[str, Any]:
    return next(s for s in config["services"] if s["name"] == "web")


class Both:
    """Two nodes, each with a file of its own; p1's is what operators change."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.config = stage.build()
        self.files = {"p1": Path(stage.config), "p2": Path(stage.lab.dir, "two", "hapair.yaml")}
        self.files["p2"].parent.mkdir(mode=0o755)
        stage["p2"].config = str(self.files["p2"])
        stage.configure(self.config, stage["p2"].config)

    def hash(self, host: str) -> str:
        return str(self.stage[host].status()["config"]["hash"])

    def reload(self) -> Any:
        """Of p1, by what the file is to be now."""
        self.stage.configure(self.config)
        while True:
            done = self.stage["p1"].cli("reload", "--both")
            # More than five in five seconds are too fast for a peer.
            if "has been given too many files" not in done.stderr:
                return done
            time.sleep(0.2)

    def is_refused(self, status: int, said: str) -> None:
        """Nothing changes: neither what runs, nor the peer's file."""
        before = [self.hash(host) for host in HOSTS]
        text = self.files["p2"].read_text()
        done = self.reload()
        assert done.returncode == status and done.stdout == "", done
        assert said in done.stderr, (said, done)
        assert [self.hash(host) for host in HOSTS] == before
        assert self.files["p2"].read_text() == text
        for left in (".*.hapair", "*.untried"):
            assert not list(self.files["p2"].parent.glob(left))

    def is_refused_alone(self, said: str) -> None:
        """While p2 does not run."""
        before = self.hash("p1")
        done = self.reload()
        assert done.returncode == 1 and said in done.stderr, done
        assert self.hash("p1") == before

    def is_taken(self) -> Any:
        done = self.reload()
        assert done.returncode == 0, done
        assert self.files["p2"].read_text() == self.files["p1"].read_text()
        assert self.hash("p1") == self.hash("p2")
        for host in HOSTS:
            wait_for(lambda: self.stage[host].status()["config"]["peer_matches"], 5 * SLOW)
        return done


@contextlib.contextmanager
def two_files(gate: bool = False, **pair: Any) -> Iterator[tuple[Both, Gate]]:
    with Stage(pair=pair) as stage:
        both = Both(stage)
        stage.serve()
        place = Gate(f"{stage.lab.dir}/gate")
        if gate:
            place.start(stage["p2"])
            stage.wait_serving("p2")
            stage.start("p1")
            stage.wait_any_master()
        else:
            stage.start()
        wait_for(lambda: all("wire: up" in stage[h].log() for h in HOSTS), 5 * SLOW)
        yield both, place


@limit(60)
def test_both_nodes_take_it_or_neither() -> None:
    with two_files(accept_file=True) as (both, _):
        stage = both.stage
        held = [stage.client(f) for f in (4, 6)]
        assert all(sock.recv(100) for sock in held)
        old = both.files["p2"].read_text()
        os.chmod(both.files["p2"], 0o640)
        web(both.config)["retries"] = 1
        done = both.is_taken()
        kept = f"{both.files['p2']}.before"
        assert done.stdout.splitlines() == [
            "service web: retries 3 -> 1", f"proxy2: runs the same, and keeps the file before as {kept}",
        ], done.stdout
        assert Path(kept).read_text() == old
        assert both.files["p2"].stat().st_mode & 0o7777 == 0o640
        assert stage["p1"].state() == "master" and stage["p2"].state() == "backup"
        # Its host was told before anything changed there.
        log = stage["p2"].log()
        told = log.index("[reload] takes a file of the peer: service web: retries 3 -> 1")
        assert told < log.index("reloaded: service web: retries 3 -> 1")
        assert "taking the peer's file" in stage["p2"].cli("events").stdout
        # Once more: there is nothing to do.
        assert both.is_taken().stdout.splitlines() == [
            "nothing has changed here", "proxy2: runs the same, and had this very file",
        ]
        # By what the file says, which p1 alone could run; and by what p2's host is like.
        both.config["pair"]["notify"] = "/bin/true"
        both.is_refused(2, f"proxy2: {both.files['p2']}: a peer cannot bring what the file "
                           "here does not name, put it into both files by hand: notify: /bin/true\n")
        del both.config["pair"]["notify"]
        both.config["services"].append(service(["127.0.0.1:83"], name="more"))
        with stage.lab.listen("p2", 83):
            both.is_refused(1, "cannot listen on 127.0.0.1:83")
        # p2 has taken it, and p1 cannot: p2 goes back.
        with stage.lab.listen("p1", 83):
            both.is_refused(1, "proxy2: had taken the file, and has gone back")
        assert "runs the file before the peer's again" in stage["p2"].log()
        Path(stage.config).write_text("services: {\n")
        done = stage["p1"].cli("reload", "--both")
        assert done.returncode == 2 and done.stderr.startswith(f"{stage.config}:2:1: "), done
        # A file that takes the right away is taken, and then none is.
        both.config["pair"]["accept_file"] = False
        both.is_taken()
        web(both.config)["retries"] = 2
        both.is_refused(1, "proxy2: takes no file from its peer: pair.accept_file is not true")
        for sock in held:
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                assert sock.recv(1) != b"", "a connection has ended"


@limit(60)
def test_a_peer_that_dies_in_between() -> None:
    """Its supervisor, when its file is the new one and its reload has begun: that is
    said, it comes back with the file before, and the same command again mends it."""
    if SLOW != 1:
        raise LeftOut("a sanitizer must be loaded first: not with this build")
    with two_files(gate=True, accept_file=True) as (both, gate):
        stage = both.stage
        node = stage["p2"]
        before = both.hash("p1")
        old = both.files["p2"].read_text()
        web(both.config)["retries"] = 1
        done: list[Any] = []
        asker = threading.Thread(target=lambda: done.append(both.reload()))
        gate.arm("supervisor", "has PREPARED", only=node.pid)
        asker.start()
        wait_for(lambda: gate.reached or not asker.is_alive(), 5 * SLOW)
        assert gate.reached, done
        os.kill(node.pid, signal.SIGKILL)
        assert node.process is not None
        node.process.wait(5 * SLOW)
        asker.join()
        assert both.files["p2"].read_text() == both.files["p1"].read_text() != old
        assert done[0].returncode == 1, done
        assert "proxy2: stopped answering while it took the file, and may run it" in done[0].stderr
        assert both.hash("p1") == before
        # It is away.
        both.is_refused_alone("proxy2: cannot be reached, there is no wire to it; nothing")
        wires = stage["p1"].log().count("wire: up")
        node.start()
        wait_for(lambda: stage["p1"].log().count("wire: up") > wires, 10 * SLOW)
        # That one has never run there: it is put aside, and the pair runs one file.
        assert "this node ended before it ran: the one before it is put back" in node.log()
        wait_for(lambda: stage["p1"].status()["config"]["peer_matches"], 10 * SLOW)
        assert both.files["p2"].read_text() == old and both.hash("p2") == before
        aside = Path(f"{both.files['p2']}.peer")
        assert aside.read_text() == both.files["p1"].read_text()
        both.is_taken()


def test_a_pair_that_talks_by_ipv6_takes_one_file() -> None:
    """What the supervisors say goes over a wire of IPv6 addresses, and a client by IPv6
    stays: taken, and taken back where this node cannot."""
    nodes = [
        {"name": f"proxy{i}", "address": address(f"p{i}", 6), "priority": 200 - 50 * i}
        for i in (1, 2)
    ]
    with two_files(accept_file=True, nodes=nodes) as (both, _):
        stage = both.stage
        with stage.client(6) as held:
            assert held.recv(100)
            web(both.config)["retries"] = 1
            both.is_taken()
            both.config["services"].append(service(["[::1]:83"], name="more"))
            with stage.lab.listen("p1", 83):
                both.is_refused(1, "proxy2: had taken the file, and has gone back")
            held.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                assert held.recv(1) != b"", "the connection has ended"
