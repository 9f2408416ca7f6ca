#!/usr/bin/python3 -B
"""A fake Impala: daemons with the ports, pages and weaknesses of the real ones.

    impala.py impalad NAME [--statestore HOST:PORT] [--spnego KEYTAB]
    impala.py statestored NAME
    impala.py catalogd NAME [--statestore HOST:PORT]

An impalad's client port takes frames (a length in 4 bytes, then that much) and
answers each with its name and what was sent. As in the real one, TCP accepts at
once, two threads do all set-up, wait for a client's first byte, and then for one
of 64 places; so silent clients, or a 65th, keep everybody else out.

A subscriber (impalad, catalogd) registers at --statestore with its own address;
the statestored then calls *back* there, and a subscriber that hears nothing for
a while registers again. Spans are a twentieth of the real ones.

The web port has /healthz and /?json, and what a test wants to know or change:
/seen tells counts, /set?KEY=JSON changes the state, such as is_quiescing=true,
healthy=false, delay=2.5, split=true; a key set to null is missing from /?json.
With --spnego its pages, but not these two, are for clients with a ticket, and
where admits="NAME@REALM" is set for that one alone.

For tests there is `class Daemon`, which starts one on a host of the lab.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import queue
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator
from urllib.parse import parse_qsl, urlsplit

PLACES, SETUP_THREADS, SETUP_TIMEOUT_S = 64, 2, 300
HEARTBEAT_S, DEAD_S, RETRY_S = 0.05, 1.5, 0.15
CLIENT_PORT = {"impalad": 21050, "statestored": 24000, "catalogd": 26000}
WEB_PORT = {"impalad": 25000, "statestored": 25010, "catalogd": 25020}
CALLBACK_PORT = {"impalad": 23000, "catalogd": 23020}
STATE: dict[str, dict[str, Any]] = {
    "impalad": {"is_coordinator": True, "is_executor": True, "is_quiescing": False},
    "statestored": {"statestore_active_status": None},
    "catalogd": {"catalogd_active_status": None},
}


def send_frame(sock: socket.socket, payload: bytes) -> None:
    sock.sendall(struct.pack(">I", len(payload)) + payload)


def recv_exactly(sock: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        part = sock.recv(count - len(got))
        if not part:
            raise ConnectionError("the stream ended")
        got += part
    return got


def recv_frame(sock: socket.socket) -> bytes:
    return recv_exactly(sock, struct.unpack(">I", recv_exactly(sock, 4))[0])


def listen(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    sock.listen(4096)
    return sock


def thread(function: Any, *args: Any) -> None:
    threading.Thread(target=function, args=args, daemon=True).start()


class Fake:
    """What the three have in common: state, counts, the web port."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.lock = threading.Lock()
        self.doorman: Doorman | None = None
        self.state = {"healthy": True, "delay": 0, "split": False, "admits": "", **STATE[kind]}
        self.seen: dict[str, Any] = {
            "accepted": 0, "serving": 0, "most": 0, "pages": {}, "refused": 0,
        }

    def count(self, key: str, by: int = 1) -> None:
        with self.lock:
            self.seen[key] += by
            self.seen["most"] = max(self.seen["most"], self.seen["serving"])

    def page(self, path: str) -> tuple[int, str]:
        """The status and the body."""
        if path == "/healthz":
            return (200, "OK") if self.state["healthy"] else (503, "Not OK")
        if path == "/?json":
            shown = {k: self.state[k] for k in STATE[self.kind] if self.state[k] is not None}
            return 200, json.dumps({"version": "fake", **shown}, indent="\t")
        return 404, "No such page"

    def run(self) -> None:
        thread(Web((self, WEB_PORT[self.kind])).serve_forever)
        door = listen(CLIENT_PORT[self.kind])
        while True:
            sock, _ = door.accept()
            self.count("accepted")
            self.take(sock)

    def take(self, sock: socket.socket) -> None:
        thread(self.serve, sock)

    def serve(self, sock: socket.socket) -> None:
        self.count("serving")
        with contextlib.suppress(OSError), sock:
            while True:
                send_frame(sock, self.answer(recv_frame(sock)))
        self.count("serving", -1)

    def answer(self, frame: bytes) -> bytes:
        return self.name.encode() + b" " + frame


class Doorman:
    """Knows who comes by a ticket for a service in this keytab."""

    def __init__(self, keytab: str) -> None:
        import gssapi  # no other test needs it

        self.gssapi = gssapi
        self.credentials = gssapi.Credentials(usage="accept", store={"keytab": keytab})

    def who(self, authorization: str) -> str:
        """The client's principal; '': nobody in particular."""
        word, _, token = authorization.partition(" ")
        context = self.gssapi.SecurityContext(creds=self.credentials, usage="accept")
        with contextlib.suppress(self.gssapi.exceptions.GSSError, ValueError):
            if word == "Negotiate":
                context.step(base64.b64decode(token))
                return str(context.initiator_name) if context.complete else ""
        return ""


class Web(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, of: tuple[Fake, int]) -> None:
        self.fake = of[0]
        super().__init__(("::", of[1]), Page)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not HTTPServer's, which looks its own name up.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "fake", self.server_address[1]


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def do_GET(self) -> None:
        fake, url = self.server.fake, urlsplit(self.path)
        if url.path == "/set":
            fake.state.update((k, json.loads(v)) for k, v in parse_qsl(url.query))
            self.say(200, json.dumps(fake.state))
        elif url.path == "/seen":
            with fake.lock:
                self.say(200, json.dumps(fake.seen))
        else:
            with fake.lock:
                pages = fake.seen["pages"]
                pages[self.path] = pages.get(self.path, 0) + 1
            time.sleep(fake.state["delay"])
            if self.is_welcome():
                self.say(*fake.page(self.path), split=fake.state["split"])
            else:
                self.say(401, "Who are you?", "WWW-Authenticate: Negotiate\r\n")

    def is_welcome(self) -> bool:
        fake = self.server.fake
        if fake.doorman is None:
            return True
        who = fake.doorman.who(self.headers.get("Authorization", ""))
        welcome = bool(who) and fake.state["admits"] in ("", who)
        fake.count("refused", not welcome)
        return welcome

    def say(self, status: int, body: str, more: str = "", split: bool = False) -> None:
        raw = body.encode()
        head = f"HTTP/1.1 {status} Fake\r\n{more}Content-Length: {len(raw)}\r\n\r\n".encode()
        with contextlib.suppress(OSError):
            for part in [bytes([b]) for b in head + raw] if split else [head + raw]:
                self.wfile.write(part)
                self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


class Subscriber:
    """Registers, is called back, and registers anew where that ends."""

    def __init__(self, fake: Fake, statestore: str) -> None:
        self.fake, self.heard = fake, 0.0
        host, _, port = statestore.rpartition(":")
        self.to = (host.strip("[]"), int(port))
        self.port = CALLBACK_PORT[fake.kind]
        fake.seen.update(statestore="", registrations=0)
        thread(self.be_called)
        thread(self.watch)

    def be_called(self) -> None:
        door = listen(self.port)
        while True:
            sock, _ = door.accept()
            thread(self.hear, sock)

    def hear(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            while True:
                self.fake.seen["statestore"] = recv_frame(sock).decode()
                self.heard = time.monotonic()

    def watch(self) -> None:
        while True:
            time.sleep(RETRY_S)
            if time.monotonic() < self.heard + DEAD_S:
                continue
            self.fake.seen["statestore"] = ""
            with contextlib.suppress(OSError):
                self.register()

    def register(self) -> None:
        with socket.create_connection(self.to, DEAD_S) as sock:
            me = {"id": self.fake.name, "kind": self.fake.kind, "port": self.port}
            # Its own address, past any proxy: that of the road to there.
            me["address"] = sock.getsockname()[0].removeprefix("::ffff:")
            send_frame(sock, json.dumps(me).encode())
            recv_frame(sock)
        self.heard = time.monotonic()
        self.fake.count("registrations")


class Impalad(Fake):
    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.waiting: queue.Queue[socket.socket] = queue.Queue(10000)
        self.places = threading.Semaphore(PLACES)
        for _ in range(SETUP_THREADS):
            thread(self.set_up)

    def take(self, sock: socket.socket) -> None:
        self.waiting.put(sock)

    def set_up(self) -> None:
        while True:
            sock = self.waiting.get()
            sock.settimeout(SETUP_TIMEOUT_S)
            try:
                spoke = bool(sock.recv(1, socket.MSG_PEEK))
            except OSError:
                spoke = False
            if spoke and self.places.acquire(timeout=SETUP_TIMEOUT_S):
                sock.settimeout(None)
                thread(self.serve_and_leave, sock)
            else:
                sock.close()

    def serve_and_leave(self, sock: socket.socket) -> None:
        self.serve(sock)
        self.places.release()


class Statestored(Fake):
    """Registration in, heartbeats out to whoever has registered."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.seen["subscribers"] = []

    def answer(self, frame: bytes) -> bytes:
        try:
            me = json.loads(frame)
            thread(self.call_back, me["id"], (me["address"], me["port"]))
        except ValueError:
            pass  # not a registration: answered all the same
        return super().answer(frame)

    def call_back(self, name: str, to: tuple[str, int]) -> None:
        with contextlib.suppress(OSError), socket.create_connection(to, DEAD_S) as sock:
            with self.lock:
                self.seen["subscribers"].append(name)
            with contextlib.suppress(OSError):
                while True:
                    send_frame(sock, self.name.encode())
                    time.sleep(HEARTBEAT_S)
            with self.lock:
                self.seen["subscribers"].remove(name)


class Daemon:
    """For tests: one of them on a host of the lab, and what to ask of it."""

    def __init__(self, lab: Any, host: str, kind: str, *args: str) -> None:
        self.lab, self.host, self.kind = lab, host, kind
        self.process = lab.spawn(
            host, [sys.executable, "-B", os.path.abspath(__file__), kind, host, *args]
        )

    def get(self, path: str) -> dict[str, Any]:
        from lab import address

        with self.lab.connect("c", address(self.host), WEB_PORT[self.kind], 10) as sock:
            sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            raw = b""
            while part := sock.recv(65536):
                raw += part
        return dict(json.loads(raw.partition(b"\r\n\r\n")[2]))

    def is_there(self) -> bool:
        """its web port answers"""
        with contextlib.suppress(OSError):
            return bool(self.get("/seen"))
        return False

    def set(self, **state: Any) -> None:
        self.get("/set?" + "&".join(f"{k}={json.dumps(v)}" for k, v in state.items()))

    def seen(self) -> dict[str, Any]:
        return self.get("/seen")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def started(lab: Any, kind: str, *hosts: str) -> Iterator[dict[str, Daemon]]:
    """One of a kind on each of these hosts, ready."""
    from lab import wait_for

    daemons = {host: Daemon(lab, host, kind) for host in hosts}
    for daemon in daemons.values():
        wait_for(daemon.is_there, 30)
    yield daemons


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=sorted(CLIENT_PORT))
    parser.add_argument("name")
    parser.add_argument("--statestore")
    parser.add_argument("--spnego", metavar="KEYTAB")
    args = parser.parse_args()
    kinds = {"impalad": Impalad, "statestored": Statestored, "catalogd": Fake}
    fake = kinds[args.kind](args.kind, args.name)
    if args.spnego:
        fake.doorman = Doorman(args.spnego)
    if args.statestore:
        Subscriber(fake, args.statestore)
    fake.run()


if __name__ == "__main__":
    main()
