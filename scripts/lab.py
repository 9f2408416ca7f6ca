"""A lab on one machine: two proxy hosts, three servers, a client, one switch.

    p1  p2  s1  s2  s3  c        each a network namespace with one eth0
     \\   \\   |   |   /   /
      ------- sw -------         a bridge in a namespace of its own

All have an IPv4 and an IPv6 address (10.77.0.0/24, fd77::/64); the virtual IPs
of the pair are VIP[4] and VIP[6]. Namespaces are named after the process that
made them, hap<pid>-<host>, so that runs do not meet. Nothing here touches the
machine's own network, and leaving the `with` block (or SIGTERM, SIGINT, exit)
ends every process in the namespaces and removes them. Needs root.

The hosts share the file system, all but one directory: Lab.run_dir is each
host's own, so one configuration file serves both nodes, as it does in life.
From outside it is Lab.host_dir(host).
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Iterable, TypeVar

T = TypeVar("T")

# The last part of each host's address, alike in both families.
HOSTS = {"p1": 1, "p2": 2, "s1": 21, "s2": 22, "s3": 23, "c": 50}
PROXIES = ("p1", "p2")
SERVERS = ("s1", "s2", "s3")
SWITCH = "sw"
VIP = {4: "10.77.0.100", 6: "fd77::100"}
PREFIX = {4: 24, 6: 64}
VIP2 = {4: "10.79.0.100", 6: "fd79::100"}  # on the second network

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def address(host: str, family: int = 4) -> str:
    """The host's own address: 10.77.0.21 or fd77::21 for s1."""
    return f"10.77.0.{HOSTS[host]}" if family == 4 else f"fd77::{HOSTS[host]}"


def cable_address(host: str, family: int = 4) -> str:
    """A proxy host's at the cable: see Lab.cable()."""
    return f"10.78.0.{HOSTS[host]}" if family == 4 else f"fd78::{HOSTS[host]}"


def second_address(host: str, family: int = 4) -> str:
    """A host's on the second network: see Lab.second_network()."""
    return f"10.79.0.{HOSTS[host]}" if family == 4 else f"fd79::{HOSTS[host]}"


def endpoint(addr: str, port: int) -> str:
    """As configurations write it: 10.77.0.21:80, [fd77::21]:80."""
    return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"


def _enter(path: str) -> None:
    """Puts the calling thread into a network namespace."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET) == -1:
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")
    finally:
        os.close(fd)


def _own_mounts() -> None:
    """What this process mounts from now on is seen by it and its children."""
    if (
        _libc.unshare(CLONE_NEWNS) == -1
        or _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == -1
    ):
        raise OSError(ctypes.get_errno(), "cannot have mounts of its own")


def _mount(
    what: str, to: str, flags: int = MS_BIND, kind: bytes | None = None, how: bytes | None = None
) -> None:
    if _libc.mount(what.encode(), to.encode(), kind, flags, how) == -1:
        raise OSError(ctypes.get_errno(), f"cannot mount {what} at {to}")


def _show(own: str, place: str, room: str) -> None:
    """Shows the directory `own` as `place`. The machine may have no such place:
    then the folder that it would be in becomes one of links to all that is there,
    by way of the empty directory `room`."""
    folder = os.path.dirname(place)
    if not os.path.isdir(place):
        _mount(folder, room, MS_BIND | MS_REC)
        _mount("none", folder, 0, b"tmpfs", b"mode=755")
        for name in os.listdir(room):
            os.symlink(f"{room}/{name}", f"{folder}/{name}")
        os.mkdir(place)
    _mount(own, place)


def die_with_parent() -> None:
    """Between fork and exec: the thread that starts a process takes it along."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _ip(*args: str, batch: Iterable[str] | None = None) -> str:
    text = None if batch is None else "".join(f"{line}\n" for line in batch)
    more = () if batch is None else ("-batch", "-")
    done = subprocess.run(
        ["ip", *args, *more], input=text, text=True, capture_output=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


class Lab:
    """The hosts and what can happen to them. Use as a context manager."""

    def __init__(self) -> None:
        self.prefix = f"hap{os.getpid()}"
        self.processes: list[subprocess.Popen[Any]] = []
        self.open = False
        self.dir = ""

    # -- life ------------------------------------------------------------

    def __enter__(self) -> Lab:
        if os.geteuid() != 0:
            raise SystemExit("lab: network namespaces need root")
        sweep()
        atexit.register(self.close)
        self.open = True
        self.dir = tempfile.mkdtemp(prefix=f"{self.prefix}-")
        os.chmod(self.dir, 0o755)
        self.run_dir = f"{self.dir}/run"
        os.mkdir(self.run_dir)
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self) -> None:
        names = [self.ns(h) for h in (SWITCH, *HOSTS)]
        _ip(batch=[f"netns add {n}" for n in names])
        for host in (SWITCH, *HOSTS):
            self.inside(host, lambda: _sysctls(SIMPLE_IPV6))
        self.inside("c", lambda: _sysctls(MANY_PORTS))
        # "name" is spelt out: a bare `br0` is read as `broadcast 0`.
        lines = [
            "link add name br0 type bridge mcast_snooping 0",
            "link set dev br0 up",
        ]
        for host in HOSTS:
            lines += [
                f"link add name {host} type veth"
                f" peer name eth0 netns {self.ns(host)}",
                f"link set dev {host} master br0",
                f"link set dev {host} up",
            ]
        _ip("-n", self.ns(SWITCH), batch=lines)
        for host in HOSTS:
            os.mkdir(self.host_dir(host))
            _ip(
                "-n",
                self.ns(host),
                batch=[
                    "link set dev lo up",
                    "link set dev eth0 up",
                    f"addr add {address(host, 4)}/24 dev eth0",
                    f"addr add {address(host, 6)}/64 dev eth0 nodad",
                ],
            )

    def close(self) -> None:
        """Ends everything in the namespaces and removes them. Idempotent."""
        if not self.open:
            return
        self.open = False
        atexit.unregister(self.close)
        with _signals_held():
            for process in self.processes:
                process.poll()
            for host in (*HOSTS, SWITCH):
                _remove(self.ns(host))
            for process in self.processes:
                process.wait()
            reap()
            for host in PROXIES:
                _libc.umount2(f"{self.host_dir(host)}/bpf".encode(), MNT_DETACH)
            shutil.rmtree(self.dir, ignore_errors=True)

    def ns(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    def host_dir(self, host: str) -> str:
        """What the host's processes see as run_dir."""
        return f"{self.dir}/{host}"

    def kept_at(self, name: str) -> dict[str, str]:
        """The environment of a hapair that keeps its state here, and not on the machine."""
        return {**os.environ, "STATE_DIRECTORY": f"{self.dir}/state-{name}"}

    def bpf_files(self) -> None:
        """A BPF file system for each proxy host, at run_dir/bpf."""
        for host in PROXIES:
            place = f"{self.host_dir(host)}/bpf"
            os.mkdir(place)
            _mount("bpf", place, 0, b"bpf", b"mode=700")

    def cable(self) -> None:
        """A cable of their own between the proxy hosts: eth1 of each."""
        first, second = self.ns("p1"), self.ns("p2")
        _ip("-n", first, "link", "add", "name", "eth1", "type", "veth", "peer", "name", "eth1", "netns", second)
        for host in PROXIES:
            _ip(
                "-n",
                self.ns(host),
                batch=[
                    "link set dev eth1 up",
                    f"addr add {cable_address(host, 4)}/24 dev eth1",
                    f"addr add {cable_address(host, 6)}/64 dev eth1 nodad",
                ],
            )

    def second_network(self) -> None:
        """Another switch, to which all hosts but the client are connected by
        eth1. Its ports are called like those of the first, with a 2 behind."""
        hosts = [h for h in HOSTS if h != "c"]
        lines = ["link add name br1 type bridge mcast_snooping 0", "link set dev br1 up"]
        for host in hosts:
            lines += [
                f"link add name {host}2 type veth peer name eth1 netns {self.ns(host)}",
                f"link set dev {host}2 master br1",
                f"link set dev {host}2 up",
            ]
        _ip("-n", self.ns(SWITCH), batch=lines)
        for host in hosts:
            _ip(
                "-n",
                self.ns(host),
                batch=[
                    "link set dev eth1 up",
                    f"addr add {second_address(host, 4)}/24 dev eth1",
                    f"addr add {second_address(host, 6)}/64 dev eth1 nodad",
                ],
            )

    # -- doing things on a host --------------------------------------------

    def inside(self, host: str, do: Callable[[], T]) -> T:
        """Calls do() with the host's network, in a thread that ends with it.

        A socket made there stays there: the caller may use it afterwards.
        """
        outcome: list[Any] = [None, None]

        def body() -> None:
            try:
                _enter(f"/run/netns/{self.ns(host)}")
                outcome[0] = do()
            except BaseException as e:  # handed to the caller, below
                outcome[1] = e

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    def spawn(
        self,
        host: str,
        argv: list[str],
        log: str | None = None,
        places: dict[str, str] | None = None,
        **more: Any,
    ) -> subprocess.Popen[Any]:
        """Starts a process on the host; it dies with us at the latest. It sees the
        directories `places` where the keys say, whether the machine has that or not.
        """
        path = f"/run/netns/{self.ns(host)}"
        rooms = {place: tempfile.mkdtemp(dir=self.dir) for place in places or {}}

        def prepare() -> None:
            _enter(path)
            if host != SWITCH:
                _own_mounts()
                _mount(self.host_dir(host), self.run_dir, MS_BIND | MS_REC)
            for place, own in (places or {}).items():
                _show(own, place, rooms[place])
            die_with_parent()

        more.setdefault("stdin", subprocess.DEVNULL)
        with contextlib.ExitStack() as stack:
            if log is not None:
                sink = stack.enter_context(open(log, "ab"))
                more.setdefault("stdout", sink)
                more.setdefault("stderr", sink)
            process = subprocess.Popen(argv, preexec_fn=prepare, **more)
        self.processes.append(process)
        return process

    def run(
        self, host: str, *argv: str, timeout: float = 20
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on the host to its end; its status is not judged."""
        process = self.spawn(
            host,
            list(argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        finally:
            self.processes.remove(process)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def socket(
        self, host: str, family: int = 4, kind: int = socket.SOCK_STREAM
    ) -> socket.socket:
        af = socket.AF_INET if family == 4 else socket.AF_INET6
        return self.inside(host, lambda: socket.socket(af, kind))

    def connect(
        self, host: str, addr: str, port: int, timeout: float = 5
    ) -> socket.socket:
        """A TCP connection from the host."""
        sock = self.socket(host, 6 if ":" in addr else 4)
        sock.settimeout(timeout)
        try:
            sock.connect((addr, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def listen(self, host: str, port: int, backlog: int = 1024) -> socket.socket:
        """A listening socket on the host, for both families."""
        sock = self.socket(host, 6)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
        sock.listen(backlog)
        sock.settimeout(10)
        return sock

    def pids(self, host: str) -> list[int]:
        """Every process that runs on the host."""
        return [int(p) for p in _ip("netns", "pids", self.ns(host)).split()]

    def addresses(self, host: str, interface: str = "eth0") -> list[str]:
        """What the host's interface has, without link-local ones."""
        links = json.loads(_ip("-n", self.ns(host), "-j", "addr", "show", interface))
        return [
            info["local"]
            for link in links
            for info in link.get("addr_info", [])
            if info.get("scope") == "global"
        ]

    def mac(self, host: str) -> str:
        """The hardware address of the host's eth0."""
        line = _ip("-n", self.ns(host), "-o", "link", "show", "eth0")
        return line.split("link/ether ")[1].split()[0]

    def holders(self, addr: str) -> list[str]:
        """The proxy hosts that have this address."""
        return [p for p in PROXIES if addr in self.addresses(p)]

    def holders2(self, addr: str) -> list[str]:
        """The same, of the second network."""
        return [p for p in PROXIES if addr in self.addresses(p, "eth1")]

    # -- the network ---------------------------------------------------------

    def power_cut(self, host: str) -> None:
        """The host's port passes nothing, either way; its carrier stays."""
        self._port(host, "disabled")

    def restore(self, host: str) -> None:
        """Ends a power_cut()."""
        self._port(host, "forwarding")

    def pull_cable(self, host: str) -> None:
        """The host loses its carrier."""
        _ip("-n", self.ns(SWITCH), "link", "set", "dev", host, "down")

    def plug_cable(self, host: str) -> None:
        """Ends a pull_cable()."""
        _ip("-n", self.ns(SWITCH), "link", "set", "dev", host, "up")

    def drop(self, host: str, direction: str, what: str = "") -> None:
        """Drops frames "from" or "to" the host in the switch.

        `what` narrows it down, in nftables' words: "udp dport 8401".
        """
        side = {"from": "iifname", "to": "oifname"}[direction]
        self._nft(
            "add table bridge lab",
            "add chain bridge lab pass"
            " { type filter hook forward priority 0; }",
            f"add rule bridge lab pass {side} {host} {what} drop",
        )

    def undrop(self) -> None:
        """Ends every drop()."""
        self._nft("add table bridge lab", "delete table bridge lab")

    def _port(self, host: str, state: str) -> None:
        number = {"disabled": "0", "forwarding": "3"}[state]
        subprocess.run(
            ["bridge", "-n", self.ns(SWITCH), "link", "set"]
            + ["dev", host, "state", number],
            check=True,
        )

    def _nft(self, *lines: str) -> None:
        done = self.run(SWITCH, "nft", "; ".join(lines))
        if done.returncode != 0:
            raise RuntimeError(f"nft: {done.stderr.strip()}")


SIMPLE_IPV6 = {
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
}
MANY_PORTS = {"net/ipv4/ip_local_port_range": "1024 65535"}


def _sysctls(values: dict[str, str]) -> None:
    for name, value in values.items():
        # A container may forbid it; all but the speed is the same without.
        with contextlib.suppress(OSError):
            with open(f"/proc/sys/{name}", "w") as f:
                f.write(value)


def _remove(name: str) -> None:
    """Ends what runs in one of our namespaces, then the namespace."""
    if not os.path.exists(f"/run/netns/{name}"):
        return
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        pids = [int(p) for p in _ip("netns", "pids", name).split()]
        alive = [p for p in pids if p != os.getpid() and _state(p) != "Z"]
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not alive:
            break
        time.sleep(0.005)
    _ip("netns", "del", name)


def _state(pid: int) -> str:
    """One letter, as ps shows it; Z also for what is gone already."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def leftovers() -> list[str]:
    """Lab namespaces there are, ours and others'."""
    with contextlib.suppress(FileNotFoundError):
        names = os.listdir("/run/netns")
        return sorted(n for n in names if re.fullmatch(r"hap\d+-\w+", n))
    return []


def sweep() -> None:
    """Removes the labs of runs that were killed and could not tidy up."""
    for name in leftovers():
        owner = int(name[3:].partition("-")[0])
        if not os.path.exists(f"/proc/{owner}"):
            with contextlib.suppress(RuntimeError):
                _remove(name)


@contextlib.contextmanager
def _signals_held() -> Any:
    """Clean-up is not cut short by a second Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    was = [signal.signal(s, signal.SIG_IGN) for s in held]
    try:
        yield
    finally:
        for s, handler in zip(held, was):
            signal.signal(s, handler)


def adopt_orphans() -> None:
    """Whose parent was killed becomes our child, and no zombie of init's."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def reap() -> None:
    """Buries the children that have ended. Popen objects wait for theirs first."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def exit_on_signals() -> None:
    """SIGTERM and SIGHUP end the program the way Ctrl-C does: tidily."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    # A job in the background begins with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


def wait_for(
    what: Callable[[], T], timeout: float = 5, step: float = 0.01
) -> T:
    """The first true value of what(), or AssertionError after `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {timeout} s: {getattr(what, '__doc__', '') or what}"
            )
        time.sleep(step)
