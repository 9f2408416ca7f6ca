"""Goal: a browser, Prometheus and a load balancer are told how the pair stands,
on either node; strangers are told nothing, and nobody who asks is in the way of
those who are served."""

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Iterator

from stage import PORT, SLOW, TOOLS, Stage, address, children, figure, wait_for

WEB = 8404
POLL = 0.1  # s: who asks without a rest is held back
OWN = {"p1": "10.77.0.1", "p2": "10.77.0.2"}
LISTEN = [f"{address}:{WEB}" for address in OWN.values()]
WHO = {"Authorization": "Basic " + base64.b64encode(b"ops:s3cret").decode()}


class Answer:
    """What came back, up to the end of the connection."""

    def __init__(self, text: bytes) -> None:
        head, _, self.body = text.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.code = int(first.split()[1]) if first else 0
        self.headers = dict(line.split(": ", 1) for line in lines)

    def json(self) -> Any:
        return json.loads(self.body)


def read_all(sock: socket.socket) -> bytes:
    parts = []
    try:
        while part := sock.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def ask(
    stage: Stage, host: str, path: str, at: str = "c", method: str = "GET", **headers: str,
) -> Answer:
    """From a host of the lab, over a connection of its own."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {OWN[host]}", "Connection: close"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    with stage.lab.connect(at, OWN[host], WEB, 10 * SLOW) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        return Answer(read_all(sock))


def samples(text: str) -> dict[str, float]:
    """Series to value, of either text form."""
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_both_nodes_tell_of_both() -> None:
    """Page, figures, status, events and health of master and backup; the last of
    them through a handover and a reload, which lose no listener."""
    with Stage(web={"listen": LISTEN, "allow": "10.77.0.0/24"}) as stage:
        stage.serve()
        stage.start()
        stage.ask()
        for host, code in (("p1", 200), ("p2", 503)):
            assert ask(stage, host, "/health").code == code, host
            page = ask(stage, host, "/")
            assert page.code == 200 and page.headers["Content-Type"].startswith("text/html")
            for header in ("Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"):
                assert header in page.headers, page.headers
            html = page.body.decode()
            for word in ('id="group-main"', 'id="server-web/s1"', "proxy1", "proxy2", "No trouble."):
                assert word in html, (word, html)
            status = ask(stage, host, "/status.json").json()
            told = stage[host].status()
            assert status.keys() == told.keys() and status["node"] == told["node"]
            assert status["peers"][0]["reachable"] is True
            live = ask(stage, host, "/page.json").json()
            assert live["status"].keys() == told.keys()
            assert [s["name"] for s in live["rates"][0]["servers"]] == ["s1", "s2", "s3"]
            # The peer's come a moment later.
            wait_for(lambda: tellers(stage, host) == {"proxy1", "proxy2"}, 10 * SLOW, POLL)
            assert ask(stage, host, "/history.json").json()["sample_s"] == 5
        check_metrics(stage)
        assert stage["p1"].cli("handover").returncode == 0
        wait_for(lambda: ask(stage, "p2", "/health").code == 200, 5 * SLOW, POLL)
        assert ask(stage, "p1", "/health").code == 503
        # Another relay with the same sockets: nobody is refused meanwhile.
        config = stage.build()
        config["services"][0]["retries"] = 2
        stage.configure(config)
        wait_for(lambda: points(stage, "p2") > 0, 15 * SLOW, POLL)
        for command in ("reload", "upgrade"):
            history = points(stage, "p2")
            with asking(stage, "p2") as codes:
                done = stage["p2"].cli(command)
            assert done.returncode == 0, done
            # They go on, and come a moment later than the rest.
            wait_for(lambda: points(stage, "p2") >= history, 5 * SLOW, POLL)
            # 0: it was open when its relay ended.
            assert set(codes) <= {0, 200} and codes.count(200) > 2, codes
        assert ask(stage, "p2", "/health").code == 200
        events = ask(stage, "p2", "/events.json").json()["events"]
        assert any(e["kind"] == "reload" for e in events), events


def points(stage: Stage, host: str) -> int:
    """How many the lines of the last ten minutes have there."""
    return len(ask(stage, host, "/history.json").json()["services"][0]["servers"][0]["active"])


def tellers(stage: Stage, host: str) -> set[str]:
    """The nodes whose events are told there."""
    return {e["node"] for e in ask(stage, host, "/events.json").json()["events"]}


@contextlib.contextmanager
def asking(stage: Stage, host: str) -> Iterator[list[int]]:
    """Asks again and again meanwhile, and fails where a connection is refused."""
    codes: list[int] = []
    done = threading.Event()

    def go_on() -> None:
        while not done.is_set():
            codes.append(ask(stage, host, "/health").code)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield codes
        wait_for(lambda: codes.count(200) > 2, 10 * SLOW)
    finally:
        done.set()
        thread.join()


def check_metrics(stage: Stage) -> None:
    """Both forms say what status says, and promtool finds nothing in them."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    plain = ask(stage, "p1", "/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    tool = subprocess.run(
        ["promtool", "check", "metrics"], input=plain.body, capture_output=True, check=False
    )
    assert tool.returncode == 0 and not tool.stderr, tool
    openmetrics = ask(stage, "p1", "/metrics", Accept="application/openmetrics-text;version=1.0.0")
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
    families = list(text_string_to_metric_families(openmetrics.body.decode()))
    assert len(families) > 60, families
    found = samples(openmetrics.body.decode())
    assert found.keys() >= samples(plain.body.decode()).keys()
    assert found['hapair_group_state{group="main",state="master"}'] == 1
    assert found['hapair_peer_group_state{peer="proxy2",group="main",state="backup"}'] == 1
    assert found['hapair_server_state{service="web",server="s1",state="up"}'] == 1
    assert found['hapair_service_connections_accepted_total{service="web"}'] >= 1
    assert found["hapair_healthy"] == 1
    assert found["process_resident_memory_bytes"] > 1e6
    documented = set(re.findall(r"^\| `(\w+)` \|", doc("metrics.md"), re.M))
    names = {series.partition("{")[0] for series in found}
    assert names <= documented, names - documented


def doc(name: str) -> str:
    return (Path(__file__).parents[2] / "doc" / name).read_text()


def test_strangers_and_the_password() -> None:
    """No byte to who is not allowed; with a password nothing without it; and only
    questions, no orders."""
    with Stage(single=True) as stage:
        password = Path(stage.lab.dir, "web.password")
        password.write_text("s3cret\n")
        password.chmod(0o400)
        config = stage.build()
        config["web"] = {"listen": LISTEN, "allow": address("s1"), "user": "ops",
                         "password_file": str(password)}
        stage.configure(config)
        stage.serve()
        stage.start()
        assert ask(stage, "p1", "/", at="c").code == 0
        assert stage["p1"].tells("is not in web.allow, closed")
        for path in ("/", "/metrics", "/health", "/nothing"):
            answer = ask(stage, "p1", path, at="s1")
            assert answer.code == 401 and b"hapair 0" not in answer.body, path
            assert "Server" not in answer.headers
        assert ask(stage, "p1", "/health", at="s1", **WHO).code == 200
        head = ask(stage, "p1", "/metrics", at="s1", method="HEAD", **WHO)
        assert head.code == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 1000
        post = ask(stage, "p1", "/", at="s1", method="POST", **{**WHO, "Content-Length": "0"})
        assert post.code == 405 and post.headers["Allow"] == "GET, HEAD"
        wrong = {"Authorization": "Basic b3BzOndyb25n"}
        assert ask(stage, "p1", "/", at="s1", **wrong).code == 401
        assert stage["p1"].tells("gave a wrong name or password")
        # Another password, and the same file.
        password.chmod(0o600)
        password.write_text("newer\n")
        done = stage["p1"].cli("reload")
        assert done.returncode == 0 and "a password or keytab" in done.stdout, done
        # Who is quicker than two processes may still meet the relay before.
        wait_for(lambda: ask(stage, "p1", "/health", at="s1", **WHO).code == 401, 5 * SLOW, POLL)
        newer = {"Authorization": "Basic " + base64.b64encode(b"ops:newer").decode()}
        assert ask(stage, "p1", "/health", at="s1", **newer).code == 200
        assert stage["p1"].cli("reload").stdout == "nothing has changed\n"
        # A port that somebody has: refused, and nothing is changed.
        config["web"]["listen"] = [*LISTEN, f"{OWN['p1']}:8405"]
        stage.configure(config)
        with stage.lab.listen("p1", 8405):
            done = stage["p1"].cli("reload")
            assert done.returncode == 1 and "web: cannot listen on" in done.stderr, done
        assert ask(stage, "p1", "/health", at="s1", **newer).code == 200
        assert stage["p1"].cli("reload").returncode == 0


class Kept:
    """A connection to the page that stays, as a browser or a monitor has one."""

    def __init__(self, stage: Stage, host: str) -> None:
        self.sock = stage.lab.connect("c", OWN[host], WEB, 10 * SLOW)

    def ask(self, path: str) -> tuple[int, bool]:
        """The code, and whether the other side goes on with this connection."""
        self.sock.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            part = self.sock.recv(65536)
            assert part, text
            text += part
        answer = Answer(text)
        return answer.code, answer.headers.get("Connection", "").lower() != "close"

    def ends(self) -> bool:
        """It is closed, without a byte more."""
        return read_all(self.sock) == b""


def test_who_stays_over_a_reload_goes_to_the_next_relay() -> None:
    """The relay before lives on for a client of a server that is no longer in the file.
    Connections to the page do not stay with it: no answer is of a file that is gone."""
    with Stage(web={"listen": LISTEN, "allow": "10.77.0.0/24"}, single=True) as stage:
        for name in ("s1", "s2", "s3"):
            stage.lab.spawn(name, [f"{TOOLS}/echo", "echo", str(PORT)])
        stage.start()
        wait_for(lambda: set(stage["p1"].server_states().values()) == {"up"}, 10 * SLOW)
        held = [stage.client() for _ in range(3)]  # one at each server
        before = len(children(stage["p1"].pid))
        idle, polling = Kept(stage, "p1"), Kept(stage, "p1")
        assert idle.ask("/health") == polling.ask("/status.json") == (200, True)
        stop, answers = threading.Event(), []

        def poll() -> None:
            with contextlib.suppress(AssertionError, OSError):
                while not stop.is_set():
                    answers.append(polling.ask("/status.json"))

        thread = threading.Thread(target=poll)
        thread.start()
        config = stage.build()
        config["services"][0]["servers"].pop()
        stage.configure(config)
        assert stage["p1"].cli("reload").returncode == 0
        thread.join(10 * SLOW)
        stop.set()
        assert not thread.is_alive(), "it still goes on with the relay before"
        assert answers and {code for code, _ in answers} <= {200, 503}, answers
        assert idle.ends()
        told = ask(stage, "p1", "/status.json").json()
        assert [s["name"] for s in told["services"][0]["servers"]] == ["s1", "s2"]
        # The relay before is there, and so are its clients.
        assert len(children(stage["p1"].pid)) == before + 1
        for sock in held:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
            sock.close()


def test_a_failover_that_keeps_ending_is_told() -> None:
    """Nobody holds the addresses then: /health says so, the page says why, and both
    say when it is over."""
    with Stage(web={"listen": LISTEN, "allow": "10.77.0.0/24"}) as stage:
        stage.serve()
        stage.start("p1")
        wait_for(lambda: ask(stage, "p1", "/health").code == 200, 10 * SLOW, POLL)

        def is_told() -> bool:
            """failover ends again and again, and all three tell of it"""
            if pid := stage["p1"].roles().get("failover"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if ask(stage, "p1", "/health").code != 503:
                return False
            html = ask(stage, "p1", "/").body.decode()
            found = samples(ask(stage, "p1", "/metrics").body.decode())
            return ("the failover process does not answer" in html and "No trouble." not in html
                    and found.get('hapair_process_answers{process="failover"}') == 0
                    and not [series for series in found if series.startswith("hapair_group_state{")])

        wait_for(is_told, 30 * SLOW)
        wait_for(lambda: ask(stage, "p1", "/health").code == 200, 30 * SLOW, POLL)
        assert "the failover process ended" in ask(stage, "p1", "/").body.decode()


def test_slow_clients_are_in_nobodys_way() -> None:
    """200 who ask slowly or read nothing: no more than 16 of them are let in, others
    ask all the same, and clients of the service notice nothing."""
    with Stage(web={"listen": LISTEN, "allow": "10.77.0.0/24"}, single=True) as stage:
        stage.serve()
        stage.start()
        probe = stage.probe(seconds=4, interval=20 * SLOW, timeout=int(figure(2000)))
        slow = [stage.lab.connect("c", OWN["p1"], WEB, 10 * SLOW) for _ in range(200)]
        for number, sock in enumerate(slow):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            try:
                sock.sendall(b"GET /history.json HTTP/1.1\r\nHost: x\r\n" + b"\r\n" * (number % 2))
            except OSError:
                pass
        began = time.monotonic()
        while time.monotonic() < began + 2:
            answer = ask(stage, "p1", "/metrics", at="s1")
            assert answer.code == 200
            found = samples(answer.body.decode())
            assert found["hapair_web_connections"] <= 17, found
            time.sleep(0.1)  # whoever asks without a rest is one of them
        # Some have no place left, or he is held back with all he wants.
        refused = [found[f'hapair_web_refused_total{{reason="{why}"}}'] for why in ("client_full", "held_back")]
        assert sum(refused) >= 180, found
        for sock in slow:
            sock.close()
        result = probe.result()
        assert result["ok"] == result["probes"] > 100 / SLOW, result
