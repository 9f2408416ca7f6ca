"""Goal: what `hapair import` makes of files of haproxy and keepalived runs as it is, but
for the addresses of the lab: both nodes take it, agree on a master, and serve. What is
named on stderr is named by file and line, and the exit status says what came of it."""

import base64
import re
from pathlib import Path

from stage import (
    PORT, ROOT, SLOW, VIP, Stage, address, hapair, interval_ms, read_all, wait_for,
)

THREADS = False
EXAMPLES = ROOT / "tests/golden/import"
OWN = {"p1": address("p1"), "p2": address("p2")}


def files(folder: str, name: str, places: dict[str, str]) -> list[str]:
    """Copies of an example's files, with the lab's addresses in place of theirs."""
    found = []
    for end in ("haproxy.cfg", "keepalived.conf", "keepalived-2.conf"):
        source = EXAMPLES / f"{name}.{end}"
        if not source.exists():
            continue
        text = source.read_text()
        for pattern, place in places.items():
            text = re.sub(pattern, place, text)
        copy = Path(folder, f"{name}.{end}")
        copy.write_text(text)
        found.append(str(copy))
    return found


def imported(stage: Stage, name: str, places: dict[str, str]) -> str:
    """The result, which `check` has nothing against, on both nodes' disk; with what a
    reader of it would fill in."""
    result = f"{stage.lab.dir}/imported.yaml"
    done = hapair("import", "-o", result, *files(stage.lab.dir, name, places))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^hapair import: \d+ services?, 1 group; ", done.stderr, re.M), done.stderr
    assert hapair("check", result).returncode == 0
    # Nothing is written over.
    again = hapair("import", "-o", result, str(EXAMPLES / f"{name}.haproxy.cfg"))
    assert again.returncode == 1 and "exists" in again.stderr, again.stderr
    text = Path(result).read_text()
    text = text.replace("/etc/hapair/pair.key", stage.key_file)
    text = text.replace("192.0.2.1 ", f"{OWN['p1']} ").replace("192.0.2.2 ", f"{OWN['p2']} ")
    text = text.replace("/etc/hapair/web.password", str(password(stage)))
    text = re.sub(r"^log:.*\n(  .*\n)+", "", text, flags=re.M)
    pace = f"  interval: {interval_ms()}ms\n  hang_timeout: {50 * interval_ms()}ms\n"
    text = text.replace("pair:\n", f"pair:\n{pace}", 1)
    # Where the import leaves the wait to the preset it is a short one.
    ours = r"(mode: standby\n    failback: \w+\n)(?!    hold)"
    text = re.sub(ours, r"\1    hold: 500ms\n", text)
    text += f"log: {{level: debug}}\ncontrol: {stage.lab.run_dir}/control.sock\n"
    Path(stage.config).write_text(text)
    return text


def password(stage: Stage) -> Path:
    """Of the page of statistics, which the import tells nobody."""
    path = Path(stage.lab.dir, "web.password")
    path.write_text("secret\n")
    path.chmod(0o400)
    return path


def health(stage: Stage, port: int, user: str) -> str:
    """The status of the page that says whether this node serves."""
    with stage.lab.connect("c", VIP[4], port, 5 * SLOW) as sock:
        secret = base64.b64encode(user.encode()).decode()
        sock.sendall(f"GET /health HTTP/1.0\r\nAuthorization: Basic {secret}\r\n\r\n".encode())
        return read_all(sock).split(b" ")[1].decode()


def greeting(stage: Stage, port: int) -> str:
    """Of whoever serves at the virtual IP; "": nobody does."""
    try:
        with stage.lab.connect("c", VIP[4], port, 5 * SLOW) as sock:
            return str(sock.recv(100).decode().strip())
    except OSError:
        return ""


# The lab waits for both families.
BOTH = f"{VIP[4]}/24\n        {VIP[6]}/64"


def test_kerberos_is_served_and_its_kadmin_stands_by() -> None:
    places = {r"10\.100\.0\.10/24 brd \S+ scope global": BOTH, r"10\.100\.0\.10": VIP[4]}
    for i in (1, 2, 3):
        places[rf"kdc{i}\.example\.org:\d+"] = f"{address(f's{i}')}:{PORT}"
    with Stage() as stage:
        text = imported(stage, "kerberos", places)
        assert "FILL IN" in text, "no file says where the nodes are"
        started = stage.serve()
        stage.start()
        assert {greeting(stage, 88) for _ in range(6)} == {"s1", "s2", "s3"}
        assert {greeting(stage, 749) for _ in range(3)} == {"s1"}
        started["s1"].kill()
        started["s1"].wait()
        wait_for(lambda: greeting(stage, 749) == "s2", 30 * SLOW)


def test_impala_is_served_from_words_of_old() -> None:
    places = {r"10\.20\.0\.10/24": BOTH, r"10\.20\.0\.11": OWN["p1"], r"10\.20\.0\.12": OWN["p2"]}
    for i in (1, 2, 3):
        places[rf"(hadoop|meta){i}\.example\.org:\d+"] = f"{address(f's{i}')}:{PORT}"
    with Stage() as stage:
        imported(stage, "impala", places)
        stage.serve()
        stage.start()
        assert {greeting(stage, 25003) for _ in range(6)} == {"s1", "s2", "s3"}
        assert len({greeting(stage, 21051) for _ in range(6)}) == 1, "by the client's address"
        assert {greeting(stage, 24000) for _ in range(3)} == {"s1"}
        assert health(stage, 25002, "admin:secret") == "200"
        assert health(stage, 25002, "admin:wrong") == "401"


def test_what_cannot_be_imported_is_named() -> None:
    with Stage() as stage:
        web = Path(stage.lab.dir, "web.cfg")
        web.write_text("listen web\n  mode http\n  bind :80\n  server a 10.0.0.1:80\n")
        done = hapair("import", str(web))
        assert done.returncode == 1 and done.stdout == "", done
        assert f"{web}:1: warning: 'listen web' is of mode http" in done.stderr, done.stderr
        done = hapair("import", f"{web}.no")
        assert done.returncode == 2 and done.stdout == "", done
        assert "No such file" in done.stderr, done.stderr
        assert hapair("import").returncode == 2
        web.write_text('listen db\n  bind "$DB:80"\n  server a 10.0.0.1:80\n')
        done = hapair("import", str(web), env={"DB": "10.0.0.9"})
        assert done.returncode == 0 and "listen: 10.0.0.9:80" in done.stdout, done
