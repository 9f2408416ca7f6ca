"""Goal: a check by TLS is one with the server that it is for: of a certificate that is
vouched for, whole at first, and told where nobody looked."""

import contextlib
import socket
import ssl
import subprocess
import threading
from typing import Any, Callable, Iterator

from pages import Pages, is_found, page, sends, service
from stage import CHECK_PORT, PORT, SLOW, Stage, address, endpoint, single, wait_for


def certificate(stage: Stage, name: str, of: str = "") -> ssl.SSLContext:
    """One that vouches for itself, in NAME.pem, for the address of that host."""
    path = f"{stage.lab.dir}/{name}.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-keyout", path + ".key", "-out", path, "-days", "2"]
    words += ["-subj", f"/CN={name}", "-addext", f"subjectAltName={of or 'IP:' + address(name)}"]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, path + ".key")
    return context


@contextlib.contextmanager
def answers(stage: Stage, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """s1 answers each check so."""
    p = Pages(sends(b""))
    setattr(p, "serve", answer)
    with stage.lab.listen("s1", CHECK_PORT) as door:
        door.settimeout(None)
        threading.Thread(target=p.run, args=(door,), daemon=True).start()
        yield
        door.shutdown(socket.SHUT_RDWR)


def pages_by_tls(stage: Stage, context: Callable[[], ssl.SSLContext]) -> Any:
    """With a page, and with the certificate of that moment."""

    def answer(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), context().wrap_socket(sock, server_side=True) as s:
            s.recv(65536)
            s.sendall(page("fine"))
            s.unwrap()

    return answers(stage, answer)


def vouched_for(stage: Stage, **check: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's certificate, by which checks vouch for it, and another one."""
    good, other = certificate(stage, "s1"), certificate(stage, "s2")
    config = stage.build()
    spec = service(ca=f"{stage.lab.dir}/s1.pem", **check)
    config["services"] = [{**spec, "listen": [endpoint("10.77.0.1", PORT)]}]
    stage.configure(config)
    return good, other


def test_tls() -> None:
    """Of a certificate that is vouched for, for that very server, and of no
    other."""
    with single(services=[service()]) as stage:
        context, other = vouched_for(stage, tls=True)

        with pages_by_tls(stage, lambda: context):
            stage.start()
            is_found(stage, "up", "status 200")
            context = other
            is_found(stage, "down", ".*certificate.*")


def test_handshake() -> None:
    """`type: tls`: a handshake and a good-bye, in order; not one with a stranger, and
    not with a server that knows no TLS."""
    with single(services=[service()]) as stage:
        good, other = vouched_for(stage, type="tls")
        context: ssl.SSLContext | None = good
        ends: list[Any] = []

        def answer(sock: socket.socket) -> None:
            sock.settimeout(60)
            with contextlib.suppress(OSError), sock:
                if context is None:
                    sock.sendall(b"220 here\r\n")
                    sock.recv(1000)
                    return
                with context.wrap_socket(sock, server_side=True) as s:
                    # b"" only where the peer has said that it closes.
                    s.suppress_ragged_eofs = False
                    ends.append(s.recv(100))

        with answers(stage, answer):
            stage.start()
            is_found(stage, "up", "handshake done")
            wait_for(lambda: len(ends) >= 3)
            assert set(ends) == {b""}, ends
            context = other
            is_found(stage, "down", ".*certificate.*")
            context = None
            is_found(stage, "down", ".*(wrong version number|packet length).*")


def test_g04_sessions() -> None:
    """Handshakes after the first are short ones; a server with another certificate
    gets a whole one, and is found out."""
    with single(services=[service()]) as stage:
        context, other = vouched_for(stage, tls=True)
        reused: list[Any] = []

        def answer(sock: socket.socket) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) as s:
                s.recv(65536)
                reused.append(s.session_reused)
                s.sendall(page("fine"))
                s.unwrap()

        with answers(stage, answer):
            stage.start()
            is_found(stage, "up", "status 200")
            wait_for(lambda: reused.count(True) >= 3, 10 * SLOW)
            assert not reused[0], reused
            context = other
            is_found(stage, "down", ".*certificate.*")


def test_not_verified() -> None:
    """A certificate that nobody vouches for, and that `status` says so; of the right
    name where `host` says another."""
    stage = single(services=[service()])
    with stage:
        context = certificate(stage, "s2", "DNS:other.example.org")
        config = stage.build()
        listen = [endpoint("10.77.0.1", PORT)]
        loose = {**service(tls=True, verify=False), "listen": listen}
        named = service(tls=True, ca=f"{stage.lab.dir}/s2.pem", host="other.example.org")
        named.update(name="named", listen=[endpoint("10.77.0.1", 88)])
        config["services"] = [loose, named]
        stage.configure(config)

        with pages_by_tls(stage, lambda: context):
            stage.start()
            is_found(stage, "up", r"status 200 \(not verified: anybody may have answered\)")

            def detail() -> str:
                """of the other one, whose first check ends when it ends"""
                return str(stage["p1"].services()[1]["servers"][0]["check"].get("detail", ""))

            wait_for(lambda: detail() == "status 200", 5 * SLOW)
