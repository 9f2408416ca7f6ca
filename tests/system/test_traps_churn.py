"""Goal: thousands of connections at once, with random amounts, pauses,
half-closes and resets: every byte right, every end the right kind, and nothing
left of any of them; traps T26 and T37 of tests/TRAPS.md, and all others by chance."""

import contextlib
import json
import os
import signal
import subprocess

from stage import PORT, SLOW, TOOLS, Stage, address, families, limit, single, wait_for
from traps import Relay, service_of

TIMED = True  # it judges milliseconds or processor time

# HAPAIR_CHURN=60 runs each for a minute.
SECONDS = int(os.environ.get("HAPAIR_CHURN", "6"))
CONNECTIONS = 5000 if SLOW == 1 else 500

FAULTS = ("corrupt", "cut_short", "false_ends", "unexpected", "failed", "stuck")


# Three, since a closed connection keeps its port towards a server for a minute.
SERVERS = ("s1", "s2", "s3")


@families
@limit(60 + SECONDS)
def test_t26_churn_leaves_nothing(family: int) -> None:
    spec = service_of(family, *SERVERS, check={"interval": "1s", "timeout": "1s"})
    with single(services=[spec], threads=2, log={"level": "notice"}) as stage:
        servers = [
            stage.lab.spawn(
                s, [f"{TOOLS}/churn", "server", str(PORT)], stdout=subprocess.PIPE, text=True
            )
            for s in SERVERS
        ]
        stage.start()
        wait_for(lambda: set(stage["p1"].server_states().values()) == {"up"})
        r = Relay(stage, family, {})
        client = stage.lab.spawn(
            "c",
            [f"{TOOLS}/churn", "client", "-c", str(CONNECTIONS), "-d", str(SECONDS)]
            + ["-s", str(family), address("p1", family), str(PORT)],
            stdout=subprocess.PIPE, text=True,
        )
        out, _ = client.communicate(timeout=40 + SECONDS)
        mine = json.loads(out)
        r.clean()
        # The servers may still pause before they read the last ends.
        wait_for(lambda: "CLOSE-WAIT" not in states(stage), 5 * SLOW, 0.1)
        # Also a reset may have to wait until a paused end looks for it.
        wait_for(lambda: all(sockets(s.pid) == 1 for s in servers), 5 * SLOW, 0.1)
        results = [mine]
        for server in servers:
            server.send_signal(signal.SIGTERM)
            results.append(json.loads(server.communicate(timeout=10)[0]))
        for result in results:
            wrong = {k: result[k] for k in FAULTS if result[k]}
            assert not wrong, (results, r.endings())
        assert mine["ended"] > CONNECTIONS and mine["resets"] and mine["in_order"]


def sockets(pid: int) -> int:
    found = 0
    for entry in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found += os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:")
    return found


def states(stage: Stage) -> str:
    words = ("ss", "-Htan", f"sport = :{PORT}")
    return "".join(str(stage.lab.run(s, *words).stdout) for s in SERVERS)
