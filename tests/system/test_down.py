"""Goal: `on_down: reset` ends both sides of every connection of a server that
was down for `hold`, and no other one; what is down for less loses nothing, and
neither does anything under `on_down: keep`."""

import contextlib
import socket
from typing import Any, Iterator

from stage import CHECK_PORT, PORT, SLOW, families, single, wait_for
from traps import Relay, echo_once, is_quiet, is_reset, service_of

Ends = tuple[socket.socket, socket.socket]


@contextlib.contextmanager
def two_servers(family: int, **more: Any) -> Iterator[tuple[Relay, dict[str, Any]]]:
    """A relay before s1 and s2, and the sockets that their checks connect to."""
    names = ("s1", "s2")
    spec = service_of(family, *names, **more)
    with single(services=[spec], threads=2) as stage, contextlib.ExitStack() as stack:
        work = {n: stack.enter_context(stage.lab.listen(n, PORT)) for n in names}
        checks = {n: stack.enter_context(stage.lab.listen(n, CHECK_PORT)) for n in names}
        stage.start()
        r = Relay(stage, family, work)
        become(r, s1="up", s2="up")
        yield r, checks


def become(r: Relay, **states: str) -> None:
    def so() -> bool:
        """the checks have seen it"""
        return r.node.server_states() == states

    wait_for(so, 10 * SLOW, 0.05)


def one_each(r: Relay) -> dict[str, Ends]:
    """A connection to each server, by its name: clients take turns."""
    pairs = {}
    clients = [r.client() for _ in range(2)]
    for client in clients:
        client.sendall(str(client.getsockname()[1]).encode().ljust(5))
    for name in ("s1", "s2"):
        end = r.accept(name)
        port = int(end.recv(5))
        client = next(c for c in clients if c.getsockname()[1] == port)
        pairs[name] = (client, end)
    return pairs


def is_broken(sock: socket.socket) -> bool:
    def so() -> bool:
        """nothing can be sent any more"""
        try:
            sock.sendall(b"x")
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True

    return bool(wait_for(so, 5 * SLOW, 0.05))


@families
def test_connections_of_a_server_that_is_down_are_reset(family: int) -> None:
    """Both legs, also of one that is half closed; the other server's live on; new
    ones go to the other; and when it returns, it serves again."""
    with two_servers(family, on_down="reset") as (r, checks):
        pairs, half = one_each(r), one_each(r)
        half["s1"][0].shutdown(socket.SHUT_WR)
        assert half["s1"][1].recv(1) == b""
        checks["s1"].close()
        assert is_reset(pairs["s1"][0]) and is_reset(pairs["s1"][1])
        # Who has had a FIN hears of a reset when it sends.
        assert is_reset(half["s1"][0]) and is_broken(half["s1"][1])
        for ends in (pairs["s2"], half["s2"]):
            echo_once(*ends)
        r.ended(server_down=2)
        assert r.node.tells("server s1: [given-up] given up, its connections are reset")
        for _ in range(3):
            echo_once(*r.pair("s2"))
        with r.stage.lab.listen("s1", CHECK_PORT):
            become(r, s1="up", s2="up")
            again = one_each(r)
            for ends in again.values():
                echo_once(*ends)


def test_keep_is_the_default() -> None:
    with two_servers(4) as (r, checks):
        pairs = one_each(r)
        checks["s1"].close()
        become(r, s1="down", s2="up")
        for ends in pairs.values():
            assert is_quiet(ends[0], 0.5)
            echo_once(*ends)


def test_hold_outlasts_a_flap() -> None:
    """Down and up again within `hold`: nothing. Down for all of it: reset."""
    hold = 2 if SLOW == 1 else 4
    with two_servers(6, on_down="reset", hold=f"{hold}s") as (r, checks):
        pairs = one_each(r)
        checks["s1"].close()
        become(r, s1="down", s2="up")
        echo_once(*pairs["s1"])
        with r.stage.lab.listen("s1", CHECK_PORT):
            become(r, s1="up", s2="up")
            assert is_quiet(pairs["s1"][0], hold)
            echo_once(*pairs["s1"])
        become(r, s1="down", s2="up")
        echo_once(*pairs["s1"])
        assert is_reset(pairs["s1"][1])
        echo_once(*pairs["s2"])


def test_who_is_being_connected_goes_elsewhere() -> None:
    """A client whose connect the silent server has not answered yet is not reset:
    nothing was sent to it, so the other one serves it."""
    with two_servers(4, on_down="reset", timeouts={"connect": "60s"}) as (r, checks):
        r.stage.lab.drop("s1", "to", f"tcp dport {PORT}")
        clients = [r.client() for _ in range(2)]
        first = r.accept("s2")
        checks["s1"].close()
        ends = [first, r.accept("s2")]
        for client in clients:
            client.sendall(b"hello")
        for end in ends:
            assert end.recv(5) == b"hello"
        assert r.endings() == {}, r.endings()
