"""Goal: the log tells every connection and change of state, in the format of
its target, and never holds up the traffic it tells of."""

import fcntl
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from stage import BINARY, SLOW, Stage, address, endpoint, environment, families, single, wait_for

RFC5424 = re.compile(
    r"<(?P<pri>\d{1,3})>1 "
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)) "
    r"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) "
    r"(?P<id>[!-~]{1,32}) (?P<sd>-|(\[[^\]]*\])+)( (?P<msg>.*))?",
    re.S,
)
LOCAL0 = 16


def connection_lines(text: str) -> list[str]:
    return [x for x in text.splitlines() if address("c") in x or address("c", 6) in x]


def server_of(line: str) -> str:
    found = re.search(r" server=(\S+) ", line)
    assert found, line
    return found[1]


@families
def test_a_line_a_connection(family: int) -> None:
    with single(log={"level": "info"}) as stage:
        stage.serve()
        stage.start()
        said = [stage.ask(family) for _ in range(3)]
        lines = wait_for(lambda: (x := connection_lines(stage["p1"].log())) and len(x) == 3 and x)
        # The lines come as the connections end, of different workers.
        assert sorted(server_of(line) for line in lines) == sorted(said)
        assert all("service web:" in line for line in lines), lines


def test_connections_off_and_levels() -> None:
    with single(log={"level": "info", "connections": False}) as stage:
        stage.serve()
        stage.start()
        stage.ask()
        time.sleep(0.2)
        assert connection_lines(stage["p1"].log()) == []
    with single(log={"level": "warning"}) as stage:
        stage.serve()
        stage.start()
        stage.ask()
        stage["p1"].stop()
        assert stage["p1"].log() == "", "in good order there is nothing to warn of"


def test_transitions_tell_their_reason() -> None:
    with Stage(log={"level": "notice"}) as stage:
        stage.serve()
        stage.start()
        stage["p1"].kill_all()
        stage.wait_master("p2", 10)
        line = wait_for(lambda: re.search(r".*backup -> master.*", stage["p2"].log()))
        assert line and "main" in line[0] and "reason: " in line[0], stage["p2"].log()
        reason = stage["p2"].status()["groups"][0]["reason"]
        assert reason and reason in line[0], (reason, line[0])


def test_server_changes_are_logged() -> None:
    with single(log={"level": "notice"}) as stage:
        tools = stage.serve()
        stage.start()
        tools["s2"].kill()
        wait_for(lambda: stage["p1"].server_states()["s2"] == "down", 5)
        down = wait_for(lambda: re.search(r".*\bs2\b.*\bdown\b.*", stage["p1"].log()))
        assert "refused" in down[0].lower(), down[0]
        stage.serve("banner", "s2")
        wait_for(lambda: re.search(r"\bs2\b.*\bup\b", stage["p1"].log().split(down[0])[1]))


def test_file() -> None:
    with single(log={"target": "{run}/hapair.log"}) as stage:
        stage.serve()
        stage.start()
        stage.ask()
        path = Path(stage.lab.host_dir("p1"), "hapair.log")
        wait_for(lambda: connection_lines(path.read_text()))
        stage["p1"].stop()
        text = path.read_text()
        stage["p1"].start()
        stage.wait_serving("p1")
        assert path.read_text().startswith(text), "appends, never starts anew"
        assert path.stat().st_mode & 0o007 == 0 or path.stat().st_mode & 0o002 == 0
        assert connection_lines(stage["p1"].log()) == []


@families
def test_udp(family: int) -> None:
    target = f"udp://{endpoint(address('s1', family), 5514)}"
    with single(log={"target": target, "facility": "local0"}) as stage:
        stage.serve()
        with stage.lab.socket("s1", family, socket.SOCK_DGRAM) as sock:
            sock.bind((address("s1", family), 5514))
            sock.settimeout(3 * SLOW)
            stage.start()
            stage.ask(family)
            seen = ""
            while address("c", family) not in seen:
                data = sock.recv(4096).decode()
                parsed = RFC5424.fullmatch(data)
                assert parsed, data
                facility, severity = divmod(int(parsed["pri"]), 8)
                assert facility == LOCAL0 and 3 <= severity <= 7, data
                assert parsed["app"].startswith("hapair"), data
                assert parsed["proc"].isdigit(), data
                assert not data.endswith("\n"), data
                seen = parsed["msg"] or ""


def test_udp_to_nobody() -> None:
    """A collector that is not there, or cut off, costs nothing."""
    with single(log={"target": f"udp://{address('s1')}:5514"}) as stage:
        stage.serve()
        stage.start()
        result = stage.probe(4, 1).result()
        assert result["ok"] == result["probes"], result
        stage.lab.drop("s1", "to", "udp dport 5514")
        result = stage.probe(4, 1).result()
        assert result["ok"] == result["probes"], result


def test_full_sink_does_not_hold_up_traffic() -> None:
    """stderr is a pipe that nobody reads: lines are dropped, not clients."""
    with single(log={"level": "info"}) as stage:
        stage.serve()
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        argv = [BINARY, "run", "-c", stage.config]
        stage["p1"].process = stage.lab.spawn(
            "p1", argv, stdout=subprocess.DEVNULL, stderr=writer, env=environment(stage.lab)
        )
        os.close(writer)
        stage.wait_serving("p1")
        result = stage.probe(4, 5, interval=1).result()
        assert result["ok"] == result["probes"] > 500, result
        assert result["latency_ms"]["max"] < 200 * SLOW, result
        assert stage["p1"].state() == "silent" or stage["p1"].status()["node"]
        # Once somebody reads again, it is told how many were lost.
        os.set_blocking(reader, False)
        text = ""

        def told() -> bool:
            """the number of dropped lines is in the log"""
            nonlocal text
            try:
                text += os.read(reader, 1 << 20).decode(errors="replace")
            except BlockingIOError:
                pass
            stage.ask()
            told_of = r"\d+ (log )?lines? (were )?(dropped|lost)|dropped \d+"
            return re.search(told_of, text) is not None

        wait_for(told, 5 * SLOW, step=0.05)
        assert stage["p1"].stop() == 0
        os.close(reader)
