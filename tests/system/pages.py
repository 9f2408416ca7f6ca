"""A web server for tests of checks, that says what a test wants, and what the checks
made of it."""

import contextlib
import re
import socket
import threading
from typing import Any, Callable, Iterator

from stage import CHECK_PORT, SLOW, Stage, server, wait_for

# A connection, and the head of the request that came over it.
Answer = Callable[[socket.socket, bytes], None]


class Pages:
    """A web server that answers as the test says, and remembers what it saw."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.requests, self.ends = answer, [], []
        self.lock = threading.Lock()

    def run(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = door.accept()
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock: socket.socket) -> None:
        sock.settimeout(60)
        with contextlib.suppress(OSError), sock:
            head = b""
            while b"\r\n\r\n" not in head:
                part = sock.recv(65536)
                if not part:
                    return
                head += part
            with self.lock:
                self.requests.append(head)
            self.answer(sock, head)
            # Ours last: what the check does of itself is to be seen.
            try:
                end = "fin" if sock.recv(1) == b"" else "more"
            except ConnectionResetError:
                end = "reset"
            with self.lock:
                self.ends.append(end)

    def count(self) -> int:
        with self.lock:
            return len(self.requests)


def page(body: str, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def sends(raw: bytes) -> Answer:
    return lambda sock, _: sock.sendall(raw)


@contextlib.contextmanager
def pages(stage: Stage, answer: Answer, host: str = "s1") -> Iterator[Pages]:
    """At the check's port of the host, for both families."""
    p = Pages(answer)
    with stage.lab.listen(host, CHECK_PORT) as door:
        door.settimeout(None)
        threading.Thread(target=p.run, args=(door,), daemon=True).start()
        yield p
        door.shutdown(socket.SHUT_RDWR)


def service(family: int = 4, **check: Any) -> dict[str, Any]:
    asked = {"type": "http", "port": CHECK_PORT, "interval": "50ms", "rise": 1, "fall": 1}
    asked.update({"timeout": f"{SLOW}s"}, **check)
    return {"name": "web", "check": asked, "servers": [server("s1", family)]}


def check_of(stage: Stage) -> dict[str, Any]:
    """Nothing, where the relay was too busy to answer in time."""
    services = stage["p1"].status().get("services") or [{"servers": [{}]}]
    return dict(services[0]["servers"][0].get("check", {}))


def is_found(stage: Stage, state: str, detail: str) -> None:
    def so() -> bool:
        """the check has found just that"""
        found = check_of(stage).get("detail", "")
        states = stage["p1"].server_states()
        return bool(re.fullmatch(detail, found)) and states == {"s1": state}

    try:
        wait_for(so, 10 * SLOW)
    except AssertionError as e:
        raise AssertionError(f"{check_of(stage)}, not {state}: {detail}") from e
