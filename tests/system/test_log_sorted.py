"""Goal: rsyslog, systemd's journal and files sort the lines of all processes by name and
level; what nobody wanted is a warning, and has a word of its own to be found by."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

from stage import BINARY, SLOW, Stage, environment, single, wait_for

# /dev becomes a folder of links to all that is there, and to a log that is ours; in the
# mounts of this process alone. Then, if there is a FILE, an rsyslogd in it.
WITH_LOG = """
dir=$1 conf=$2
shift 2
mkdir "$dir/real"
mount --rbind /dev "$dir/real"
mount -t tmpfs -o mode=755 none /dev
for file in "$dir"/real/*; do ln -s "$file" /dev; done
ln -s "$dir/log" /dev/log
if [ -n "$conf" ]; then
	rsyslogd -n -f "$conf" -i "$dir/rsyslogd.pid" &
	while [ ! -S "$dir/log" ]; do sleep 0.05; done
fi
exec "$@"
"""
RSYSLOGD = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="DIR/log")
template(name="place" type="string"
	string="DIR/sorted/%programname%.%syslogfacility-text%.%syslogseverity-text%")
template(name="line" type="string" string="%procid%:%msg%\\n")
action(type="omfile" dynaFile="place" template="line" dirCreateMode="0755")
"""
WARNING, NOTICE, INFO = 4, 5, 6


def place(stage: Stage) -> Path:
    """The directory in which p1's /dev/log is."""
    top = Path(stage.lab.dir, "dev")
    top.mkdir()
    return top


def start(stage: Stage, top: Path, config: str = "") -> None:
    stage["p1"].start(prefix=("sh", "-euc", WITH_LOG, "sh", str(top), config))


def go_through_it(stage: Stage, tools: dict[str, Any]) -> None:
    """A start, a connection and a server that goes down."""
    stage.wait_serving("p1")
    stage.ask()
    tools["s2"].kill()
    wait_for(lambda: stage["p1"].server_states()["s2"] == "down", 10)


def test_o11_o12_rsyslogd_sorts_by_name_and_level() -> None:
    with single(log={"target": "syslog", "facility": "local3", "level": "info"}) as stage:
        tools, top = stage.serve(), place(stage)
        config = Path(top, "rsyslog.conf")
        config.write_text(RSYSLOGD.replace("DIR", str(top)))
        start(stage, top, str(config))
        go_through_it(stage, tools)

        def sorted_lines(level: str) -> list[str]:
            path = Path(top, "sorted", f"hapair.local3.{level}")
            return path.read_text().splitlines() if path.exists() else []

        down = r"(\d+): service web, server s2: \[server-down\] up -> down, reason: .*refused"
        wait_for(lambda: any(re.match(down, x) for x in sorted_lines("warning")), 5)
        roles = stage["p1"].roles()
        assert sorted_lines("warning")[-1].startswith(f"{roles['relay']}: ")
        ready = f"{stage['p1'].pid}: supervisor: ready"
        wait_for(lambda: ready in sorted_lines("notice"), 5)
        wait_for(lambda: any(": connection client=" in x for x in sorted_lines("info")), 5)
        names = {x.name.split(".")[0] for x in Path(top, "sorted").iterdir()}
        assert names <= {"hapair", "rsyslogd"}, names
        assert not sorted_lines("err") and stage["p1"].stop() == 0


def journals_fields(data: bytes) -> dict[str, str]:
    """As journald reads what comes in at its /dev/log:
    priority, a time as RFC 3164 has it, and up to a colon who says it."""
    text = data.decode()
    found = re.match(r"<(\d{1,3})>", text)
    assert found, text
    text = text[found.end() :]
    stamp = re.match(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ", text)
    assert stamp, text
    name = re.match(r"(\S+?)(?:\[(\d+)\])?: ", text[stamp.end() :])
    assert name, text
    return {
        "PRIORITY": str(int(found[1]) % 8),
        "SYSLOG_FACILITY": str(int(found[1]) // 8),
        "SYSLOG_IDENTIFIER": name[1],
        "SYSLOG_PID": name[2],
        "MESSAGE": text[stamp.end() + name.end() :],
    }


def test_o11_o12_journald_reads_name_and_level() -> None:
    with single(log={"target": "syslog", "facility": "local3", "level": "info"}) as stage:
        tools, top = stage.serve(), place(stage)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(f"{top}/log")
            sock.settimeout(10 * SLOW)
            start(stage, top)
            go_through_it(stage, tools)
            lines = []
            while not any("[server-down]" in x["MESSAGE"] for x in lines):
                lines.append(journals_fields(sock.recv(4096)))
        assert {x["SYSLOG_IDENTIFIER"] for x in lines} == {"hapair"}
        assert {x["SYSLOG_FACILITY"] for x in lines} == {"19"}
        pids = {str(p) for p in (stage["p1"].pid, stage["p1"].relay())}
        quiet = {str(stage["p1"].failover())}  # but for what it goes on without
        assert pids <= {x["SYSLOG_PID"] for x in lines} <= pids | quiet, lines
        levels = {x["MESSAGE"]: int(x["PRIORITY"]) for x in lines}
        assert levels["supervisor: ready"] == NOTICE
        assert [v for k, v in levels.items() if ": connection client=" in k] == [INFO]
        assert levels[lines[-1]["MESSAGE"]] == WARNING


def lines_of_journal(stage: Stage, *argv: str) -> Iterator[str]:
    """What a process on p1 writes to a journal that is its stderr."""
    reader, writer = os.pipe()
    env = environment(stage.lab)
    stat = os.fstat(writer)
    env["JOURNAL_STREAM"] = f"{stat.st_dev}:{stat.st_ino}"
    stage["p1"].process = stage.lab.spawn(
        "p1", list(argv), stdout=subprocess.DEVNULL, stderr=writer, env=env
    )
    os.close(writer)
    with open(reader) as stream:
        yield from stream


def test_o11_each_line_on_the_journals_stderr_has_its_level() -> None:
    with single(log={"level": "info"}) as stage:
        tools = stage.serve()
        levels: dict[str, str] = {}
        for line in lines_of_journal(stage, BINARY, "run", "-c", stage.config):
            found = re.fullmatch(r"<([3-6])>([a-z].*)\n", line)
            assert found, line
            levels[found[2]] = found[1]
            if found[2] == "supervisor: ready":
                go_through_it(stage, tools)
            if "[server-down]" in found[2]:
                assert found[1] == "4", line
                stage["p1"].process.terminate()
        assert levels["supervisor: ready"] == levels["supervisor: stopped"] == "5"
        assert {v for k, v in levels.items() if ": connection client=" in k} == {"6"}
        # Why a start is refused: there is no log yet.
        Path(stage.config).write_text("services: 5\n")
        refused = list(lines_of_journal(stage, BINARY, "run", "-c", stage.config))
        assert refused and all(x.startswith("<3>") for x in refused), refused


def test_o12_a_takeover_is_a_warning_and_a_stop_is_none() -> None:
    """And the words are where somebody looks for them."""
    with Stage(log={"level": "warning"}) as stage:
        stage.serve()
        stage.start()
        stage.wait_master("p1")
        stage["p1"].stop()
        stage.wait_master("p2")
        time.sleep(0.2)
        assert "[takeover]" not in stage["p2"].log(), stage["p2"].log()
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "backup", 10)
        stage["p2"].kill_all()
        stage.wait_master("p1", 10)
        said = r" warning: group main: \[takeover\] backup -> master, reason: peer"
        wait_for(lambda: re.search(said, stage["p1"].log()), 5)
