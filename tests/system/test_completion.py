"""Goal: in a real bash the script of `hapair completion bash` completes names of the
running daemon, and without one those of the file."""

import os
import subprocess
from pathlib import Path

from stage import BINARY, hapair, single

THREADS = False


def completed(folder: str, line: str) -> list[str]:
    """What bash would offer at the end of the line."""
    command = os.path.join(folder, "hapair")
    if not os.path.exists(command):
        os.symlink(os.path.abspath(BINARY), command)
    with open(f"{folder}/script", "w") as f:
        f.write(hapair("completion", "bash").stdout)
    ask = 'source "$1"; complete -p hapair; COMP_LINE=$2; COMP_POINT=${#2}; _hapair; printf "%s\\n" "${COMPREPLY[@]}"'
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", ask, "bash", f"{folder}/script", line],
        env=env, capture_output=True, text=True,
    )
    assert ran.stderr == "", ran.stderr
    first, *offered = ran.stdout.split()[5:]
    assert first == "hapair", ran.stdout
    return offered


def test_names_of_the_daemon_and_of_the_file() -> None:
    with single() as stage:
        folder, config = stage.lab.dir, Path(stage["p1"].config)
        by_file = f"hapair server -c {config} "
        running = f"hapair server -s {stage.lab.host_dir('p1')}/control.sock "
        assert completed(folder, "hapair sta") == ["status"]
        assert completed(folder, running) == []
        service, server, *_ = completed(folder, by_file)
        assert server.startswith(f"{service}/"), server
        stage.start()
        # The file says something else by now.
        config.write_text(config.read_text().replace(f'"{service}"', '"later"'))
        assert completed(folder, by_file)[0] == "later"
        assert completed(folder, running)[:2] == [service, server]
        assert completed(folder, f"{running}{server} dr") == ["drain"]
