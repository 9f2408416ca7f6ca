"""Goal: a check says what is so: it judges a page by what it holds, waits for no
more than its timeout, asks each server once however many want to know, and
leaves as a guest does."""

import contextlib
import hashlib
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from pages import Answer, Pages, is_found, page, pages, sends, service
from stage import (
    CHECK_PORT, PORT, SLOW, Stage, address, endpoint, families, hapair, server, single, wait_for,
)

def slowly(sock: socket.socket, _: bytes) -> None:
    """In pieces of a byte, for longer than a round trip each."""
    for byte in page('{"ready": true}'):
        sock.sendall(bytes([byte]))
        time.sleep(0.002)


def never(sock: socket.socket, _: bytes) -> None:
    """Goes on and on, and never comes to an end."""
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        sock.sendall(b" ")
        time.sleep(0.05)


def endlessly(sock: socket.socket, _: bytes) -> None:
    """The same, as fast as can be."""
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        sock.sendall(b" " * 65536)


@families
def test_answers(family: int) -> None:
    """Whole, split, slow, endless, wrong, none at all."""
    rows: list[tuple[Answer, str, str]] = [
        (sends(page('{"ready": true}')), "up", "status 200"),
        (sends(page("", "503 Busy")), "down", "status 503, expected 200"),
        (slowly, "up", "status 200"),
        (sends(page('{"ready": false}')), "down", "ready is false, expected true"),
        (sends(page("<html>")), "down", "the body is no JSON object"),
        (sends(page("", "302 Found", "Location: /other")), "down", "status 302, .*"),
        (sends(b"SSH-2.0-x\r\n"), "down", ".*HTTP/0.9.*"),
        (lambda sock, _: sock.shutdown(socket.SHUT_WR), "down", "Empty reply.*"),
        (sends(page('{"ready": true, "x": "' + "x" * 200000 + '"}')), "up", "status 200"),
        (endlessly, "down", "the body is too long to be read"),
        (never, "down", f"no answer within {SLOW}000 ms"),
    ]
    with single(services=[service(family, json={"ready": True})]) as stage:
        with pages(stage, rows[0][0]) as p:
            stage.start()
            for answer, state, detail in rows:
                p.answer = answer
                is_found(stage, state, detail)
        is_found(stage, "down", "connect: Connection refused")
        log = stage["p1"].log()
        assert "server s1: [server-down] up -> down, reason: status 503, expected 200" in log
        where = re.escape(endpoint(address("s1", family), CHECK_PORT)).encode()
        for head in p.requests:
            assert re.match(rb"GET / HTTP/1.1\r\n", head), head
            assert re.search(rb"\r\nHost: " + where + rb"\r\n", head), head


def test_requests() -> None:
    """Method, Host, headers as the file says; statuses as a list with ranges."""
    keys = {"method": "HEAD", "host": "www.example.org", "path": "/a?b",
            "headers": {"X-Probe": "hap air", "X-None": "", "user-agent": "mine"},
            "status": ["200-299", 401]}
    with single(services=[service(**keys)]) as stage:
        with pages(stage, sends(page("", "299 Fine"))) as p:
            stage.start()
            is_found(stage, "up", "status 299")
            head = p.requests[0]
            p.answer = sends(page("", "300 Choose"))
            is_found(stage, "down", "status 300, expected 200-299, 401")
            p.answer = sends(page("", "401 Who"))
            is_found(stage, "up", "status 401")
        lines = head.decode().split("\r\n")
        assert lines[0] == "HEAD /a?b HTTP/1.1", head
        for line in ("Host: www.example.org", "X-Probe: hap air", "X-None:", "user-agent: mine"):
            assert lines.count(line) == 1, head
        assert head.lower().count(b"user-agent:") == 1, head
        assert head.lower().count(b"host:") == 1, head


def test_it_leaves_as_a_guest() -> None:
    """A FIN, never a reset, from each check; http as tcp."""
    with single(services=[service(), {**service(type="tcp", interval="50ms"), "name": "tcp",
                                      "listen": [endpoint("10.77.0.1", 88)]}]) as stage:
        # A server that keeps its side open until we have closed ours.
        with pages(stage, sends(page("fine"))) as p:
            stage.start()
            wait_for(lambda: len(p.ends) >= 10, 20 * SLOW)
            assert set(p.ends) == {"fin"}, p.ends
        # The tcp check says nothing at all: seen by a door of our own.
        with stage.lab.listen("s1", CHECK_PORT) as door:
            for _ in range(4):
                with door.accept()[0] as sock:
                    sock.settimeout(10 * SLOW)
                    heard = sock.recv(65536)
                    assert heard == b"" or heard.startswith(b"GET "), heard


def test_dialog() -> None:
    """What the file has is said and heard, in turns; what is not said is missed."""
    talk = [{"expect": "220 "}, {"send": "QUIT\r\n", "expect": "221"}, {"send": "hex:00ff"}]
    spec = service(type="tcp", dialog=talk)
    heard: list[bytes] = []
    greeting = b"220 here\r\n"

    def serve(sock: socket.socket) -> None:
        sock.settimeout(60)
        with contextlib.suppress(OSError), sock:
            sock.sendall(greeting[:2])
            time.sleep(0.01)
            sock.sendall(greeting[2:])
            if asked := sock.recv(100):
                sock.sendall(b"221 bye\r\n")
            heard.append(asked + sock.recv(100) + sock.recv(100))

    with single(services=[spec]) as stage:
        p = Pages(sends(b""))
        setattr(p, "serve", serve)
        with stage.lab.listen("s1", CHECK_PORT) as door:
            door.settimeout(None)
            threading.Thread(target=p.run, args=(door,), daemon=True).start()
            stage.start()
            is_found(stage, "up", "answers as expected")
            wait_for(lambda: len(heard) > 0)
            assert set(heard) == {b"QUIT\r\n\x00\xff"}, heard
            greeting = b"421 busy\r\n"
            is_found(stage, "down", f"{SLOW}000 ms were over before '220 '")
            door.shutdown(socket.SHUT_RDWR)


def test_headers_of_proxy_protocol() -> None:
    """A server that expects the header gets it from checks, too: where clients go, of
    the service's version; elsewhere what the check's own key says."""
    v2 = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
    v1 = rf"PROXY TCP4 10\.77\.0\.1 {re.escape(address('s1'))} \d+ (80|81)\r\n".encode()
    heard: dict[int, set[bytes]] = {PORT: set(), CHECK_PORT: set()}

    def spec(name: str, at: int, sends: str, **check: Any) -> dict[str, Any]:
        asked = service(**check)
        if "port" not in check:
            del asked["check"]["port"]
        return {**asked, "name": name, "proxy_protocol": sends,
                "listen": [endpoint("10.77.0.1", at)]}

    services = [
        spec("tcp", 90, "v1", type="tcp", dialog=[{"send": "A", "expect": "ok"}]),
        spec("web", 91, "v2", path="/b"),
        spec("aside", 92, "v2", path="/c", port=CHECK_PORT),
        spec("own", 93, "none", path="/d", port=CHECK_PORT, proxy_protocol="v1"),
    ]

    def answer(port: int) -> Any:
        def serve(sock: socket.socket) -> None:
            sock.settimeout(60)
            with contextlib.suppress(OSError), sock:
                said = b""
                while not said.endswith((b"\r\n\r\n", b"A")):
                    part = sock.recv(1000)
                    if not part:
                        return
                    said += part
                heard[port].add(re.sub(rb" HTTP/1.1\r\n.*", b"", said, flags=re.S))
                sock.sendall(b"ok" if said.endswith(b"A") else page("fine"))
                sock.recv(1000)

        return serve

    with single(services=services) as stage, contextlib.ExitStack() as stack:
        for port in heard:
            p = Pages(sends(b""))
            setattr(p, "serve", answer(port))
            door = stack.enter_context(stage.lab.listen("s1", port))
            door.settimeout(None)
            threading.Thread(target=p.run, args=(door,), daemon=True).start()
            stack.callback(door.shutdown, socket.SHUT_RDWR)
        stage.start()

        def up() -> bool:
            """all are up"""
            shown = stage["p1"].status().get("services") or []
            return {x["state"] for s in shown for x in s["servers"]} == {"up"}

        wait_for(up, 20 * SLOW)
        said = {p: b"|".join(sorted(h)) for p, h in heard.items()}
        assert any(re.fullmatch(v1 + b"A", x) for x in heard[PORT]), said
        assert v2 + b"GET /b" in heard[PORT], said
        assert b"GET /c" in heard[CHECK_PORT], said
        assert any(re.fullmatch(v1 + b"GET /d", x) for x in heard[CHECK_PORT]), said


def test_asked_once_for_all() -> None:
    """Five services with ten servers at one place: one request at a time, and
    all of them know."""
    services = []
    for i in range(5):
        one = service(interval="200ms")
        one.update(name=f"web{i}", listen=[endpoint("10.77.0.1", 80 + i)])
        one["servers"] = [server("s1"), {"name": "too", "address": endpoint(address("s1"), 82)}]
        services.append(one)
    with single(services=services) as stage:
        with pages(stage, sends(page("fine"))) as p:
            stage.start()
            begun, had = time.monotonic(), p.count()
            wait_for(lambda: p.count() >= had + 10, 20 * SLOW)
            # 200 ms from end to end, less a tenth: ten take 1.6 s and more.
            assert time.monotonic() - begun > 1.4, "asked more often than once"
            p.answer = sends(page("no", "500 No"))

            def down() -> bool:
                """all ten servers are down"""
                shown = stage["p1"].services()
                return all(s["state"] == "down" for x in shown for s in x["servers"])

            wait_for(down, 10 * SLOW)


def test_a_client_brings_the_check_forward() -> None:
    """The server dies between two checks an hour apart: the client that finds
    that is sent on, and the server is asked at once."""
    spec = service(interval="1h", fall=3)
    spec["servers"].append(server("s2"))
    with single(services=[spec]) as stage:
        with pages(stage, sends(page("fine"))) as p, pages(stage, sends(page("ok")), "s2"):
            tools = stage.serve("banner", "s1", "s2")
            stage.start()
            assert p.count() == 1, p.requests
            tools["s1"].kill()
            tools["s1"].wait()
            assert [stage.ask() for _ in range(4)] == ["s2"] * 4
            wait_for(lambda: p.count() >= 2, 10 * SLOW)


def test_clients_bring_no_storm() -> None:
    """A server with a fine page refuses clients: all are sent on to another, and
    its page is asked for once more, however many they are (R6)."""
    spec = service(interval="1h", fall=100)
    spec["servers"].append(server("s2"))
    with single(services=[spec]) as stage:
        with pages(stage, sends(page("fine"))) as p, pages(stage, sends(page("ok")), "s2"):
            stage.serve("banner", "s2")
            stage.start()
            had = p.count()
            for _ in range(200):
                assert stage.ask() == "s2"
            wait_for(lambda: p.count() == had + 1)
            time.sleep(0.3)
            assert p.count() == had + 1, "a storm"


def test_names_stay_names() -> None:
    """A server with a name is asked by it, at the address that it has."""
    spec = service()
    spec["servers"] = [{"name": "s1", "address": f"localhost:{PORT}"}]
    with single(services=[spec]) as stage, pages(stage, sends(page("fine")), "p1") as p:
        stage.start()
        is_found(stage, "up", "status 200")
        assert f"\r\nHost: localhost:{CHECK_PORT}\r\n".encode() in p.requests[0], p.requests


def write(path: str, text: str, mode: int) -> str:
    Path(path).write_text(text)
    os.chmod(path, mode)
    return path


def test_script() -> None:
    """As the relay's user, with its arguments; its first line is shown; what
    takes too long is killed, and what prints much is read."""
    with single(services=[service()]) as stage:
        said = f"{stage.lab.dir}/said"
        script = write(f"{stage.lab.dir}/check", f"#!/bin/sh\n. {said}\n", 0o755)

        def says(text: str) -> None:
            write(said + ".new", text, 0o644)
            os.rename(said + ".new", said)

        config = stage.build()
        config["services"] = [service(type="script", script=script)]
        config["services"][0]["check"]["timeout"] = f"{400 * SLOW}ms"
        config["services"][0]["listen"] = [endpoint("10.77.0.1", PORT)]
        stage.configure(config)
        says('echo "$*" $(id -u); echo second')
        stage.start()
        nobody = int(subprocess.check_output(["id", "-u", "nobody"]))
        where = f"web s1 {address('s1')} {CHECK_PORT}"
        is_found(stage, "up", f"{where} ({nobody}|[1-9][0-9]*)")
        says("exit 3")
        is_found(stage, "down", "status 3")
        says("exit 0")
        is_found(stage, "up", "status 0")
        says('printf "tired\\033[31m\\n"; exit 1')
        is_found(stage, "down", r"tired\?\[31m")
        says('head -c 1000000 /dev/zero | tr "\\0" x; exit 0')
        is_found(stage, "up", "x{79}")
        says("sleep 3600 & wait")
        is_found(stage, "down", "took too long")
        # The whole of it, its child too: of several runs, one is left.
        time.sleep(4 * 0.4 * SLOW)
        assert sleepers(stage) <= 1, sleepers(stage)


def sleepers(stage: Stage) -> int:
    """How many of the scripts' children live."""
    found = 0
    for pid in stage.lab.pids("p1"):
        with contextlib.suppress(OSError):
            found += Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\0")
    return found


def test_none_believes_clients() -> None:
    """Up at once, with nobody there, until clients have found out; whoever waits then
    is served by a server that came, and it is up again."""
    with single(services=[service(type="none", interval="200ms")]) as stage:
        stage.start()
        is_found(stage, "up", "not checked")
        with stage.client(timeout=15) as sock:
            is_found(stage, "down", "connect of a client failed")
            time.sleep(1)
            stage.serve("banner", "s1")
            assert sock.recv(1) == b"s"
        is_found(stage, "up", "not checked, a client was served")


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def digest(sock: socket.socket, head: bytes) -> None:
    """Lets in who knows the password of `me` by digest."""
    given = dict(re.findall(r'(\w+)="?([^",\r]+)', head.decode()))
    wanted = md5(f"{md5('me:here:se cret')}:abc:{md5('GET:/')}")
    if given.get("response") == wanted:
        sock.sendall(page("fine"))
    else:
        ask = 'WWW-Authenticate: Digest realm="here", nonce="abc"'
        sock.sendall(page("", "401 Who", ask))


def basic(sock: socket.socket, head: bytes) -> None:
    if b"\r\nAuthorization: Basic bWU6c2UgY3JldA==\r\n" in head:
        sock.sendall(page("fine"))
    else:
        sock.sendall(page("", "401 Who", 'WWW-Authenticate: Basic realm="here"'))


def test_password() -> None:
    """Basic and digest; the file is root's alone, and its content is shown
    nowhere."""
    stage = single(services=[service()])
    with stage:
        secret = write(f"{stage.lab.dir}/password", "se cret\n", 0o600)
        spec = service(user="me", password_file=secret)
        config = stage.build()
        config["services"] = [{**spec, "listen": [endpoint("10.77.0.1", PORT)]}]
        stage.configure(config)
        with pages(stage, digest) as p:
            stage.start()
            is_found(stage, "up", "status 200")
            p.answer = sends(page("", "401 Who", 'WWW-Authenticate: Basic realm="x"'))
            is_found(stage, "down", "status 401, expected 200")
            p.answer = basic
            is_found(stage, "up", "status 200")
            shown = hapair("check", "-c", stage.config, "--print").stdout
            assert secret in shown
            for text in (shown, stage["p1"].log(), stage["p1"].cli("status", "--json").stdout):
                assert "se cret" not in text, text
            stage["p1"].stop()
            os.chmod(secret, 0o640)
            asked = p.count()
            stage.start()
            is_found(stage, "down", "the password file cannot be used")
            assert p.count() == asked
            assert stage["p1"].tells(f"password file '{secret}': others can read it")
