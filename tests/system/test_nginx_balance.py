"""Goal: who comes from nginx finds that each word of an upstream block does what
it did: weight, down, backup, max_conns, least_conn, random and hash. Two threads
share one order, as nginx's workers do with `zone`."""

import functools
from typing import Any

from fronts import UNCHECKED, Fronts, close_all, fronts, server_of, shares
from stage import SLOW, address, families, wait_for
from traps import is_quiet, server_at

ALL = ("s1", "s2", "s3")


def servers_of(family: int, *names: str) -> list[dict[str, Any]]:
    return [server_at(name, family) for name in names]


@families
def test_taking_turns(family: int) -> None:
    """One after the other; by weight and well mixed; one of weight 0 is left out;
    two listeners of a service go on in one order."""
    at = functools.partial(server_at, family=family)
    listen = [f"{address('p1')}:7000", f"[{address('p1', 6)}]:7000"]
    specs = {
        "even": {"servers": servers_of(family, *ALL)},
        "mixed": {"servers": [at("s1", weight=5), at("s2"), at("s3")]},
        "double": {"servers": [at("s1"), at("s2", weight=2)]},
        "down": {"servers": [at("s1", weight=0), at("s2"), at("s3")]},
        "two": {"servers": servers_of(family, *ALL), "listen": listen},
    }
    with fronts(family, specs, ALL) as f:
        assert f.in_turn("even", 9) == "123" * 3
        assert f.in_turn("mixed", 14) == "1121311" * 2
        assert f.in_turn("double", 30) == "212" * 10
        assert f.in_turn("down", 10) == "23" * 5
        said = ""
        for i in range(6):
            front = address("p1", (4, 6)[i % 2])
            with f.stage.lab.connect("c", front, 7000) as sock:
                said += server_of(sock)
        assert said == "123" * 2


@families
def test_one_that_refuses_costs_nobody(family: int) -> None:
    """Nobody listens at s1, and no check says so: each client of it goes to one of
    the others, which share them, whatever the balance."""
    words = ("roundrobin", "leastconn", "random", "source")
    servers = servers_of(family, *ALL)
    specs = {w: {"balance": w, "servers": servers, "check": UNCHECKED} for w in words}
    with fronts(family, specs, ("s2", "s3")) as f:
        turns = f.in_turn("roundrobin", 30)
        assert {turns.count("2"), turns.count("3")} == {15}, turns
        held = f.hold("leastconn", 12)
        assert shares(held) == {"2": 6, "3": 6}
        close_all(held)
        assert set(f.in_turn("random", 10)) <= {"2", "3"}
        assert f.in_turn("source", 10) in ("2" * 10, "3" * 10)
        failed = f.of("roundrobin")["servers"][0]["connections"]["failed"]
        assert failed > 0, "it had its turn"


@families
def test_backup(family: int) -> None:
    """None while another is up, all while none is, and none again afterwards; who
    is with the backup stays there. The same with every balance."""
    at = functools.partial(server_at, family=family)
    words = ("roundrobin", "leastconn", "random", "source")
    servers = [at("s1"), at("s2"), at("s3", backup=True)]
    specs = {w: {"balance": w, "servers": servers} for w in words}
    with fronts(family, specs, ALL) as f:
        for word in words:
            assert "3" not in f.in_turn(word, 6)
        for name in ("s1", "s2"):
            f.tools[name].kill()
            f.tools[name].wait()
        for word in words:
            f.become(word, s1="down", s2="down", s3="up")
            assert f.in_turn(word, 6) == "3" * 6
        held = f.hold("roundrobin", 1)
        f.stage.serve("banner", "s2")
        for word in words:
            f.become(word, s1="down", s2="up", s3="up")
            assert f.in_turn(word, 6) == "2" * 6
        assert held[0][0] == "3" and is_quiet(held[0][1], 0.1)
        close_all(held)


@families
def test_backup_where_the_others_are_put_aside(family: int) -> None:
    """Weight 0 in the file is nginx's `down`; drained by an operator is the same."""
    at = functools.partial(server_at, family=family)
    specs = {
        "parked": {"servers": [at("s1", weight=0), at("s2", backup=True)]},
        "drained": {"servers": [at("s1"), at("s2", backup=True)]},
    }
    with fronts(family, specs, ("s1", "s2")) as f:
        assert f.in_turn("parked", 4) == "2" * 4
        assert f.in_turn("drained", 4) == "1" * 4
        for word, server in (("drain", "2"), ("ready", "1")):
            assert f.node.cli("server", "drained/s1", word).returncode == 0
            wait_for(lambda: f.in_turn("drained", 1) == server, 5 * SLOW)
            assert f.in_turn("drained", 4) == server * 4


@families
def test_limits_of_servers(family: int) -> None:
    """max_connections of a server is its own, whatever its weight and the balance;
    0 is none; who finds all places taken waits and loses nothing."""
    at = functools.partial(server_at, family=family)
    one, two = at("s1", max_connections=1), at("s2", max_connections=2)
    specs: dict[str, Any] = {
        "open": {"servers": [at("s1", max_connections=0), at("s2")]},
        "heavy": {"servers": [at("s1", weight=2, max_connections=1), at("s2")]},
        "some": {"servers": [one, at("s2")], "balance": "leastconn"},
    }
    for word in ("roundrobin", "leastconn", "random", "source"):
        specs[word] = {"servers": [one, two], "balance": word}
    with fronts(family, specs, ("s1", "s2")) as f:
        for name, most in (("open", 2), ("heavy", 1), ("some", 1)):
            held = f.hold(name, 4)
            assert shares(held) == {"1": most, "2": 4 - most}, name
            close_all(held)
        for word in ("roundrobin", "leastconn", "random", "source"):
            held = f.hold(word, 3)
            assert shares(held) == {"1": 1, "2": 2}, word
            late = f.connect(word)
            assert is_quiet(late, 0.1)
            server, first = held.pop()
            first.close()
            assert server_of(late) == server, word
            close_all([*held, ("", late)])


@families
def test_the_queue_is_a_queue(family: int) -> None:
    """Who came first goes first; when the only server that would have a place goes
    down, those who wait go to the backup at once."""
    at = functools.partial(server_at, family=family)
    servers = [at("s1", max_connections=1), at("s2", backup=True)]
    with fronts(family, {"web": {"servers": servers}}, ("s1", "s2")) as f:
        serving = f.hold("web", 1)[0][1]
        waiting = []
        for i in range(4):
            waiting.append(f.connect("web"))
            wait_for(lambda: f.queued("web") == i + 1, 5 * SLOW)
        for _ in range(2):
            serving.close()
            serving = waiting.pop(0)
            assert server_of(serving) == "1"
            assert all(is_quiet(sock, 0.05) for sock in waiting)
        f.tools["s1"].kill()
        for sock in waiting:
            assert server_of(sock) == "2"
            sock.close()
        serving.close()
        assert f.queued("web") == 0


@families
def test_the_least_connections(family: int) -> None:
    """Whoever has fewer for its weight is next; who is as free as another takes
    turns with it."""
    at = functools.partial(server_at, family=family)
    specs = {
        "even": {"servers": [at("s1"), at("s2")], "balance": "leastconn"},
        "double": {"servers": [at("s1"), at("s2", weight=2)], "balance": "leastconn"},
    }
    with fronts(family, specs, ("s1", "s2")) as f:
        idle = one_by_one(f, "even", 10)
        assert idle.count("1") == idle.count("2") == 5, idle
        held = f.hold("even", 4)
        assert shares(held) == {"1": 2, "2": 2}
        close_all([h for h in held if h[0] == "2"])
        wait_for(lambda: f.loads("even") == [2, 0], 5 * SLOW)
        # One at a time: it is never as busy as the other.
        assert one_by_one(f, "even", 6) == "2" * 6
        close_all(held)
        held = f.hold("double", 9)
        assert shares(held) == {"1": 3, "2": 6}
        close_all([h for h in held if h[0] == "2"][:4])
        wait_for(lambda: f.loads("double") == [3, 2], 5 * SLOW)
        more = f.hold("double", 4)
        assert shares(more) == {"2": 4}
        close_all(held + more)


def one_by_one(f: Fronts, name: str, count: int) -> str:
    """As in_turn(), and the one before is known to be gone."""
    before, said = f.loads(name), ""
    for _ in range(count):
        said += f.in_turn(name, 1)
        wait_for(lambda: f.loads(name) == before, 5 * SLOW)
    return said


@families
def test_at_random(family: int) -> None:
    """Of two drawn the one with fewer for its weight: two servers get exactly their
    shares, and of three nobody is left out."""
    at = functools.partial(server_at, family=family)
    specs: dict[str, Any] = {
        "even": {"servers": [at("s1"), at("s2")]},
        "double": {"servers": [at("s1"), at("s2", weight=2)]},
        "three": {"servers": servers_of(family, *ALL)},
        "alone": {"servers": [at("s1")]},
    }
    for spec in specs.values():
        spec["balance"] = "random"
    with fronts(family, specs, ALL) as f:
        for name, want in (("even", {"1": 3, "2": 3}), ("double", {"1": 2, "2": 4})):
            held = f.hold(name, 6)
            assert shares(held) == want, name
            close_all(held)
        held = f.hold("three", 30)
        # The better of two of three: never far apart.
        assert min(shares(held).values()) >= 7 and len(shares(held)) == 3, shares(held)
        close_all(held)
        assert f.in_turn("alone", 4) == "1" * 4


@families
def test_by_the_clients_address(family: int) -> None:
    """24 clients are spread over the servers by weight, each on one, from whatever
    port; a server that goes takes only its own clients along, and they come back."""
    at = functools.partial(server_at, family=family)
    servers = [at("s1"), at("s2"), at("s3", weight=2)]
    with fronts(family, {"web": {"servers": servers, "balance": "source"}}, ALL) as f:
        clients = more_addresses(f, 24)
        first = [ask_from(f, client) for client in clients]
        assert [ask_from(f, client) for client in clients] == first
        assert set(first) == {"1", "2", "3"} and first.count("3") >= 8, first
        f.tools["s1"].kill()
        f.become("web", s1="down", s2="up", s3="up")
        for client, was in zip(clients, first):
            now = ask_from(f, client)
            assert now == was if was != "1" else now in "23"
        f.stage.serve("banner", "s1")
        f.become("web", s1="up", s2="up", s3="up")
        assert [ask_from(f, client) for client in clients] == first


def more_addresses(f: Fronts, count: int) -> list[str]:
    """So many of the client's host."""
    prefix, bits = {4: ("10.77.0.", "/24"), 6: ("fd77::", "/64 nodad")}[f.family]
    found = [f"{prefix}{150 + i}" for i in range(count)]
    lines = [f"ip addr add {one}{bits} dev eth0" for one in found]
    done = f.stage.lab.run("c", "sh", "-ec", "\n".join(lines))
    assert done.returncode == 0, done.stderr
    return found


def ask_from(f: Fronts, client: str) -> str:
    sock = f.stage.lab.socket("c", f.family)
    with sock:
        sock.settimeout(5 * SLOW)
        sock.bind((client, 0))
        sock.connect((address("p1", f.family), f.ports["web"]))
        return server_of(sock)
