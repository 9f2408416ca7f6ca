"""Goal: `check --host` finds, before the start, what would stop the start or a
takeover, names each in words that say what to do, and harms nothing."""

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Iterator

import lab as labs
import stage as stages
from stage import VIP, Stage, service, wait_for


def look(stage: Stage, host: str = "p1", *args: str) -> tuple[int, str]:
    done = stage.lab.run(host, stages.BINARY, "check", "--host", "-c", stage.config, *args)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def found(text: str, kind: str) -> list[str]:
    return [line[9:] for line in text.splitlines() if re.match(f"{kind}  *", line)]


@contextlib.contextmanager
def left_address(lab: labs.Lab) -> Iterator[None]:
    """The virtual IP, as an earlier run may have left it."""

    def change(word: str) -> None:
        done = lab.run("p1", "ip", "addr", word, f"{VIP[4]}/24", "dev", "eth0")
        assert done.returncode == 0, done.stderr

    change("add")
    yield
    change("del")


def test_sound_machine() -> None:
    """Nothing is wrong, with daemons and without, and a running one is known."""
    with Stage() as stage:
        stage.serve()
        before = look(stage)
        assert before[0] == 0 and not found(before[1], "(error|warning)"), before
        assert "this is node proxy1" in before[1], before
        assert f"{VIP[4]}:80 is free" in before[1] and f"[{VIP[6]}]:80 is free" in before[1]
        assert "10.77.0.2 answers 10.77.0.1, hapair does not run there" in before[1], before
        stage.start()
        running = stage.probe(4, 1)
        status, text = look(stage)
        assert status == 0 and not found(text, "(error|warning)"), text
        assert f"hapair runs, as process {stage['p1'].pid}" in text, text
        assert "10.77.0.2 answers 10.77.0.1, hapair runs there" in text, text
        assert "is free" not in text, text
        assert "this is node proxy2" in look(stage, "p2")[1]
        # To have looked has moved nothing and cost no client anything.
        result = running.result()
        assert result["ok"] == result["probes"], result
        assert stage["p1"].state() == "master"
        assert stage["p1"].status()["groups"][0]["transitions"] == 1


def test_each_fault_is_named() -> None:
    """Every fault at once: none hides another, and the status says it."""
    with Stage() as stage:
        lab = stage.lab
        script = Path(lab.dir, "notify")
        script.write_text("#!/bin/sh\n")
        script.chmod(0o777)
        config = stage.build()
        config["pair"]["notify"] = str(script)
        config["pair"]["track"] = [{"script": f"{lab.dir}/nosuch"}]
        config["pair"]["groups"].append(
            {"name": "other", "interface": "nosuch0", "addresses": ["10.77.0.200/24"]}
        )
        config["services"].append(
            service(["10.77.0.200:81"], name="api", servers=["nosuch.invalid:80"])
        )
        secret = Path(lab.dir, "password")
        secret.write_text("word\n")
        secret.chmod(0o644)
        asked = {"type": "http", "user": "me", "password_file": str(secret)}
        asked.update(tls=True, ca=f"{lab.dir}/noca")
        config["services"].append(service(["10.77.0.100:82"], name="web2", check=asked))
        run = {"type": "script", "script": f"{lab.dir}/nocheck"}
        config["services"].append(service(["10.77.0.100:83"], name="web3", check=run))
        standby = {"mode": "standby", "fence": f"{lab.dir}/nofence", "promote": str(script)}
        config["services"].append(service(["10.77.0.100:84"], name="web4", **standby))
        config["log"] = {"target": f"{lab.dir}/none/hapair.log"}
        config["user"] = "nobodyatall"
        stage.configure(config)
        os.chmod(stage.key_file, 0o644)
        with lab.socket("p1") as other, left_address(lab):
            other.bind(("0.0.0.0", 80))
            other.listen()
            lab.power_cut("p2")
            status, text = look(stage)
        assert status == 1, text
        errors = "\n".join(found(text, "error"))
        for said in (
            r"key file .*others can read it, its mode is 0644: chmod 0400 it",
            r"user 'nobodyatall' does not exist",
            r"service web: cannot listen on 10.77.0.100:80: already in use by \S+, "
            r"process \d+, which listens on 0\.0\.0\.0:80",
            r"group other: interface nosuch0: there is no such interface",
            r"peer proxy2: 10.77.0.2 does not answer 10.77.0.1",
            r"track script .*/nosuch: No such file",
            r"password file .*/password: others can read it, .*chmod 0400",
            r"ca .*/noca: No such file",
            r"check script .*/nocheck: No such file",
            r"fence .*/nofence: No such file",
            r"log .*/none/hapair.log: directory: No such file",
        ):
            assert re.search(said, errors), (said, text)
        # Three servers have it, and it is said once.
        assert errors.count("password file ") == 1, text
        warnings = "\n".join(found(text, "warning"))
        assert re.search(r"notify .*can be written by .*chmod go?-w it", errors), text
        assert re.search(r"promote .*can be written by .*chmod go?-w it", errors), text
        assert "service api: server nosuch.invalid: " in warnings, text
        assert re.search(rf"group main: .* has {VIP[4]} and no hapair runs; one of an earlier run", warnings), text


def paths(text: str) -> list[str]:
    return [x for x in found(text, "ok") if x.startswith("peer ")]


def test_o14_where_hapair_runs_is_true_on_both_nodes() -> None:
    """Also where the peer is the one that dials. Its log has nothing of the question;
    a heartbeat is heard, or the peer's kernel says that there is nobody."""
    with Stage() as stage:
        stage.serve()
        forth, back = "10.77.0.2 answers 10.77.0.1", "10.77.0.1 answers 10.77.0.2"
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "master", 10)
        time.sleep(0.2)
        before = stage["p1"].log()
        assert f"peer proxy1: {back}, hapair runs there" in paths(look(stage, "p2")[1])
        assert f"peer proxy2: {forth}, hapair does not run there" in paths(look(stage)[1])
        stage["p1"].stop()
        stage["p2"].start()
        wait_for(lambda: stage["p2"].state() == "master", 10)
        other = stage["p2"].log()
        assert f"peer proxy2: {forth}, hapair runs there" in paths(look(stage)[1])
        assert f"peer proxy1: {back}, hapair does not run there" in paths(look(stage, "p2")[1])
        time.sleep(0.2)
        assert stage["p1"].log().startswith(before) and stage["p2"].log() == other
        stage.lab.drop("p1", "to", "udp dport 8401")
        status, text = look(stage)
        assert status == 1 and "hapair runs at 10.77.0.2, but no heartbeat comes" in text, text


def test_o14_what_nobody_noticed() -> None:
    """An address in no network of its interface, one that a third host answers for, one
    to listen on that nobody has, a directory that is missing; and no false alarm for a
    directory that `run` makes."""
    with Stage() as stage:
        stage.serve()
        config = stage.build()
        config["pair"]["groups"][0]["addresses"].append("10.99.0.100/24")
        config["services"].append(service(["10.98.0.1:81"], name="nobodys"))
        config["services"].append(service(["10.77.0.2:81"], name="peers"))
        config["control"] = "{run}/made/control.sock"
        config["pid_file"] = "{run}/made/hapair.pid"
        stage.configure(config)
        done = stage.lab.run("s1", "ip", "addr", "add", f"{VIP[4]}/24", "dev", "eth0")
        assert done.returncode == 0, done.stderr
        status, text = look(stage)
        errors, warnings = found(text, "error"), found(text, "warning")
        assert status == 1 and len(errors) == 1 and len(warnings) == 2, text
        said = rf"group main: another host, [0-9a-f:]{{17}} on interface eth0, answers for {VIP[4]};"
        assert re.match(said, errors[0]), text
        said = "group main: 10.99.0.100 is in no network of interface eth0, which has 10.77.0.1/"
        assert warnings[1].startswith(said), text
        said = "service nobodys: this machine does not have 10.98.0.1, and no group brings it"
        assert warnings[0].startswith(said), text
        # The peer's own address is no third host's.
        stage.lab.run("s1", "ip", "addr", "del", f"{VIP[4]}/24", "dev", "eth0")
        stage.lab.run("p2", "ip", "addr", "add", f"{VIP[4]}/24", "dev", "eth0")
        text = look(stage)[1]
        said = f"group main: peer proxy2 has {VIP[4]}, and no hapair runs there; "
        assert not found(text, "error") and said in text, text
        config["control"] = "{run}/none/made/control.sock"
        config["pid_file"] = "{run}/none/hapair.pid"
        config["log"] = {"target": "/var/log/nosuch/hapair.log"}
        stage.configure(config)
        errors = found(look(stage)[1], "error")
        assert [re.sub(r" /.*: directory", "", x) for x in errors] == [
            f"{what}: No such file or directory" for what in ("control socket", "log", "pid file")
        ], errors


def test_interface_that_is_down() -> None:
    """Down, and up without a cable: told apart."""
    with Stage() as stage:
        stage.lab.pull_cable("p1")
        wait_for(lambda: "it has no carrier" in look(stage)[1])
        assert look(stage)[0] == 1
        stage.lab.run("p1", "ip", "link", "set", "eth0", "down")
        status, text = look(stage, "p1", "--node", "proxy1")
        assert status == 1 and "interface eth0: it is down" in text, text
        assert "cannot be held" not in text
        stage.lab.run("p1", "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
        status, text = look(stage, "p1", "--node", "proxy1")
        assert f"{VIP[6]} cannot be held: IPv6 is switched off on interface eth0" in text, text
