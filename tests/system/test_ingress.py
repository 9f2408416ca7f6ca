"""Goal: real packets pass through the kernel program, between a client and a server
who have nothing to do with it: what one sends arrives at the other, both ways, with
checksums that only the interface completes and segments that are larger than packets.
And the program loads with the rights that its process will have."""

import contextlib
import os
import socket
import subprocess
import threading
from typing import Any, Iterator

from lab import VIP, Lab, address, endpoint, wait_for
from stage import TOOLS, LeftOut, families, read_exactly

SERVICE_PORT, SERVER_PORT = 8000, 80
SIZE = 5_000_000
PREFIX = {4: 32, 6: 128}
# Of director_bpf.h.
RST_SERVER, FINS_ACKED, SERVER_FIRST = 1 << 17, 3 << 12, 1 << 14


class Director:
    """lone_director on p1."""

    def __init__(self, lab: Lab, family: int, *more: str, servers: tuple[str, ...] = ("s1",)) -> None:
        self.lab, self.family, self.more = lab, family, more
        self.servers = [endpoint(address(s, family), SERVER_PORT) for s in servers]
        self.log = f"{lab.dir}/director.log"

    def start(self) -> None:
        own = f"{VIP[self.family]}/{PREFIX[self.family]}"
        # No duplicate is looked for: the address is usable at once.
        extra = ["nodad"] if self.family == 6 else []
        done = self.lab.run("p1", "ip", "addr", "add", own, "dev", "eth0", *extra)
        assert done.returncode == 0, done.stderr
        self.spawn()

    def spawn(self) -> None:
        self.process = self.lab.spawn(
            "p1",
            [f"{TOOLS}/lone_director", "eth0", endpoint(VIP[self.family], SERVICE_PORT),
             VIP[self.family], *self.more, *self.servers],
            log=self.log,
        )
        wait_for(lambda: "ready" in self.text() or self.process.poll() is not None)
        if self.process.poll() == 77:
            raise LeftOut("the kernel lets us load no program")
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        with contextlib.suppress(FileNotFoundError), open(self.log, encoding="utf-8") as f:
            return f.read()
        return ""

    def said(self, word: str) -> list[list[str]]:
        return [x.split()[1:] for x in self.text().splitlines() if x.startswith(word + " ")]

    def connect(self) -> socket.socket:
        return self.lab.connect("c", VIP[self.family], SERVICE_PORT)


@contextlib.contextmanager
def director(family: int, *more: str, **rest: Any) -> Iterator[Director]:
    with Lab() as lab:
        d = Director(lab, family, *more, **rest)
        d.start()
        yield d


def send_and_end(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def read_all(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


@families
def test_bytes_both_ways(family: int) -> None:
    """Five megabytes each way at once, in whatever pieces; then both ends, and the
    program reports them, with what it counted."""
    up, down = os.urandom(SIZE), os.urandom(SIZE)
    with director(family) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as client, listener.accept()[0] as server:
            server.settimeout(10)
            assert server.getpeername()[0].endswith(VIP[family])
            assert server.getsockname()[1] == SERVER_PORT
            senders = [
                threading.Thread(target=send_and_end, args=(client, up)),
                threading.Thread(target=send_and_end, args=(server, down)),
            ]
            got: list[bytes] = []
            reader = threading.Thread(target=lambda: got.append(read_all(server)))
            for thread in (*senders, reader):
                thread.start()
            assert read_all(client) == down
            for thread in (*senders, reader):
                thread.join()
            assert got == [up]
        (_, flags, from_client, from_server), = wait_for(lambda: d.said("closed"))
        assert int(flags, 16) & FINS_ACKED == FINS_ACKED, flags
        assert (int(from_client), int(from_server)) >= (SIZE, SIZE)
        # A packet that was lost would have been counted twice.
        assert int(from_client) + int(from_server) < 2 * SIZE * 1.1


@families
def test_half_closed_and_reset(family: int) -> None:
    """The server's end does not end the client's; and a reset arrives as one."""
    with director(family) as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as client, listener.accept()[0] as server:
            server.settimeout(10)
            server.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
            client.sendall(b"still here")
            assert read_exactly(server, 10) == b"still here"
            client.close()
            assert server.recv(1) == b""
        (_, flags, _, _), = wait_for(lambda: d.said("closed"))
        assert int(flags, 16) & (FINS_ACKED | SERVER_FIRST) == FINS_ACKED | SERVER_FIRST
        with d.connect() as client, listener.accept()[0] as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            server.close()
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) is None, "an end, where a reset was sent"
        _, (_, flags, _, _) = wait_for(lambda: len(d.said("closed")) == 2 and d.said("closed"))
        assert int(flags, 16) & RST_SERVER


@families
def test_refused_is_tried_elsewhere(family: int) -> None:
    """The client hears nothing of a server that refuses, by RST or by ICMP."""
    reject = "icmpx type port-unreachable"
    with director(family, servers=("s1", "s2", "s3")) as d, d.lab.listen("s3", SERVER_PORT) as listener:
        for rule in ("add table inet t", "add chain inet t in { type filter hook input priority 0; }",
                     f"add rule inet t in tcp dport {SERVER_PORT} reject with {reject}"):
            done = d.lab.run("s2", "nft", rule)
            assert done.returncode == 0, done.stderr
        with d.connect() as client, listener.accept()[0] as server:
            client.sendall(b"x")
            assert server.recv(1) == b"x"
        assert d.said("refused") == [["0"], ["0"]], d.text()


@families
def test_server_is_spared_silent_clients(family: int) -> None:
    """at_first_byte: the client is connected, and the server's accept() sees nobody
    until there is a byte, or an end."""
    with director(family, "--first-byte") as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as client:
            listener.settimeout(1.5)  # longer than it takes to send a SYN-ACK again
            with contextlib.suppress(TimeoutError):
                raise AssertionError(f"{listener.accept()} was not to be seen")
            listener.settimeout(10)
            client.sendall(b"x")
            with listener.accept()[0] as server:
                assert server.recv(1) == b"x"
                server.sendall(b"y")
                assert client.recv(1) == b"y"
        with d.connect():
            pass
        with listener.accept()[0] as server:
            assert server.recv(1) == b""
        wait_for(lambda: len(d.said("closed")) == 2)


@families
def test_mss_is_clamped(family: int) -> None:
    with director(family, "--mss", "1000") as d, d.lab.listen("s1", SERVER_PORT) as listener:
        with d.connect() as client, listener.accept()[0]:
            mss = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            assert mss in range(980, 1001), mss


def test_loads_with_few_rights() -> None:
    """Those of a director that starts."""
    rights = "-all,+bpf,+net_admin,+perfmon"
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
         "--no-new-privs", "--inh-caps", rights, "--ambient-caps", rights,
         "--bounding-set", rights, f"{TOOLS}/ingress_compare", "--packets", "300000"],
        capture_output=True, text=True, timeout=20,
    )
    if done.returncode == 77:
        raise LeftOut("the kernel lets us load no program")
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def bpf_files(lab: Lab) -> Iterator[str]:
    """A file system for what programs leave behind."""
    place = f"{lab.dir}/bpf"
    os.mkdir(place)
    subprocess.run(["mount", "-t", "bpf", "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def exchange(one: socket.socket, other: socket.socket) -> None:
    for there, here in ((one, other), (other, one)):
        there.sendall(b"x")
        assert here.recv(1) == b"x"


def test_outlives_its_maker() -> None:
    """Whoever loads the program can be killed: what is connected stays so, and the
    next one finds it, and hears of its end."""
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Lab())
        first = Director(lab, 4, "--pins", stack.enter_context(bpf_files(lab)))
        listener = stack.enter_context(lab.listen("s1", SERVER_PORT))
        first.start()
        client = stack.enter_context(first.connect())
        server = stack.enter_context(listener.accept()[0])
        exchange(client, server)
        first.process.kill()
        first.process.wait()
        exchange(client, server)
        second = Director(lab, 4, *first.more)
        second.log += "2"
        second.spawn()
        exchange(client, server)
        assert second.said("found") == [["0"]], second.text()
        with second.connect() as other, listener.accept()[0] as its:
            exchange(other, its)
        client.close()
        assert server.recv(1) == b""
        server.close()
        wait_for(lambda: {x[0] for x in second.said("closed")} == {"0", "1"})
