"""The pair whose kernel path `bench` measures: each connection is told to the other node
before its server hears of it, as in life.

The other node is in the same row of hosts; it has interfaces of the same names, with
nobody behind them, for it never gets the addresses.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import lab as labs
from lab import Lab

VIP, SOURCE = "10.77.1.100", "10.77.2.100"
NODES = {"p1": "10.77.4.1", "p2": "10.77.4.2"}

CONFIG = """\
pair:
  nodes:
    - {{name: p1, address: {p1}, priority: 150}}
    - {{name: p2, address: {p2}, priority: 100}}
  key_file: {dir}/pair.key
  groups:
    - name: main
      interface: to-c
      addresses: [{vip}/24, {{address: {source_ip}/24, interface: to-s1}}]
services:
  - {{name: echo, path: kernel, listen: "{vip}:{port}", source: {source_ip}, servers: ["{server}:{echo}"]}}
  - {{name: source, path: kernel, listen: "{vip}:{port1}", source: {source_ip}, servers: ["{server}:{source}"]}}
  - {{name: sink, path: kernel, listen: "{vip}:{port2}", source: {source_ip}, servers: ["{server}:{sink}"]}}
kernel: {{pins: {run_dir}/bpf/hapair}}
threads: 1
control: {run_dir}/{name}.sock
pid_file: {run_dir}/{name}.pid
"""


def prepare(rig: Lab, key: str) -> None:
    """The second node and its cable to the first."""
    labs._ip("netns", "add", rig.ns("p2"))
    (Path(rig.dir) / "p2").mkdir()
    labs._ip(
        *("link", "add", "name", "cable", "netns", rig.ns("p1")),
        *("type", "veth", "peer", "name", "cable", "netns", rig.ns("p2")),
    )
    for host, address in NODES.items():
        labs._ip("-n", rig.ns(host), batch=[
            f"addr add {address}/24 dev cable", "link set dev cable up", "link set dev lo up",
        ])
    for name in ("to-c", "to-s1"):
        labs._ip("-n", rig.ns("p2"), batch=[
            f"link add name {name} type veth peer name {name}-end",
            f"link set dev {name}-end up", f"link set dev {name} up",
        ])
    rig.bpf_files()
    path = Path(rig.dir) / "pair.key"
    path.touch(mode=0o400)
    path.write_text(key)


def route(rig: Lab) -> None:
    """A host that only forwards: what any hop in this place costs."""
    rig.inside("s3", lambda: labs._sysctls({"net/ipv4/ip_forward": "1"}))
    labs._ip("-n", rig.ns("c"), *"route add 10.77.6.0/24 via 10.77.5.2".split())
    labs._ip("-n", rig.ns("s1"), *"route add 10.77.5.0/24 via 10.77.6.2".split())


def start_peer(rig: Lab, argv: list[str], log: str) -> subprocess.Popen[Any]:
    return rig.spawn("p2", argv, log=log, env=rig.kept_at("peer"))


def works(rig: Lab, name: str) -> bool:
    """The first node has the addresses, and what it has is protected."""
    with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1)
        sock.connect(f"{rig.host_dir('p1')}/{name}.sock")
        sock.sendall(b"status\n")
        text = b""
        while part := sock.recv(1 << 16):
            text += part
        status = json.loads(text)
        kernel = status.get("kernel") or {}
        return (
            [g["state"] for g in status.get("groups", [])] == ["master"]
            and (kernel.get("state"), kernel.get("stream")) == ("works", "linked")
        )
    return False
