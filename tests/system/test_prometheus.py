"""Goal: what ships for Prometheus and Grafana works with the real Prometheus: it reads
both nodes, the alerts fire when they should, and every question can be asked."""

import http.client
import json
import re
import shutil
import subprocess
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from stage import ROOT, SLOW, LeftOut, Stage, address, wait_for

THREADS = False  # those that answer are tried in tests of their own

PLACE = ROOT / "doc/monitoring"
PORT = 8404
WEB = {"listen": [f"*:{PORT}"], "allow": ["10.77.0.0/24"]}


def tool(name: str) -> str:
    if path := shutil.which(name):
        return path
    raise LeftOut("there is no Prometheus here: scripts/install-deps system")


def promtool(*args: str) -> str:
    done = subprocess.run([tool("promtool"), *args], capture_output=True, text=True, cwd=PLACE, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def questions() -> list[str]:
    """Those of the dashboard's panels, as Grafana would send them."""
    panels = json.loads((PLACE / "hapair-dashboard.json").read_text())["panels"]
    found = [t["expr"] for p in panels for t in p.get("targets", [])]
    return [e.replace("$__rate_interval", "1m").replace("$pair", ".*").replace("$service", ".*")
            .replace("$server", ".*") for e in found]


def test_rules() -> None:
    """Each alert fires when it should, and not when it should not."""
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "alerts-test.yml")
    with tempfile.TemporaryDirectory() as folder:
        rules = [{"record": f"asked:{i}", "expr": e} for i, e in enumerate(questions())]
        path = Path(folder, "dashboard.yml")
        # JSON is YAML.
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        assert f"{len(rules)} rules found" in promtool("check", "rules", str(path))


class Prometheus:
    """The real one, on the client's host."""

    def __init__(self, stage: Stage) -> None:
        self.lab = stage.lab
        folder = Path(stage.lab.dir, "prometheus")
        folder.mkdir()
        text = (PLACE / "prometheus.yml").read_text()
        for host in ("p1", "p2"):
            text = text.replace(f"proxy{host[1]}.example.com", address(host))
        text = text.replace("scrape_interval: 5s", "scrape_interval: 1s")
        text = text.replace("evaluation_interval: 5s", "evaluation_interval: 1s")
        (folder / "prometheus.yml").write_text(text)
        shutil.copy(PLACE / "hapair-alerts.yml", folder)
        self.lab.spawn("c", [tool("prometheus"), f"--config.file={folder}/prometheus.yml",
                             f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090",
                             "--log.level=warn"], log=f"{folder}/log")

    def ask(self, path: str, **words: str) -> Any:
        """The data of its answer; None where it does not answer yet."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", 9090)
            connection.sock = self.lab.connect("c", "127.0.0.1", 9090)
        except OSError:
            return None
        connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(words)}")
        with connection.getresponse() as answer:
            return json.loads(answer.read())["data"] if answer.status == 200 else None

    def value(self, question: str) -> float | None:
        """Of one that has one value; None where it has none yet."""
        found = (self.ask("query", query=question) or {}).get("result")
        return float(found[0]["value"][1]) if found else None


def test_it_is_scraped() -> None:
    """Both targets are up, a few series have what is so, and the alert of a server
    that is down waits its minute."""
    tool("prometheus")
    with Stage(web=WEB) as stage:
        echo = stage.serve()
        stage.start()
        prometheus = Prometheus(stage)
        stage.ask()
        for question, wanted in (
            ('sum(up{job="hapair"})', 2), ('sum(hapair_group_state{state="master"})', 1),
            ("sum(hapair_peer_reachable)", 2), ('sum(hapair_server_state{state="up"})', 6),
            ("sum(hapair_service_connections_accepted_total)", 1), ("min(hapair_config_peer_matches)", 1),
        ):
            wait_for(lambda: prometheus.value(question) == wanted, 20 * SLOW, 0.2)
        echo["s1"].kill()
        wait_for(lambda: prometheus.value('ALERTS{alertname="HapairServerDown",server="s1"}') == 1, 20 * SLOW, 0.2)
        health = [t["lastError"] for t in prometheus.ask("targets")["activeTargets"]]
        assert health == ["", ""], health
        rules = [r for g in prometheus.ask("rules")["groups"] for r in g["rules"]]
        assert len(rules) == len(re.findall("- alert:", (PLACE / "hapair-alerts.yml").read_text()))
        assert all(r["health"] == "ok" for r in rules), rules
