"""A node that tells what a test wants: the page's files as they are in the tree, and
made-up answers to what its scripts ask for. For how the page looks and behaves, with
more services, worse troubles and falser words than a lab has."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import math
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

from stage import ROOT, Lab, address

PORT = 8404
WEB = ROOT / "proxy/web"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
# What a server renders is not this one's business: the sections that scripts look for.
BODY = "<main id='main'>" + "".join(
    f"<section id='{name}'><h2>{name}</h2></section>"
    for name in ("troubles", "pair", "byhand", "services", "servers", "events")) + "</main>"
SAMPLES = 120
NOW = datetime(2026, 11, 23, 3, 12, 45, tzinfo=timezone.utc)


def at(seconds_ago: float) -> str:
    when = NOW - timedelta(seconds=seconds_ago)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def golden(name: str) -> dict[str, Any]:
    """What `status --json` tells of a pair that is like that."""
    status = json.loads((ROOT / f"tests/golden/status/{name}.json").read_text())
    return {"troubles": [], "healthy": True, **status}


def trouble(what: str, text: str, advice: str, seconds_ago: float = 165) -> dict[str, Any]:
    return {"id": what, "text": text, "since": at(seconds_ago), "advice": advice}


def event(seconds_ago: float, node: str, subject: str, what: str, reason: str = "") -> dict[str, Any]:
    kind = subject.split()[0]
    return {"time": at(seconds_ago), "node": node, "subject": subject, "what": what, "reason": reason,
            "kind": {"an": "operator", "daemon": "process"}.get(kind, kind)}


EVENTS = [
    event(41, "proxy1", "server impala-jdbc/impala-02.cluster.example.com", "up -> down", "connect: No route to host"),
    event(42, "proxy1", "server impala-beeswax/impala-02.cluster.example.com", "up -> down", "connect: No route to host"),
    event(4365, "proxy1", "an operator", "server impala-jdbc/impala-03.cluster.example.com weight=40"),
    event(18765, "proxy2", "an operator", "server impala-jdbc/impala-01.cluster.example.com drain", "disk is changed"),
    event(12038, "proxy1", "group main", "backup -> master", "no peer was heard"),
    event(12039, "proxy2", "group main", "init -> backup", "peer was master"),
    event(61945, "proxy1", "daemon", "started"),
]


@functools.lru_cache
def wave(seed: int) -> list[float]:
    """Like a morning."""
    return [0.8 + 0.2 * math.sin((i + 37 * seed) / 11) + 0.1 * math.sin((i * 7 + seed * 13) % 101)
            for i in range(SAMPLES)]


def numbers(seed: int, active: int, n: int) -> dict[str, Any]:
    a, b, c, d = (wave((seed + k) % 17)[-n:] for k in range(4))
    return {"active": [*(round(active * v) for v in a[:-1]), active], "new": [round(active * v / 20, 1) for v in b],
            "in": [int(active * 3e3 * v) for v in c], "out": [int(active * 9e4 * v) for v in d]}


def history(status: dict[str, Any]) -> dict[str, Any]:
    # What Python cannot make as fast as it is asked for: less of it.
    n = SAMPLES if len(status["services"]) < 10 else 20
    told = []
    for i, service in enumerate(status["services"]):
        active = service.get("connections", {}).get("active", 0)
        servers = [{"name": s["name"], **numbers(i * 61 + k, s.get("connections", {}).get("active", 0), n)}
                   for k, s in enumerate(service["servers"])]
        told.append({"name": service["name"], **numbers(i * 61 + 60, active, n), "servers": servers})
    return {"contract": 1, "sample": 500, "sample_s": 5, "samples_max": SAMPLES, "at": at(1), "services": told}


def last_of(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value[-1] if isinstance(value, list) and key != "servers" else value
            for key, value in line.items()}


def many(services: int = 40, servers: int = 60) -> dict[str, Any]:
    """A pair with very much to do, of which a little is not well."""
    status = golden("pair_master")
    plan, machine = status["services"][0], status["services"][0]["servers"][0]
    status["services"] = []
    for i in range(services):
        service = copy.deepcopy(plan)
        service["name"] = f"service-{i:02}"
        service["listen"] = [f"10.0.0.100:{20000 + i}"]
        service["servers"] = []
        for k in range(servers):
            one = copy.deepcopy(machine)
            one["name"] = f"worker-{k:02}.rack-{i:02}.example.com"
            one["address"] = f"{one['name']}:{20000 + i}"
            one["connections"]["active"] = (i * 7 + k * 3) % 41
            service["servers"].append(one)
        service["connections"]["active"] = sum(s["connections"]["active"] for s in service["servers"])
        status["services"].append(service)
    bad = status["services"][-3]
    for one in bad["servers"][10:12]:
        one.update(state="down", active=False)
        one["check"].update(last="failed", detail="connect: Connection refused", since=at(165))
    status["troubles"] = [
        trouble("server_down", f"server {s['name']} of service {bad['name']} is down: connect: Connection refused",
                f"look at {s['address']}: it comes back by itself when its check passes; "
                f"if that is on purpose, `hapair server {bad['name']}/{s['name']} maint`")
        for s in bad["servers"][10:12]]
    status["healthy"] = False
    return status


class FakeNode:
    """tell() what it shall say; `mute` makes it keep silent."""

    def __init__(self, status: dict[str, Any], events: list[dict[str, Any]] | None = None) -> None:
        self.mute = False
        self.code = 200
        self.tell(status, events)

    def tell(self, status: dict[str, Any], events: list[dict[str, Any]] | None = None) -> None:
        past = history(status)
        self.told = {"history.json": json.dumps(past).encode(), "page.json": json.dumps({
            "contract": 1, "sample": past["sample"], "sample_s": 5, "samples_max": SAMPLES, "status": status,
            "rates": [{**last_of(s), "servers": [last_of(v) for v in s["servers"]]} for s in past["services"]],
            "events": EVENTS if events is None else events}).encode()}

    def answer(self, path: str) -> tuple[str, bytes] | None:
        name = path.partition("?")[0].strip("/") or "page.html"
        if name in self.told:
            return "application/json", self.told[name]
        file = WEB / name
        if file.suffix not in TYPES or not file.is_file():
            return None
        text = file.read_text().replace("<!--TITLE-->", "proxy1 - hapair").replace("<!--BODY-->", BODY)
        return TYPES[file.suffix], text.encode()


def handler(node: FakeNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if node.mute:
                self.close_connection = True
                return
            found = node.answer(self.path) if node.code == 200 else ("text/plain", b"")
            kind, body = found or ("text/plain", b"not here\n")
            self.send_response(node.code if found else 404)
            for key, value in (("Content-Type", kind), ("Content-Length", str(len(body))),
                               ("Content-Security-Policy", POLICY), ("Cache-Control", "no-store"),
                               ("X-Content-Type-Options", "nosniff")):
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A browser leaves as it likes."""


@contextlib.contextmanager
def told_by(lab: Lab, node: FakeNode, host: str = "p1") -> Iterator[str]:
    """Serves it on a host; its address for a browser."""
    server = lab.inside(host, lambda: Server((address(host), PORT), handler(node)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{address(host)}:{PORT}/"
    finally:
        server.shutdown()
        server.server_close()
