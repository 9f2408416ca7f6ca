"""Goal: thousands of connections at once, with random amounts, pauses,
half-closes and resets: every byte right, every end the right kind, and nothing
left of any of them; traps T26 and T37 of relay.md, and all others by chance."""

import json
import os
import signal
import subprocess

from stage import PORT, SLOW, TOOLS, Stage, address, families, limit, single, wait_for
from traps import Relay, service_of

ALONE = True  # it judges milliseconds or processor time

# HAPAIR_CHURN=60 runs each for a minute.
SECONDS = int(os.environ.get("HAPAIR_CHURN", "6"))
CONNECTIONS = 5000 if SLOW == 1 else 500

FAULTS = ("corrupt", "cut_short", "false_ends", "unexpected", "failed", "stuck")


@families
@limit(60 + SECONDS)
def test_t26_churn_leaves_nothing(family: int) -> None:
    spec = service_of(family, "s1", check={"interval": "1s", "timeout": "1s"})
    with single(services=[spec], threads=2, log={"level": "notice"}) as stage:
        server = stage.lab.spawn(
            "s1", [f"{TOOLS}/churn", "server", str(PORT)], stdout=subprocess.PIPE, text=True
        )
        stage.start()
        wait_for(lambda: stage["p1"].server_states() == {"s1": "up"})
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
        # The server may still pause before it reads the last ends.
        wait_for(lambda: "CLOSE-WAIT" not in states(stage), 5 * SLOW, 0.1)
        server.send_signal(signal.SIGTERM)
        its = json.loads(server.communicate(timeout=10)[0])
        for result in (mine, its):
            wrong = {k: result[k] for k in FAULTS if result[k]}
            assert not wrong, (mine, its, r.endings())
        assert mine["ended"] > CONNECTIONS and mine["resets"] and mine["in_order"]


def states(stage: Stage) -> str:
    return str(stage.lab.run("s1", "ss", "-Htan", f"sport = :{PORT}").stdout)
