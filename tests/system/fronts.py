"""Several services on one node, each at a port of its own: one start shows many
configurations. Their servers say who they are (the tool `echo banner`), or are
sockets of the test."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Iterator

from lab import SERVERS
from stage import (
    CHECK_PORT, PORT, SLOW, TOOLS, Stage, address, connects, endpoint, read_exactly, single,
    wait_for,
)
from traps import Relay

FIRST_PORT = 8001
CHECK = {"interval": "100ms", "timeout": f"{100 * SLOW}ms", "rise": 1, "fall": 2}
# Clients alone find out who is there.
UNCHECKED = {"type": "none"}
# Always up: of a server whose port refuses, only a client can know.
ASIDE = {"port": CHECK_PORT, "interval": "200ms", "timeout": "1s", "rise": 1, "fall": 2}

Held = tuple[str, socket.socket]


class Fronts(Relay):
    """The node, by the names of its services."""

    def __init__(self, stage: Stage, family: int, work: dict[str, Any], ports: dict[str, int]):
        super().__init__(stage, family, work)
        self.ports = ports
        self.tools: dict[str, Any] = {}

    def connect(self, name: str, timeout: float = 8) -> socket.socket:
        front = address("p1", self.family)
        sock: socket.socket = self.stage.lab.connect(
            "c", front, self.ports[name], timeout * SLOW
        )
        return sock

    def in_turn(self, name: str, count: int) -> str:
        """Who served so many connections, one after the other: "1231"."""
        said = ""
        for _ in range(count):
            with self.connect(name) as sock:
                said += server_of(sock)
        return said

    def hold(self, name: str, count: int) -> list[Held]:
        """So many connections that stay, each with its server's number."""
        socks = [self.connect(name) for _ in range(count)]
        return [(server_of(sock), sock) for sock in socks]

    def of(self, name: str) -> dict[str, Any]:
        """What the node says of this service."""
        return dict(next(s for s in self.node.services() if s["name"] == name))

    def loads(self, name: str) -> list[int]:
        """The connections that each server has, in the order of the file."""
        return [s["connections"]["active"] for s in self.of(name)["servers"]]

    def queued(self, name: str) -> int:
        return int(self.of(name)["connections"]["queued"])

    def become(self, name: str, **states: str) -> None:
        """Waits until these servers of the service are so."""

        def so() -> bool:
            """the checks have seen it"""
            servers = self.of(name)["servers"]
            return {**states} == {s["name"]: s["state"] for s in servers if s["name"] in states}

        wait_for(so, 10 * SLOW, 0.02)

    def gauges(self) -> tuple[int, int]:
        counts = [s["connections"] for s in self.node.services()]
        return sum(c["active"] for c in counts), sum(c["queued"] for c in counts)

    def states(self) -> list[str]:
        lines = self.stage.lab.run("p1", "ss", "-Htan").stdout.splitlines()
        return [line.split()[0] for line in lines]

    def wait_known(self) -> None:
        def known() -> bool:
            """the first checks of all servers are done"""
            services = self.node.status().get("services") or []
            states = [x["state"] for s in services for x in s["servers"]]
            return bool(states) and "unknown" not in states

        wait_for(known, 10 * SLOW, 0.02)
        # Then it has every listener, too.
        wait_for(lambda: "supervisor: ready" in self.node.log(), 10 * SLOW)


def server_of(sock: socket.socket) -> str:
    """The number of the one that serves: "1" where it says s1."""
    said = read_exactly(sock, 3).decode()
    assert len(said) == 3, "ended before it was served"
    return said[1]


def shares(held: list[Held]) -> dict[str, int]:
    names = [name for name, _ in held]
    return {name: names.count(name) for name in sorted(set(names))}


def close_all(held: list[Held]) -> None:
    for _, sock in held:
        sock.close()


def answer_checks(stage: Stage) -> None:
    """Of all servers, whatever their port does. By one that closes, too: a check
    waits a second for that, with a socket that would count as left."""
    for name in SERVERS:
        stage.lab.spawn(name, [f"{TOOLS}/echo", "banner", str(CHECK_PORT), name])
        wait_for(lambda: connects(stage.lab, name, address(name), CHECK_PORT))


@contextlib.contextmanager
def fronts(
    family: int, specs: dict[str, dict[str, Any]], banners: tuple[str, ...] = (),
    scripted: tuple[str, ...] = (), **more: Any,
) -> Iterator[Fronts]:
    """A node with these services; judges what is left at the end."""
    ports = {name: FIRST_PORT + i for i, name in enumerate(specs)}
    services = []
    for name, spec in specs.items():
        listen = [endpoint(address("p1", family), ports[name])]
        services.append({"name": name, "listen": listen, "check": CHECK, **spec})
    more.setdefault("threads", 2)
    with single(services=services, **more) as stage, contextlib.ExitStack() as stack:
        work = {n: stack.enter_context(stage.lab.listen(n, PORT)) for n in scripted}
        if scripted:
            answer_checks(stage)
        tools = stage.serve("banner", *banners) if banners else {}
        stage.start()
        found = Fronts(stage, family, work, ports)
        found.tools = tools
        found.wait_known()
        found.before = found.sockets()
        yield found
        found.clean()
