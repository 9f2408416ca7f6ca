"""Goal: who comes from nginx's stream module finds that a connection behaves as it
did, or better: tries of other servers, PROXY headers, half-closed streams, allow
and deny, servers by name, keepalive, and what the log tells of each."""

import contextlib
import re
import socket
import struct
import time
from pathlib import Path
from typing import Any

from fronts import ASIDE, UNCHECKED, Fronts, fronts
from stage import PORT, SLOW, address, endpoint, families, figure, read_exactly, single, wait_for
from traps import echo_once, in_thread, payload, read_to_end, relay, server_at

V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def is_turned_away(f: Fronts, name: str) -> bool:
    """A reset, and not a byte. It may be there before connect() has looked."""
    with contextlib.suppress(ConnectionResetError):
        with f.connect(name) as sock:
            return read_to_end(sock) == (b"", "reset")
    return True


def is_left_alone(f: Fronts, server: str) -> bool:
    """No connection of a client is waiting there."""
    f.work[server].settimeout(0.1)
    try:
        f.work[server].accept()[0].close()
        return False
    except TimeoutError:
        return True


def lines_of(f: Fronts, name: str, count: int) -> list[dict[str, str]]:
    """What the log tells of the service's connections, once there are so many."""

    def found() -> list[str]:
        """all of them are in the log"""
        text = f.node.log().splitlines()
        return [x for x in text if f"service {name}: connection " in x]

    lines = wait_for(lambda: (x := found()) and len(x) >= count and x, 5 * SLOW)
    assert len(lines) == count, lines
    return [dict(re.findall(r"(\w+)=('[^']*'|\S+)", line)) for line in lines]


@families
def test_tries(family: int) -> None:
    """retries: 0 is proxy_next_upstream off; a number is that of the tries after the
    first, and nobody is asked beyond; by default the one that is well is found."""
    at = [server_at(name, family) for name in ("s1", "s2", "s3")]
    specs = {
        "off": {"servers": [at[0], at[2]], "retries": 0},
        "once": {"servers": at, "retries": 1},
        "default": {"servers": at},
    }
    specs = {name: {**spec, "check": UNCHECKED} for name, spec in specs.items()}
    with fronts(family, specs, scripted=("s3",)) as f:
        begun = time.monotonic()
        for name in ("off", "once"):
            assert is_turned_away(f, name)
        assert time.monotonic() - begun < figure(500) / 1000
        assert is_left_alone(f, "s3")
        # Now it is its turn; and where all may be tried, it is the last.
        for name in specs:
            with f.connect(name) as a, f.accept("s3") as b:
                echo_once(a, b)
        assert f.of("off")["endings"]["no server could be reached"] == 1
        refused, served = lines_of(f, "once", 2)
        assert (refused["server"], refused["attempts"], refused["end"]) == ("-", "2", "SC")
        assert (served["server"], served["attempts"], served["end"]) == ("s3", "1", "--")
        (third,) = lines_of(f, "default", 1)
        assert (third["server"], third["attempts"]) == ("s3", "3")


@families
def test_what_the_log_tells(family: int) -> None:
    """Both ends of both sides, the bytes each way, and how long it took."""
    with fronts(family, {"web": {"servers": [server_at("s1", family)], "check": ASIDE}},
                scripted=("s1",)) as f:
        with f.connect("web") as a, f.accept() as b:
            client = endpoint(*a.getsockname()[:2])
            host, port = b.getpeername()[:2]
            source = endpoint(host.removeprefix("::ffff:"), port)
            a.sendall(b"SEE-THIS")
            assert read_exactly(b, 8) == b"SEE-THIS"
            time.sleep(0.2)
            b.sendall(b"ack")
            b.shutdown(socket.SHUT_WR)
            assert read_to_end(a) == (b"ack", "end")
        (line,) = lines_of(f, "web", 1)
        want = {"client": client, "server": "s1", "source": source, "in": "8", "out": "3"}
        want |= {"attempts": "1", "end": "--", "queue_ms": "0", "reason": "'closed in order'"}
        assert want.items() <= line.items(), line
        connect, total = int(line["connect_ms"]), int(line["total_ms"])
        assert 0 <= connect < figure(100) and 200 <= total < figure(2000), line


def header_of(version: str, client: tuple[str, int], front: tuple[str, int]) -> bytes:
    """What a server is told of a client."""
    family = 6 if ":" in client[0] else 4
    if version == "v1":
        words = (f"TCP{family}", client[0], front[0], str(client[1]), str(front[1]))
        return f"PROXY {' '.join(words)}\r\n".encode()
    af = socket.AF_INET6 if family == 6 else socket.AF_INET
    body = socket.inet_pton(af, client[0]) + socket.inet_pton(af, front[0])
    body += struct.pack("!HH", client[1], front[1])
    kind = 0x21 if family == 6 else 0x11
    return V2_SIGNATURE + struct.pack("!BBH", 0x21, kind, len(body)) + body


def proxied(f: Fronts, name: str, version: str, early: bytes) -> None:
    """One connection: its header first and once, then what each says."""
    front = (address("p1", f.family), f.ports[name])
    with f.connect(name) as a:
        a.sendall(early)
        with f.accept("s2") as b:
            header = header_of(version, a.getsockname()[:2], front)
            assert read_exactly(b, len(header)) == header, name
            assert read_exactly(b, len(early)) == early
            b.sendall(b"hello")
            assert read_exactly(a, 5) == b"hello"
            echo_once(a, b)
            a.shutdown(socket.SHUT_WR)
            assert read_to_end(b) == (b"", "end")


@families
def test_proxy_protocol(family: int) -> None:
    """Who connects, in both versions, whatever family the server has: before the
    first byte, also of a server that greets; once, also where the first server
    refused; with its first word where that is awaited."""
    specs: dict[str, Any] = {}
    for version in ("v1", "v2"):
        for other in (4, 6):
            servers = [server_at("s1", other), server_at("s2", other)]
            more = {"proxy_protocol": version, "check": ASIDE}
            specs[f"{version}-{other}"] = {"servers": servers, **more}
    specs["late"] = {**specs["v1-4"], "connect": "at_first_byte"}
    # A listener of both families sees IPv4 as IPv6 and must not say so.
    specs["star"] = {**specs["v2-6"], "listen": "*:7000"}
    with fronts(family, specs, scripted=("s2",)) as f:
        f.ports["star"] = 7000
        for name, spec in specs.items():
            if name == "late":
                continue
            for early in (b"", b"early", payload(40_000)):
                proxied(f, name, spec["proxy_protocol"], early)
        with f.connect("late"):
            assert is_left_alone(f, "s2")
        proxied(f, "late", "v1", b"first")


@families
def test_allow_and_deny(family: int) -> None:
    """The smallest network decides, whichever list it is in; the other family's
    networks are no matter; who may not connect costs no server anything."""
    every = {4: "0.0.0.0/0", 6: "::/0"}
    client = {4: f"{address('c')}/32", 6: f"{address('c', 6)}/128"}[family]
    around = {4: "10.77.0.0/24", 6: "fd77::/64"}[family]
    foreign = {4: "192.0.2.0/24", 6: "2001:db8::/32"}[family]
    lists: dict[str, dict[str, Any]] = {
        "neither": {},
        "allowed": {"allow": client},
        "foreign": {"deny": foreign},
        "other-family": {"deny": every[10 - family]},
        "smaller-in": {"deny": [every[family], around], "allow": client},
        "denied": {"deny": client},
        "nobody": {"deny": list(every.values())},
        "others": {"allow": foreign},
        "only-other-family": {"allow": every[10 - family]},
        "smaller-out": {"allow": [every[family], around], "deny": client},
    }
    servers = [server_at("s1", family)]
    specs = {name: {"servers": servers, **rules} for name, rules in lists.items()}
    with fronts(family, specs, ("s1",)) as f:
        for i, name in enumerate(specs):
            if i < 5:
                assert f.in_turn(name, 1) == "1"
            else:
                assert is_turned_away(f, name), name
        for i, name in enumerate(specs):
            counts = f.of(name)["connections"]
            assert (counts["total"], counts["denied"]) == ((1, 0) if i < 5 else (0, 1)), name
        said = f"service denied: client {address('c', family)} may not connect"
        wait_for(lambda: said in f.node.log())


@families
def test_a_connection_of_many_exchanges(family: int) -> None:
    """The server greets and the client has spoken before; timeouts.connect is none
    of the connection; a server that closes ends it, and more words change nothing."""
    with relay(family, service={"timeouts": {"connect": "300ms"}}) as r:
        a = r.client()
        a.sendall(b"one\ntwo\nthree\n")
        b = r.accept()
        b.sendall(b"220 ready\n")
        assert read_exactly(a, 10) == b"220 ready\n"
        assert read_exactly(b, 14) == b"one\ntwo\nthree\n"
        time.sleep(0.7)
        for i in range(20):
            echo_once(a, b, b"%d" % i)
        b.sendall(b"221 bye\n")
        b.close()
        assert read_to_end(a) == (b"221 bye\n", "end")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            a.sendall(b"more")
        wait_for(lambda: r.gauges() == (0, 0), 5 * SLOW)
        a.close()


@families
def test_ends_without_a_word(family: int) -> None:
    """proxy_half_close on: one ends its side before anything was said, and the other
    talks on for as long as it likes."""
    answer = payload(300_000)
    with relay(family) as r:
        for first in ("client", "server"):
            a, b = r.client(), r.accept()
            # The relay is to know, too: before, a FIN calls it off.
            time.sleep(0.1 * SLOW)
            x, y = (a, b) if first == "client" else (b, a)
            x.shutdown(socket.SHUT_WR)
            assert read_to_end(y) == (b"", "end")
            time.sleep(0.2)
            reading = in_thread(read_to_end, x)
            for i in range(0, len(answer), 100_000):
                y.sendall(answer[i : i + 100_000])
                time.sleep(0.05)
            y.shutdown(socket.SHUT_WR)
            assert reading() == (answer, "end")
            a.close()
            b.close()
        r.ended(in_order=2)


@families
def test_keepalive(family: int) -> None:
    """Both sides' sockets have the timer, and with 0s neither has."""
    specs: dict[str, Any] = {"kept": {}, "bare": {"keepalive": "0s"}}
    for spec in specs.values():
        spec |= {"servers": [server_at("s1", family)], "check": ASIDE}
    with fronts(family, specs, scripted=("s1",)) as f:
        ends: dict[str, tuple[int, int]] = {}
        with contextlib.ExitStack() as stack:
            for name in specs:
                a = stack.enter_context(f.connect(name))
                b = stack.enter_context(f.accept())
                ends[name] = (a.getsockname()[1], b.getpeername()[1])
            wait_for(lambda: timers(f, ends["kept"]) == [True, True], 6 * SLOW, 0.1)
            assert timers(f, ends["bare"]) == [False, False]


def timers(f: Fronts, ends: tuple[int, int]) -> list[bool]:
    """Whether keepalive runs towards the client at the first port, and on the
    connection to the server from the second."""
    lines = f.stage.lab.run("p1", "ss", "-Htno", "state", "established").stdout.splitlines()
    client = [x for x in lines if re.search(rf":{ends[0]}\s+timer:\(keepalive", x)]
    server = [x for x in lines if re.search(rf":{ends[1]}\s.*:{PORT}\s+timer:\(keepalive", x)]
    return [len(client) == 1, len(server) == 1]


@families
def test_servers_by_name(family: int) -> None:
    """A name that is not known keeps nobody from starting or being served, and its
    server is used as soon as it is."""
    servers = [{"name": f"s{i}", "address": f"s{i}.test:{PORT}"} for i in (1, 2)]
    with single(services=[{"name": "web", "servers": servers}], threads=2) as stage:
        hosts = Path(stage.lab.dir, "hosts")
        hosts.write_text(f"{address('s1', family)} s1.test\n")
        script = f'mount --bind {hosts} /etc/hosts && exec "$@"'
        stage.serve("banner", "s1", "s2")
        stage["p1"].start(prefix=("unshare", "-m", "sh", "-c", script, "sh"))

        def first() -> bool:
            """s1 is up"""
            return stage["p1"].server_states().get("s1") == "up"

        def both() -> bool:
            """s2 is up, too"""
            return stage["p1"].server_states() == {"s1": "up", "s2": "up"}

        wait_for(first, 10 * SLOW)
        assert {stage.ask(family) for _ in range(4)} == {"s1"}
        with hosts.open("a") as f:
            f.write(f"{address('s2', family)} s2.test\n")
        wait_for(both, 10 * SLOW, 0.05)
        assert {stage.ask(family) for _ in range(4)} == {"s1", "s2"}
