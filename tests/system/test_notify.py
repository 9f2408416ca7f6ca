"""Goal: the operator's program hears of each change of a group's state, in order
and once; and whatever it does, nobody waits for it."""

import os
import re
import signal
import time
from pathlib import Path

from lab import PREFIX
from stage import SLOW, VIP, Stage, figure, limit, wait_for, write_script

# What the supervisor's main thread does.
THREADS = False

RECORD = 'echo "$#:$1 $2 $3" >>calls; echo "$2 $4 $5 $6" >>more'


def with_notify() -> Stage:
    """{run} is each host's own folder: see put()."""
    return Stage(pair={"notify": "{run}/notify"})


def put(stage: Stage, body: str) -> None:
    """The program, on both hosts."""
    for host in ("p1", "p2"):
        write_script(f"{stage.lab.host_dir(host)}/notify", f"cd {stage.lab.run_dir}\n{body}")


def calls(stage: Stage, host: str) -> list[str]:
    path = Path(stage.lab.host_dir(host), "calls")
    return path.read_text().splitlines() if path.exists() else []


def transitions(stage: Stage, host: str) -> list[str]:
    """What the log says, as the program should have heard it."""
    found = re.findall(r"group main: \[[a-z-]+\] \w+ -> (\w+), reason: (.*)", stage[host].log())
    return [f"6:main {state} {reason}" for state, reason in found]


def settled(stage: Stage) -> bool:
    """one master, which holds the address, and one backup"""
    states = {host: stage[host].state() for host in ("p1", "p2")}
    masters = [host for host, state in states.items() if state == "master"]
    return sorted(states.values()) == ["backup", "master"] and masters == stage.lab.holders(VIP[4])


def agree(stage: Stage, host: str) -> None:
    """Program and log have heard the same, no more and no less."""

    def same() -> bool:
        """as many calls as lines in the log"""
        return len(calls(stage, host)) >= len(transitions(stage, host))

    wait_for(same, 5 * SLOW)
    assert calls(stage, host) == transitions(stage, host)


@limit(60)
def test_in_order_with_quick_flaps() -> None:
    """Takeovers there and back, an interface that goes up and down: each change
    is told by a program that takes longer than the changes."""
    with with_notify() as stage:
        put(stage, f"{RECORD}\nsleep 0.05")
        stage.serve()
        stage.start()
        for _ in range(6):
            host = wait_for(lambda: stage.lab.holders(VIP[4]), 10 * SLOW)[0]
            other = "p2" if host == "p1" else "p1"
            for word in ("down", "up", "down", "up", "down"):
                stage.ip(host, "link", "set", "eth0", word)
            wait_for(lambda: stage.lab.holders(VIP[4]) == [other], 10 * SLOW)
            stage.ip(host, "link", "set", "eth0", "up")
            # Whoever it is: one that comes back so quickly may not be noticed.
            wait_for(lambda: settled(stage), 10 * SLOW)
        for host in ("p1", "p2"):
            assert stage[host].stop() == 0
            agree(stage, host)
            assert calls(stage, host)[-1] == "6:main fault stopped"
            more = Path(stage.lab.host_dir(host), "more").read_text().splitlines()
            peer = "proxy2" if host == "p1" else "proxy1"
            addresses = ",".join(f"{VIP[f]}/{PREFIX[f]}" for f in (4, 6))
            assert more[-1] == f"fault {addresses} {peer} stop", more
            assert {x.split()[-1] for x in more[:-1]} <= {"run", "stop"} and "run" in more[0], more
            assert len(calls(stage, host)) >= 7
        assert not [c for c in calls(stage, "p1") if " started, " in c], "not the first state"


def test_restart_of_the_failover_is_no_change() -> None:
    with with_notify() as stage:
        put(stage, RECORD)
        stage.serve()
        stage.start()
        wait_for(lambda: len(calls(stage, "p1")) == 1, 5)
        os.kill(stage["p1"].failover(), signal.SIGKILL)
        wait_for(lambda: "failover process restarted" in stage["p1"].log(), 5)
        time.sleep(0.3)
        assert len(calls(stage, "p1")) == 1, calls(stage, "p1")


def test_one_that_hangs() -> None:
    """A takeover and a stop are as quick with it as without; what it was not told
    by the end is left."""
    with with_notify() as stage:
        put(stage, "sleep 1000")
        stage.serve()
        stage.start()
        running = stage.probes(1.5)
        time.sleep(0.5)
        os.kill(stage["p1"].pid, signal.SIGTERM)
        result = running.result()
        assert result["gap_ms"] <= figure(150), result
        began = time.monotonic()
        assert stage["p1"].process.wait(10 * SLOW) == 0
        assert time.monotonic() - began < 3 + figure(1000) / 1000
        assert stage["p1"].tells("notify does not end")
        stage.wait_master("p2")
        assert stage["p2"].status()["groups"][0]["state"] == "master"


def test_one_that_fails() -> None:
    """Said once for each call, with its status; the next is called all the same."""
    with with_notify() as stage:
        put(stage, f"{RECORD}\nexit 3")
        stage.serve()
        stage.start()
        stage["p1"].stop()
        agree(stage, "p1")
        log = stage["p1"].log()
        for state in ("master", "fault"):
            assert len(re.findall(rf"notify main {state}: status 3", log)) == 1, state
        stage.wait_master("p2")


def test_one_that_is_not_there() -> None:
    with with_notify() as stage:
        stage.serve()
        stage.start()
        wait_for(lambda: "no such file" in stage["p1"].log(), 5)
        assert stage.lab.holders(VIP[4]) == ["p1"]
