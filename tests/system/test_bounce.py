"""Goal: a server that restarts, refuses or is gone costs no client more than it
must: R6, R7, R8, R12, R13, N1, N2, N4 and N5 of tests/TRAPS.md."""

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, Iterator

from fronts import ASIDE, UNCHECKED
from stage import CHECK_PORT, PORT, SLOW, Stage, address, families, figure, limit, single, wait_for
from test_traps_connecting import connect_some, failures, ports, reject
from traps import Relay, echo_once, in_thread, is_quiet, is_reset, read_to_end, relay, server_at

# At the server's own port, as fast and as patient as by default.
DEFAULT_CHECK = {"interval": "2s", "timeout": "1s", "rise": 2, "fall": 3}


class Server:
    """One that greets with its name, and that can go and come back."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name = stage, name
        self.listener: socket.socket | None = None
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        self.listener = self.stage.lab.listen(self.name, PORT)
        thread = threading.Thread(target=self._serve, args=[self.listener], daemon=True)
        thread.start()

    def _serve(self, listener: socket.socket) -> None:
        listener.settimeout(0.05)
        while self.listener is listener:
            with contextlib.suppress(OSError):
                sock = listener.accept()[0]
                sock.settimeout(None)
                sock.sendall(self.name.encode())
                sock.close()
        listener.close()

    def stop(self) -> None:
        """Refuses from now on. Its socket stays: closing it would reset whoever is in
        its backlog, which is nobody's fault."""
        if self.listener is not None:
            reject(self.stage, self.name, f"tcp dport {PORT} tcp flags syn reject with tcp reset")

    def resume(self) -> None:
        done = self.stage.lab.run(self.name, "nft", "delete table inet lab")
        assert done.returncode == 0, done.stderr


def ask(stage: Stage, family: int, timeout: float = 8) -> tuple[str, float]:
    """Who answered, or how it ended, and after how long."""
    begun = time.monotonic()
    try:
        with stage.client(family, timeout) as sock:
            got, how = read_to_end(sock)
    except TimeoutError:
        how, got = "timeout", b""
    except ConnectionResetError:
        how, got = "reset", b""
    return got.decode() or how, time.monotonic() - begun


def ask_often(stage: Stage, family: int, rate: int, seconds: float) -> list[tuple[str, float]]:
    """Clients that come at this rate, whatever becomes of those before."""
    answers: list[tuple[str, float]] = []
    threads = []
    begun = time.monotonic()
    for i in range(int(rate * seconds)):
        wait = begun + i / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        thread = threading.Thread(
            target=lambda: answers.append(ask(stage, family, 15 * SLOW)), daemon=True
        )
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return answers


@contextlib.contextmanager
def servers(
    family: int, *names: str, running: tuple[str, ...] | None = None, **service: Any
) -> Iterator[tuple[Stage, dict[str, Server]]]:
    """A relay before servers that are up, and known to be."""
    service.setdefault("servers", [server_at(n, family) for n in names])
    service.setdefault("check", DEFAULT_CHECK)
    with single(services=[{"name": "web", **service}]) as stage:
        found = {n: Server(stage, n) for n in names}
        for name in names if running is None else running:
            found[name].start()
        stage.start()
        yield stage, found
        for one in found.values():
            one.listener = None


@families
@limit(60)
def test_r06_a_restart_costs_nobody(family: int) -> None:
    """One server of one, 100 clients a second, its process is away for 30 ms,
    then for 200 ms, then until it is known to be down: all are served."""
    with servers(family, "s1") as (stage, found):
        for away in (0.03, 0.2, 2.0):
            clients = in_thread(ask_often, stage, family, 100, 1.0 + away)
            time.sleep(0.3)
            found["s1"].stop()
            time.sleep(away)
            found["s1"].resume()
            answers = clients()
            assert {who for who, _ in answers} == {"s1"}, (away, answers)
            slowest = max(ms for _, ms in answers)
            assert slowest < away + 4 * SLOW, (away, slowest)
        endings = Relay(stage, family, {}).endings()
        assert set(endings) == {"closed in order"}, endings


@families
def test_r06_with_nobody_up_clients_wait(family: int) -> None:
    """Up to timeouts.queue, and are counted meanwhile; who leaves is forgotten."""
    check = {"interval": "100ms", "timeout": "1s", "rise": 1, "fall": 1}
    timeouts = {"queue": "700ms"}
    with servers(family, "s1", running=(), check=check, timeouts=timeouts) as (stage, found):
        r = Relay(stage, family, {})
        wait_for(lambda: stage["p1"].server_states() == {"s1": "down"})
        begun = time.monotonic()
        a, b = r.client(), r.client()
        wait_for(lambda: r.gauges() == (2, 2))
        b.close()
        wait_for(lambda: r.gauges() == (1, 1))
        assert is_reset(a)
        assert 0.6 < time.monotonic() - begun < 2 * SLOW
        a.close()
        r.ended(no_server=1, left_queue=1)
        c = r.client()
        found["s1"].start()
        assert read_to_end(c) == (b"s1", "end")
        c.close()


@families
def test_n01_one_refused_client_holds_up_nobody(family: int) -> None:
    """s1 refuses one client while s2 is full, and is back at once: the next are
    served by s1, and so is the first."""
    more = {"check": ASIDE, "servers": [server_at("s1", family), server_at("s2", family, max_connections=1)]}
    with relay(family, "s1", "s2", service=more) as r:
        first, kept = r.client(), r.accept("s1")
        full, held = r.client(), r.accept("s2")
        r.work["s1"].close()
        stuck = r.client()
        wait_for(lambda: r.gauges()[1] == 1)
        r.work["s1"] = r.stage.lab.listen("s1", PORT)
        for _ in range(3):
            a = r.client()
            b = r.accept("s1", 0.7)
            echo_once(a, b)
            a.close()
            b.close()
        with r.accept("s1", 2) as b:
            echo_once(stuck, b)
        for sock in (stuck, first, kept, full, held, r.work["s1"]):
            sock.close()


@families
def test_n02_who_waits_is_not_poured_into_a_dead_server(family: int) -> None:
    """Each of four has tried s1, which refuses; s2 has one place. When it is free
    one gets it and the others wait on."""
    more = {"check": UNCHECKED, "timeouts": {"queue": "6s"}, "retries": 1,
            "servers": [server_at("s1", family), server_at("s2", family, max_connections=1)]}
    with relay(family, "s1", "s2", service=more) as r:
        r.work["s1"].close()
        first, held = r.client(), r.accept("s2")
        waiting = []
        for i in range(4):
            waiting.append(r.client())
            wait_for(lambda: r.gauges()[1] == i + 1)
        first.close()
        held.close()
        for i in range(4):
            held = r.accept("s2")
            echo_once(waiting[0], held)
            assert all(is_quiet(sock, 0.1) for sock in waiting[1:])
            waiting.pop(0).close()
            held.close()
        r.ended(in_order=5)


@families
@limit(60)
def test_r07_the_backup_is_asked_at_once(family: int) -> None:
    """By whom all others have refused: before the checks know, where they ask at
    another port and never will (N4), and where there are none."""
    both = [server_at("s1", family), server_at("s2", family, backup=True)]
    for check in (DEFAULT_CHECK, ASIDE, UNCHECKED):
        with servers(family, "s1", "s2", check=check, servers=both) as (stage, found), \
                contextlib.ExitStack() as stack:
            for name in found:
                stack.enter_context(stage.lab.listen(name, CHECK_PORT))
            wait_for(lambda: set(stage["p1"].server_states().values()) == {"up"})
            assert ask(stage, family)[0] == "s1"
            found["s1"].stop()
            for _ in range(5):
                who, seconds = ask(stage, family)
                assert who == "s2" and seconds < 0.5 * SLOW, (check, who, seconds)


@families
@limit(60)
def test_r12_out_of_ports_towards_one_server(family: int) -> None:
    """10 ports with `source`: the eleventh connection to s1 would lack one, and goes
    to s2. Only where both are used up clients are reset, and neither is to blame."""
    source = {"source": address("p1", family), "balance": "source", "check": UNCHECKED}
    with relay(family, "s1", "s2", service=source, prepare=ports(40000, 40009)) as r:
        clients = connect_some(r, 24)
        wait_for(lambda: r.service()["connections"]["total"] == 24)
        r.ended(resources=4)
        served = [r.accept(name) for name in ("s1", "s2") for _ in range(10)]
        assert r.gauges() == (20, 0) and failures(r) == {}
        for sock in served + clients:
            sock.close()


def without_ipv6(stage: Stage) -> None:
    """Of what is configured on the node's interfaces, only IPv4 is left."""
    off = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
    stage.lab.inside("p1", lambda: off.write_text("1"))


def test_r05_a_server_that_cannot_be_asked_holds_up_nobody() -> None:
    """The host has no IPv6, and one service of two has a v6 server: the other one is
    served at once, and `status` says what is the matter."""
    check = {"interval": "200ms", "timeout": "1s", "rise": 1, "fall": 2}
    listen = [f"{address('p1')}:{PORT}"]
    four = {"name": "four", "listen": listen, "servers": [server_at("s1", 4)], "check": check}
    six = {"name": "six", "listen": [f"{address('p1')}:{CHECK_PORT}"],
           "servers": [server_at("s2", 6)], "check": check}
    with single(services=[four, six]) as stage:
        server = Server(stage, "s1")
        server.start()
        without_ipv6(stage)
        stage["p1"].start()
        wait_for(lambda: stage["p1"].server_states() == {"s1": "up"}, 5 * SLOW)
        assert ask(stage, 4)[0] == "s1"

        def of_six() -> dict[str, Any]:
            return dict(stage["p1"].services()[1]["servers"][0])

        wait_for(lambda: of_six()["state"] == "down", 5 * SLOW)
        assert "Network is unreachable" in str(of_six()), of_six()
        server.listener = None


@limit(60)
def test_r25_a_relay_killed_often_moves_nothing() -> None:
    """Ten kills in ten seconds: the addresses stay, each client is served, and no
    kill costs more than another."""
    if SLOW > 1:
        return  # such a relay takes longer to start than failover waits for it
    with Stage() as stage:
        stage.serve()
        stage.start()
        gaps = []
        for _ in range(10):
            pid = stage["p1"].relay()
            os.kill(pid, signal.SIGKILL)
            begun = time.monotonic()
            assert stage.ask()
            gaps.append(round(1000 * (time.monotonic() - begun)))
            time.sleep(0.9)
        assert max(gaps) < figure(250), gaps
        assert stage["p1"].state() == "master"
        assert stage["p1"].log().count("master ->") == 0, stage["p1"].log()


@families
def test_r22_one_client_takes_not_all(family: int) -> None:
    """Three connections a client: the fourth is reset, counted and logged, at no
    cost of a server; another client is served; a place that is free is free."""
    with relay(family, service={"max_connections_per_client": 3}) as r:
        held = [(r.client(), r.accept()) for _ in range(3)]
        for i in range(3):
            with contextlib.suppress(ConnectionResetError):
                with r.client() as sock:
                    assert is_reset(sock)
            wait_for(lambda: r.service()["connections"]["too_many"] == i + 1)
        said = f"client {address('c', family)} has too many connections"
        assert r.node.tells(said)
        with r.stage.lab.connect("s3", address("p1", family), PORT) as sock:
            with r.accept() as b:
                echo_once(sock, b)
        for a, b in held[:1]:
            a.close()
            b.close()
        wait_for(lambda: r.gauges()[0] == 2)
        a, b = r.client(), r.accept()
        echo_once(a, b)
        for sock in (a, b, *held[1], *held[2]):
            sock.close()


@families
@limit(60)
def test_n05_a_silent_server_that_nobody_checks(family: int) -> None:
    """`check: none`, and one of two hosts swallows SYNs: the first clients wait for
    timeouts.connect, then one in a while does, and it is back when it is back."""
    more = {"check": {"type": "none", "interval": "1s"}, "timeouts": {"connect": "500ms"}}
    with servers(family, "s1", "s2", **more) as (stage, _):
        stage.lab.drop("s1", "to", f"tcp dport {PORT}")
        answers = [ask(stage, family) for _ in range(40)]
        assert {who for who, _ in answers} == {"s2"}
        slow = sum(seconds > 0.4 for _, seconds in answers)
        assert slow <= 4, answers
        assert stage["p1"].server_states() == {"s1": "down", "s2": "up"}
        stage.lab.undrop()

        def back() -> bool:
            """a client that tries it finds it"""
            ask(stage, family)
            return stage["p1"].server_states()["s1"] == "up"

        wait_for(back, 5 * SLOW)


@families
def test_n03_who_ends_at_once_is_greeted(family: int) -> None:
    """`nc -N`, as monitors do it: connect, end, read to the end. Always the same."""
    with servers(family, "s1") as (stage, _):
        for _ in range(100):
            with stage.client(family) as sock:
                sock.shutdown(socket.SHUT_WR)
                assert read_to_end(sock) == (b"s1", "end")
