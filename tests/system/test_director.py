"""Goal: one node's director, with a driver in place of the rest, passes real
connections on: what a service promises holds, what was made outlives the director,
and the host hears nothing of it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import subprocess
import threading
import time
from typing import Any, Callable, Iterator

from lab import VIP, VIP2, Lab, address, endpoint, second_address, wait_for
from stage import TOOLS, LeftOut, families, read_exactly

SERVICE_PORT, SERVER_PORT = 8000, 80
NOBODY = 65534
PREFIX = {4: 24, 6: 64}


class Director:
    """director_driver on p1, with one service."""

    def __init__(self, lab: Lab, family: int, pins: str, servers: list[str], **keys: str) -> None:
        self.lab, self.family = lab, family
        self.log = f"{lab.dir}/driver.log"
        self.config = f"{lab.dir}/driver.yaml"
        self.pins, self.servers, self.keys = pins, servers, keys
        self.name, self.path, self.drain = "s", "kernel", "0s"
        self.slots = 4096
        self.write()

    def write(self) -> None:
        addresses = [f'"{v[self.family]}/{PREFIX[self.family]}"' for v in (VIP,)]
        if "source" in self.keys:
            addresses.append(f'{{address: "{VIP2[self.family]}/{PREFIX[self.family]}", interface: eth1}}')
        service = "".join(f"    {k}: {v}\n" for k, v in self.keys.items())
        text = f"""
pair:
  nodes: [{{name: a, address: 10.77.0.1}}, {{name: b, address: 10.77.0.2}}]
  key_file: /etc/hapair/pair.key
  groups: [{{name: main, interface: eth0, addresses: [{", ".join(addresses)}]}}]
services:
  - name: {self.name}
    path: {self.path}
    listen: "{endpoint(VIP[self.family], SERVICE_PORT)}"
    servers: {self.servers!r}
{service}
kernel: {{slots: {self.slots}, pins: {self.pins}}}
drain_timeout: {self.drain}
"""
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def start(self) -> None:
        own = [("eth0", VIP)] + [("eth1", VIP2)] * ("source" in self.keys)
        for interface, vip in own:
            extra = ["nodad"] if self.family == 6 else []
            bits = 32 if self.family == 4 else 128
            done = self.lab.run(
                "p1", "ip", "addr", "add", f"{vip[self.family]}/{bits}", "dev", interface, *extra)
            assert done.returncode == 0, done.stderr
        self.process = self.lab.spawn(
            "p1", [f"{TOOLS}/director_driver", self.config, "0"],
            log=self.log, stdin=subprocess.PIPE)
        self.wait("ready")
        if "the kernel" in self.text() and "relayed" in self.text():
            raise LeftOut("the kernel lets us load no program")
        self.say("claim 5", "servers")
        self.wait("service 0")

    def text(self) -> str:
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self, what: str, times: int = 1) -> str:
        return wait_for(lambda: (t := self.text()).count(what) >= times and t)

    def say(self, *lines: str) -> None:
        assert self.process.stdin
        self.process.stdin.write("".join(f"{x}\n" for x in lines).encode())
        self.process.stdin.flush()

    def again(self, how: str) -> None:
        """Another process takes over: after kill -9, or in good order."""
        n = self.text().count("ready")
        self.say(how)
        self.wait("ready", n + 1)
        self.say("claim 5", "servers")

    def figures(self) -> dict[str, int]:
        last = re.findall(r"^service 0 (.*)$", self.text(), re.M)[-1].split()
        return dict(zip(last[::2], map(int, last[1::2])))

    def wait_figures(self, want: Callable[[dict[str, int]], bool]) -> None:
        try:
            wait_for(lambda: want(self.figures()))
        except Exception as e:
            raise AssertionError(f"{self.figures()}\n{self.text()}") from e

    def listed(self) -> list[dict[str, int]]:
        n = self.text().count("listed")
        before = len(self.text())
        self.say("list")
        self.wait("listed", n + 1)
        lines = re.findall(r"^(conn .*)$", self.text()[before:], re.M)
        return [dict(zip(x.split()[::2], map(int, x.split()[1::2]))) for x in lines]

    def ends(self) -> list[str]:
        return re.findall(r"end=(\S+) reason='.*?' path=kernel", self.text())

    def connect(self, **more: Any) -> socket.socket:
        return self.lab.connect("c", VIP[self.family], SERVICE_PORT, **more)


@contextlib.contextmanager
def pins(lab: Lab) -> Iterator[str]:
    place = f"{lab.dir}/bpf"
    os.mkdir(place)
    subprocess.run(["mount", "-t", "bpf", "none", place], check=True)
    try:
        os.mkdir(f"{place}/hapair", 0o700)
        os.chown(f"{place}/hapair", NOBODY, NOBODY)
        yield f"{place}/hapair"
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextlib.contextmanager
def director(
    family: int, *, hosts: tuple[str, ...] = ("s1",), two_armed: bool = False, **keys: str
) -> Iterator[Director]:
    with Lab() as lab, pins(lab) as place:
        where = address
        if two_armed:
            lab.second_network()
            where, keys["source"] = second_address, f'"{VIP2[family]}"'
        d = Director(lab, family, place, [endpoint(where(h, family), SERVER_PORT) for h in hosts], **keys)
        d.start()
        yield d


def exchange(one: socket.socket, other: socket.socket) -> None:
    for there, here in ((one, other), (other, one)):
        there.sendall(b"x")
        assert here.recv(1) == b"x"


def accept(listener: socket.socket) -> socket.socket:
    sock = listener.accept()[0]
    sock.settimeout(10)
    return sock


def is_reset(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) is None
    except ConnectionResetError:
        return True


def entries_begun(d: Director) -> int:
    """In the host's conntrack, towards servers."""
    found = re.search(r"counter packets (\d+)", d.lab.run("p1", "nft", "list table inet t").stdout)
    assert found
    return int(found[1])


@families
def test_passes_bytes_and_ends_on(family: int) -> None:
    """Half closed by either side, closed in order, reset: as without anybody between;
    one- and two-armed. The host's conntrack has no entry of it."""
    for two_armed in (False, True):
        with director(family, two_armed=two_armed) as d, d.lab.listen("s1", SERVER_PORT) as listener:
            # Whatever the host's own stack sends to a server begins an entry, and counts here.
            rules = ("add table inet t; add chain inet t o { type filter hook output priority 0; };"
                     f"add rule inet t o tcp dport {SERVER_PORT} ct state new counter")
            done = d.lab.run("p1", "nft", rules)
            assert done.returncode == 0, done.stderr
            with d.connect() as c, accept(listener) as s:
                peer = (VIP2 if two_armed else VIP)[family]
                assert s.getpeername()[0].endswith(peer), s.getpeername()
                exchange(c, s)
                big = os.urandom(1_000_000)
                sender = threading.Thread(target=lambda: (c.sendall(big), c.shutdown(socket.SHUT_WR)))
                sender.start()
                assert read_exactly(s, len(big)) == big and s.recv(1) == b""
                sender.join()
                s.sendall(b"late")
                assert read_exactly(c, 4) == b"late"
            d.wait_figures(lambda f: f["open"] == 0)
            for end in (0, 1):
                with d.connect() as c, accept(listener) as s:
                    one, other = (c, s) if end == 0 else (s, c)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    one.close()
                    assert is_reset(other)
            # A RST is believed after a second without packets.
            wait_for(lambda: len(d.ends()) == 3)
            assert d.ends() == ["--", "CD", "SD"], d.text()
            took = [int(x) for x in re.findall(r"connect_ms=(-?\d+)", d.text())]
            assert len(took) == 3 and all(0 <= x < 5000 for x in took), took
            assert entries_begun(d) == 0
            d.lab.connect("p1", address("s1", family), SERVER_PORT).close()
            assert entries_begun(d) == 1


@families
def test_tries_the_next_server(family: int) -> None:
    """One that refuses, by RST and by ICMP, and one that is silent: the client waits,
    and hears nothing. When none is left it is refused."""
    with director(family, hosts=("s1", "s2", "s3"), timeouts="{connect: 300ms}", retries="5") as d:
        silent = ("add table inet t", "add chain inet t in { type filter hook input priority 0; }",
                  f"add rule inet t in tcp dport {SERVER_PORT} drop")
        for rule in silent:
            assert d.lab.run("s2", "nft", rule).returncode == 0
        with d.lab.listen("s3", SERVER_PORT) as listener:
            for _ in range(6):
                with d.connect() as c, accept(listener) as s:
                    exchange(c, s)
        d.wait_figures(lambda f: f["open"] == 0 and f["accepted"] == 6)
        assert d.figures()["failed"] >= 2 and d.figures()["refused"] == 0
        assert "accused" in d.text()
        assert d.lab.run("s2", "nft", "flush ruleset").returncode == 0
        with contextlib.suppress(ConnectionRefusedError):
            assert d.connect() is None
        d.wait_figures(lambda f: f["refused"] == 1)


@families
def test_outlives_the_director(family: int) -> None:
    """Killed, and replaced in good order: what is connected goes on meanwhile and
    afterwards, both ways, and its end is heard of. New clients wait a moment."""
    with director(family) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        pairs = []
        for _ in range(20):
            c = d.connect()
            pairs.append((c, accept(listener)))
        for how in ("die", "stop", "die"):
            d.again(how)
            for c, s in pairs:
                exchange(c, s)
            with d.connect() as c, accept(listener) as s:
                exchange(c, s)
        d.wait_figures(lambda f: f["open"] == 20)
        assert d.text().count("20 connections of a process before go on") >= 1, d.text()
        for c, s in pairs:
            c.close()
            assert s.recv(1) == b""
            s.close()
        d.wait_figures(lambda f: f["open"] == 0)
        assert not d.listed()


@families
def test_cuts_and_kills(family: int) -> None:
    """By an operator, by a server that is given up: both ends are reset, also those of
    whom nothing was seen since the director began."""
    with director(family) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            exchange(c, s)
            (conn,) = d.listed()
            assert (conn["phase"], conn["protected"], conn["why"]) == (4, 0, 2), conn
            d.say(f"kill {conn['conn']}")
            assert is_reset(c) and is_reset(s)
            d.wait("killed 1")
            wait_for(lambda: d.ends() == ["KD"])
        with d.connect() as c, accept(listener) as s:
            d.again("die")
            d.wait_figures(lambda f: f["open"] == 1)
            d.say("cut 0 0")
            assert is_reset(c) and is_reset(s)
        wait_for(lambda: len(d.ends()) == 2)
        assert d.ends() == ["KD", "DD"], d.text()


@families
def test_silent_clients_wait_here(family: int) -> None:
    """at_first_byte: the server's accept() sees nobody before there is a byte, and who
    says nothing is reset."""
    keys = {"connect": "at_first_byte", "timeouts": "{first_byte: 1s}"}
    with director(family, **keys) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c:
            listener.settimeout(0.4)
            with contextlib.suppress(TimeoutError):
                raise AssertionError(f"{listener.accept()} was not to be seen")
            listener.settimeout(10)
            c.sendall(b"x")
            with accept(listener) as s:
                assert s.recv(1) == b"x"
                exchange(c, s)
        with d.connect() as c:
            assert is_reset(c)
        wait_for(lambda: len(d.ends()) == 2)
        assert d.ends() == ["--", "cC"], d.text()


@families
def test_who_may_not_is_reset(family: int) -> None:
    """By `deny`, and by the number of its connections."""
    other = "10.77.0.51" if family == 4 else "fd77::51"
    keys = {"deny": f'"{other}"', "max_connections_per_client": "2"}
    with director(family, **keys) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        # Never chosen unless it is bound.
        extra = ["nodad", "preferred_lft", "0"] if family == 6 else []
        d.lab.run("c", "ip", "addr", "add", f"{other}/{PREFIX[family]}", "dev", "eth0", *extra)
        denied = d.lab.socket("c", family)
        with denied, contextlib.suppress(ConnectionRefusedError):
            denied.bind((other, 0))
            denied.connect((VIP[family], SERVICE_PORT))
            raise AssertionError("who is denied was let in")
        with d.connect(), accept(listener), d.connect(), accept(listener):
            with contextlib.suppress(ConnectionRefusedError):
                assert d.connect() is None
        d.wait_figures(lambda f: (f["denied"], f["too_many"], f["open"]) == (1, 1, 0))


def test_packets_find_their_size() -> None:
    """The director's own interface takes less than the ends think: both are offered
    what fits, for what is too large for it would be dropped without a word."""
    with director(4, two_armed=True) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        big = os.urandom(300_000)
        for interface in ("eth0", "eth1"):
            other = "eth1" if interface == "eth0" else "eth0"
            for name, mtu in ((other, 1500), (interface, 1280)):
                assert d.lab.run("p1", "ip", "link", "set", "dev", name, "mtu", str(mtu)).returncode == 0
            d.again("stop")  # it has read them anew
            with d.connect() as c, accept(listener) as s:
                for one, there in ((c, s), (s, c)):
                    # Without the director it would be 1448.
                    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1240
                    sender = threading.Thread(target=one.sendall, args=(big,))
                    sender.start()
                    assert read_exactly(there, len(big)) == big
                    sender.join()


FIN, SYN, RST, ACK = 1, 2, 4, 16


def forged(source: str, port: int, to: str, flags: int = SYN, seq: int = 0) -> bytes:
    """A segment of nobody's, from the IP header on."""
    def words(data: bytes) -> int:
        total = sum(struct.unpack(f">{len(data) // 2}H", data))
        total = (total & 0xFFFF) + (total >> 16)
        return ~(total + (total >> 16)) & 0xFFFF

    ends = socket.inet_aton(source) + socket.inet_aton(to)
    tcp = struct.pack(">HHIIBBHHH", port, SERVICE_PORT, port * 7919 + seq, 0, 0x50, flags, 1000, 0, 0)
    check = words(ends + struct.pack(">HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack(">H", check) + tcp[18:]
    return struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends + tcp


def test_forged_resets_end_nothing() -> None:
    """Who knows a connection's ends, and not its numbers: neither an idle one is lost,
    nor one whose client was silent until then."""
    with director(4, connect="at_first_byte", timeouts="{first_byte: 30s}") as d:
        raw = d.lab.inside("c", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
        with d.lab.listen("s1", SERVER_PORT) as listener, raw, d.connect() as idle, d.connect() as silent:
            idle.sendall(b"x")
            with accept(listener) as s:
                assert s.recv(1) == b"x"
                # A RST is believed after a second without packets.
                for _ in range(30):
                    for c in (idle, silent):
                        raw.sendto(forged(*c.getsockname(), VIP[4], RST), (VIP[4], 0))
                    time.sleep(0.1)
                assert not d.ends(), d.text()
                exchange(idle, s)
            silent.sendall(b"x")
            with accept(listener) as s:
                assert s.recv(1) == b"x"


def test_forged_ends_end_nothing() -> None:
    """A FIN of no valid number does not make a connection half closed, whatever half of
    the numbers it is in: nobody acknowledges it. One of its own end does."""
    with director(4, timeouts="{half_closed: 1s}") as d:
        raw = d.lab.inside("c", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
        with d.lab.listen("s1", SERVER_PORT) as listener, raw, d.connect() as c, accept(listener) as s:
            exchange(c, s)
            for half in (0, 1 << 31):
                raw.sendto(forged(*c.getsockname(), VIP[4], FIN | ACK, half), (VIP[4], 0))
                time.sleep(1.5)
                assert not d.ends(), d.text()
                exchange(c, s)
        with d.lab.listen("s1", SERVER_PORT) as listener, d.connect() as c, accept(listener) as s:
            exchange(c, s)
            c.shutdown(socket.SHUT_WR)
            assert s.recv(1) == b""
            # Besides the end of the other one, which is in order.
            wait_for(lambda: "sD" in d.ends())


def test_floods_go_to_the_relay() -> None:
    """SYNs that nobody completes take half of the slots, and no more: then the
    kernel's listener answers, where the relay's would be. Afterwards all is as before,
    and none of them is left."""
    with director(4, timeouts="{connect: 1s}", retries="0") as d:
        raw = d.lab.inside("c", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
        with d.lab.listen("s1", SERVER_PORT) as listener, raw, d.lab.listen("p1", SERVICE_PORT) as relay:
            for i in range(2500):
                raw.sendto(forged(f"10.77.0.{128 + i % 100}", 1024 + i, VIP[4]), (VIP[4], 0))
            d.wait("valve 1")
            with d.connect(), accept(relay):
                pass
            wait_for(lambda: d.text().rstrip().splitlines() and "valve 0" in d.text().rsplit("valve 1", 1)[1], timeout=20)
            d.wait_figures(lambda f: f["open"] == 0)
            with d.connect() as c, accept(listener) as s:
                exchange(c, s)


def test_follows_interfaces_and_routes() -> None:
    """The servers' interface goes, and comes back as another one: connections go on."""
    with director(4, two_armed=True) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            exchange(c, s)
            lines = (
                ("p1", "ip link del eth1"),
                ("sw", "ip link add name p12 type veth peer name eth1 netns " + d.lab.ns("p1")),
                ("sw", "ip link set dev p12 master br1 up"),
                ("p1", "ip link set dev eth1 up"),
                ("p1", f"ip addr add {second_address('p1')}/24 dev eth1"),
                ("p1", f"ip addr add {VIP2[4]}/32 dev eth1"),
            )
            for host, line in lines:
                done = d.lab.run(host, *line.split())
                assert done.returncode == 0, done.stderr
            # Neighbours know the address by its old interface.
            d.lab.run("s1", "ip", "neigh", "flush", "all")
            d.wait("interface eth1: attached", 2)
            exchange(c, s)


FAR = "10.99.0.1"


@contextlib.contextmanager
def far_director(*near: str) -> Iterator[Director]:
    """With a server that no route leads to, and those of these hosts."""
    with Lab() as lab, pins(lab) as place:
        lab.run("s1", "ip", "addr", "add", f"{FAR}/32", "dev", "lo")
        d = Director(lab, 4, place, [endpoint(h, SERVER_PORT) for h in (FAR, *map(address, near))])
        d.start()
        yield d


def test_servers_out_of_reach_are_the_relays() -> None:
    """Where no server can be reached through the kernel new clients are the relay's at
    once, and its own again as soon as there is a way; routes come and go."""
    with far_director() as d, d.lab.listen("s1", SERVER_PORT) as listener:
        relay_says, kernel_says = "none of its servers can be reached", "servers can be reached again"
        with d.lab.listen("p1", SERVICE_PORT) as relay:
            for n in (1, 2):
                d.wait(relay_says, n)
                with d.connect(), accept(relay):
                    pass
                assert d.lab.run("p1", "ip", "route", "add", FAR, "via", address("s1")).returncode == 0
                d.wait(kernel_says, n)
                with d.connect() as c, accept(listener) as s:
                    exchange(c, s)
                    # What is made stays.
                    if n == 1:
                        assert d.lab.run("p1", "ip", "route", "del", FAR).returncode == 0
                        d.wait(relay_says, 2)
                        exchange(c, s)


def test_servers_out_of_reach_get_nobody() -> None:
    """Others of the service can be reached: they have all clients."""
    with far_director("s1") as d, d.lab.listen("s1", SERVER_PORT) as listener:
        for _ in range(4):
            with d.connect() as c, accept(listener) as s:
                exchange(c, s)
        d.wait_figures(lambda f: f["accepted"] == 4)
        assert d.figures()["failed"] == 0, d.text()
        assert "none of its servers" not in d.text()


def test_interfaces_must_be_ethernet() -> None:
    """A server behind a tunnel, whose packets have no such header: the program is not
    attached there, and the relay has its clients."""
    with far_director() as d, d.lab.listen("p1", SERVICE_PORT) as relay:
        if d.lab.run("p1", "ip", "tuntap", "add", "dev", "tun7", "mode", "tun").returncode:
            raise LeftOut("the kernel has no tun")
        d.lab.run("p1", "ip", "link", "set", "dev", "tun7", "up")
        assert d.lab.run("p1", "ip", "route", "add", FAR, "dev", "tun7").returncode == 0
        d.wait("interface tun7: not attached: it is not Ethernet")
        with d.connect(), accept(relay):
            pass
        assert "bpf" not in d.lab.run("p1", "tc", "filter", "show", "dev", "tun7", "ingress").stdout


def test_stays_attached() -> None:
    """Whoever sets up the interface's queues anew takes the program away for a
    moment, and no more."""
    with director(4) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            done = d.lab.run("p1", "tc", "qdisc", "del", "dev", "eth0", "clsact")
            assert done.returncode == 0, done.stderr
            d.wait("interface eth0: attached", 2)
            exchange(c, s)
            with d.connect(), accept(listener):
                pass


def test_releases_and_claims() -> None:
    """After a release nothing new is made, what there is goes on, and it is this
    node's again with the next claim."""
    with director(4) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            d.say("release")
            d.wait("released")
            exchange(c, s)
            with contextlib.suppress(TimeoutError):
                raise AssertionError(d.connect(timeout=0.3))
            d.say("claim 6")
            exchange(c, s)
            with d.connect(), accept(listener):
                pass


def test_leaves_clients_to_the_relay() -> None:
    """A director that can't load its program does not leave new clients to the one of
    the process before, which nobody hears: the relay has them, at once."""
    with director(4) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            os.unlink(f"{d.pins}/counters")
            os.mkdir(f"{d.pins}/counters")
            d.again("stop")
            d.wait("loading the kernel's program")
            with d.lab.listen("p1", SERVICE_PORT) as relay, d.connect(), accept(relay):
                exchange(c, s)


def test_what_never_begins_takes_nothing() -> None:
    """A director whose tables would have another size is given up before it begins: what
    was kept is there for the next."""
    with director(4) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            exchange(c, s)
            d.slots = 8192
            d.write()
            n = d.text().count("prepared")
            d.say("hold", "stop")
            d.wait("prepared", n + 1)
            d.slots = 4096
            d.write()
            d.again("die")
            assert len(d.listed()) == 1, d.text()
            exchange(c, s)
        # Where it begins, new ones are kept in their place.
        d.slots = 8192
        d.write()
        d.again("stop")
        d.wait("tables that are kept do not fit")
        with d.connect() as c, accept(listener) as s:
            d.again("stop")
            assert len(d.listed()) == 1, d.text()
            exchange(c, s)


def test_files_change() -> None:
    """A service that is called otherwise, and one that the relay has alone: what is
    connected goes on to its end. With the last one nothing is left in the kernel."""
    with director(4) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as c, accept(listener) as s:
            d.name = "other"
            d.write()
            d.again("stop")
            exchange(c, s)
            with d.connect() as c2, accept(listener) as s2:
                exchange(c2, s2)
                d.path = "relay"
                d.write()
                d.again("stop")
                for one, there in ((c, s), (c2, s2)):
                    exchange(one, there)
            with d.lab.listen("p1", SERVICE_PORT) as relay, d.connect(), accept(relay):
                pass
            exchange(c, s)
            d.drain = "1s"
            d.write()
            d.again("stop")
            assert is_reset(c) and is_reset(s)
        d.wait("no connection is left in the kernel")
        wait_for(lambda: not os.listdir(d.pins))
        for interface in ("eth0", "lo"):
            filters = d.lab.run("p1", "tc", "filter", "show", "dev", interface, "ingress").stdout
            assert "director" not in filters, filters
