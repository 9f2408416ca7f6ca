"""Goal: the page shows how the pair is, at once: within two seconds after a server
died or another node became master; it says when its node is lost; and without
scripts its tables tell the same."""

import json
from typing import Any

from browser import Tab, opened
from stage import ROOT, SLOW, Stage, address, limit, wait_for

THREADS = False  # the server of the page is tried in its own tests

PORT = 8404
PICTURES = ROOT / "build/page"
SOON_S = 2 * SLOW
WEB = {"listen": [f"*:{PORT}"], "allow": ["10.77.0.0/24"]}
HOSTILE = "<img src=x onerror=alert(1)>"


def url(host: str) -> str:
    return f"http://{address(host)}:{PORT}/"


def well(tab: Tab, where: str) -> None:
    """It has asked nobody else, and nothing was wrong with it."""
    assert all(u.startswith((where, "data:")) for u in tab.requests), tab.requests
    assert tab.complaints == [], tab.complaints


def row(server: str, key: str) -> str:
    return f"document.getElementById('server-web/{server}')?.dataset.{key}"


@limit(60)
def test_it_follows() -> None:
    """A server that dies and comes back, a handover, words of an operator, the end
    of its own node."""
    with Stage(web=WEB) as stage:
        echo = stage.serve()
        stage.start()
        with opened(stage.lab) as browser:
            tab, other = browser.tab(), browser.tab()
            tab.go(url("p1"))
            tab.wait(f"{row('s1', 'state')} === 'up' && !!document.querySelector('html.live')", 10 * SLOW)
            assert tab.text("#verdict") == "All is well"
            other.go(url("p2"))
            other.wait(f"{row('s1', 'state')} === 'up' && !!document.querySelector('html.live')", 10 * SLOW)

            echo["s1"].kill()
            wait_for(lambda: stage["p1"].server_states()["s1"] == "down", 5 * SLOW, 0.02)
            tab.wait(f"{row('s1', 'state')} === 'down'", SOON_S)
            tab.wait("document.querySelector('#wrong li')?.textContent.includes('s1')", SOON_S)
            assert "trouble" in tab.text("#verdict")

            done = stage["p1"].cli("server", "web/s2", "drain", "--reason", HOSTILE)
            assert done.returncode == 0, done
            tab.wait(f"{row('s2', 'admin')} === 'drain'", SOON_S)
            tab.wait(f"document.querySelector('#hand').textContent.includes({json.dumps(HOSTILE)})", SOON_S)

            # What the backup knows of the master's clients.
            with stage.client() as held:
                assert held.recv(100)
                other.wait("document.querySelector('#figures').textContent.includes(', 1 on proxy1')", 5 * SLOW)

            serves = "document.querySelector('.figure b').textContent"
            assert tab.get(serves) == "proxy1"
            assert stage["p1"].cli("handover").returncode == 0
            for one in (tab, other):
                one.wait(f"{serves} === 'proxy2'", SOON_S)
                one.wait("document.querySelector('#told').textContent.includes('group main: backup → master')",
                         5 * SLOW)
            tab.whole_picture(PICTURES / "lab-1280-light.png")
            assert tab.get("document.querySelectorAll('img').length") == 0
            well(tab, url("p1"))
            well(other, url("p2"))

            stage["p1"].kill_all()
            tab.wait("document.querySelector('#verdict').textContent === 'No answer from proxy1'", 8 * SLOW)
            other.wait("document.querySelector('#wrong').textContent.includes('peer proxy1 is not heard')", 5 * SLOW)
            stage["p1"].start()
            tab.wait("!document.querySelector('#verdict').textContent.includes('No answer')", 20 * SLOW)


def cells(tab: Tab, selector: str) -> list[list[str]]:
    """The texts of a table's rows."""
    rows: Any = tab.get(f"[...document.querySelectorAll({json.dumps(selector + ' tr')})]"
                        ".map(r => [...r.cells].map(c => c.innerText.trim()))")
    return list(rows)


def test_without_scripts() -> None:
    """The server's tables say all of it, and can be read."""
    with Stage(web=WEB) as stage:
        echo = stage.serve()
        stage.start()
        echo["s3"].kill()
        wait_for(lambda: stage["p1"].server_states()["s3"] == "down", 5 * SLOW)
        assert stage["p1"].cli("server", "web/s2", "maint", "--reason", HOSTILE).returncode == 0
        with opened(stage.lab) as browser:
            tab = browser.tab(scripts=False)

            def tells() -> bool:
                """the snapshot of the page is as new as that"""
                tab.go(url("p1"))
                return HOSTILE in tab.text("#byhand")

            wait_for(tells, 5 * SLOW, 0.5)
            assert tab.get("document.querySelector('html.live')") is None
            assert "server s3 of service web is down" in tab.text("#troubles")
            assert ["main", "master"] == [c for c in cells(tab, "#groups")[1] if c][:2]
            assert tab.get(f"{row('s3', 'state')}") == "down"
            assert tab.get("document.querySelectorAll('img').length") == 0
            assert "proxy1" in tab.get("document.title")
            for width in (390, 1280):
                tab.size(width, 900)
                tab.whole_picture(PICTURES / f"tables-{width}-light.png")
                wide = tab.get("document.documentElement.scrollWidth")
                assert wide <= width, wide
            assert tab.requests and not [u for u in tab.requests if u.endswith(".json")], tab.requests
            well(tab, url("p1"))
