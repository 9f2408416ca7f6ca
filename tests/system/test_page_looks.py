"""Goal: the page can be read by everybody and everywhere: on a phone and on a wall
screen, light and dark, by keyboard and by a screen reader, with 2,400 servers, and
whatever a node says. Pictures of it are left in build/page/."""

import copy
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from browser import Tab, opened
from fake_node import FakeNode, at, event, golden, many, told_by, trouble
from stage import ROOT, SLOW, Lab, LeftOut, limit

PRODUCT = THREADS = False  # of the product nothing runs here

PICTURES = ROOT / "build/page"
SIZES = ((390, 844), (1280, 800), (1920, 1080))

# Version and SHA-512 of what npm packs.
AXE = ("axe-core", "4.14.1", "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
       "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5")

# Text that stands out too little from what is behind it, by WCAG's formula.
CONTRAST = r"""(() => {
	const parts = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
	const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
	const behind = (e) => {
		const own = e ? parts(getComputedStyle(e).backgroundColor) : [255, 255, 255, 1];
		return own[3] === 1 ? own : over(own, behind(e.parentElement));
	};
	const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
		const v = c[i] / 255;
		return sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	}, 0);
	const faint = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement, style = getComputedStyle(e);
		if (!texts.currentNode.data.trim() || !e.checkVisibility() || e.closest(".vh, .skip, noscript, thead"))
			continue;
		const back = behind(e), front = over(parts(style.color), back);
		const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5 || style.opacity !== "1")
			faint.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${texts.currentNode.data.slice(0, 40)}`);
	}
	return faint;
})()"""

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def with_troubles() -> dict[str, Any]:
    """A day with something of everything."""
    status = golden("host_down")
    down = golden("fence_failed")
    by_hand = golden("set_by_hand")
    hand = {s["name"]: s for s in by_hand["services"][0]["servers"]}
    for server in status["services"][0]["servers"]:
        if server["state"] == "up":
            server.update({k: hand[server["name"]][k] for k in ("admin", "set", "weight", "active")
                           if k in hand[server["name"]]})
    status["services"].append(down["services"][0])
    status["services"][0]["connections"]["queued"] = 7
    status["healthy"] = False
    status["hints"] = ["IPv6 is off on this host, and `listen` has an address of it"]
    status["troubles"] = [
        trouble("host_down", "host impala-02.cluster.example.com: all its 2 servers are down: connect: No route to host",
                "look whether that host runs and is reached: ping impala-02.cluster.example.com"),
        trouble("active_down", "service statestore serves nobody: its active server meta1 is down: status 503, expected 200",
                "its clients wait, and are reset after 30 s; look at 10.0.0.31:24000 first", 4),
    ]
    return status


def ready(tab: Tab, url: str) -> None:
    tab.go(url)
    tab.wait("document.querySelector('html.live .figure .line')?.getAttribute('d')?.length > 99", 10 * SLOW)


@limit(60)
def test_pictures_and_contrast() -> None:
    """At each width, light and dark: nothing is cut off, and all can be read."""
    states = {"healthy": golden("pair_master"), "troubles": with_troubles()}
    with Lab() as lab, opened(lab) as browser:
        node = FakeNode(states["healthy"])
        with told_by(lab, node) as url:
            tab = browser.tab()
            for name, status in states.items():
                node.tell(status)
                for width, height in SIZES:
                    tab.size(width, height)
                    for dark in (False, True):
                        tab.dark(dark)
                        if (width, dark) == (390, False):
                            ready(tab, url)
                        tab.whole_picture(PICTURES / f"{name}-{width}-{'dark' if dark else 'light'}.png")
                        assert tab.get(SIDEWAYS) <= 0, (name, width)
                        faint = tab.get(CONTRAST)
                        assert faint == [], (name, width, dark, faint)
            assert tab.text("#verdict") == "2 troubles"
            # Who waits comes before who has another server.
            first = tab.get("[...document.querySelectorAll('#wrong li')].map(l => l.dataset.trouble)")
            assert first == ["active_down", "host_down"], first
            assert tab.complaints == [], tab.complaints


def test_roles_and_keys() -> None:
    """Landmarks, headings, tables and names for who does not see; no mouse needed."""
    with Lab() as lab, opened(lab) as browser:
        node = FakeNode(with_troubles())
        with told_by(lab, node) as url:
            tab = browser.tab()
            ready(tab, url)
            roles = tab.roles()
            for wanted in (("banner", ""), ("main", ""), ("contentinfo", ""), ("heading", "2 troubles"),
                           ("heading", "impala-jdbc"), ("region", "Services"), ("columnheader", "Connections"),
                           ("button", "impala-jdbc"), ("searchbox", "Filter /")):
                assert wanted in roles, (wanted, roles)
            assert not [r for r in roles if r[0] in ("button", "link", "searchbox", "checkbox") and not r[1]]
            live = tab.get("[...document.querySelectorAll('[aria-live], [role=alert], [role=status]')].map(e => e.id)")
            assert live == ["wrong"], live
            # Of a table that is laid out otherwise on a phone as well.
            tab.size(390, 844)
            assert [r for r in tab.roles() if r[0] == "rowheader"], "the table fell apart"
            tab.key("/")
            assert tab.get("document.activeElement.id") == "filter"
            tab.write("statestore")
            tab.wait("document.querySelectorAll('#list tbody').length === 1", 2 * SLOW)
            assert "filter=statestore" in tab.get("location.search")
            tab.key("Escape")
            tab.wait("document.querySelectorAll('#list tbody').length === 3", 2 * SLOW)
            tab.key("Tab")
            assert tab.get("document.activeElement.id") == "unwell"
            for _ in range(2):
                tab.key("Tab")
            focus = "document.activeElement.textContent"
            assert tab.get(focus) == "statestore"
            # The one in trouble is well again, and goes down in the list; the focus stays.
            node.tell(golden("pair_master"))
            tab.wait("document.querySelector('#verdict').textContent === 'All is well'", 5 * SLOW)
            assert tab.complaints == [], tab.complaints


@limit(90)
def test_2400_servers() -> None:
    """Trouble first, what is well is folded; it opens, and is drawn fast enough."""
    with Lab() as lab, opened(lab) as browser:
        node = FakeNode(many())
        with told_by(lab, node) as url:
            tab = browser.tab()
            ready(tab, url)
            rows = "[...document.querySelectorAll('#list tbody tr')].map(r => r.id)"
            shown = tab.get(rows)
            bad = "service-37"
            assert shown[:3] == [f"service-{bad}", *(f"server-{bad}/worker-{k}.rack-37.example.com" for k in (10, 11))]
            assert len(shown) == 40 + 2 + 1, len(shown)
            tab.size(1920, 1080)
            tab.picture(PICTURES / "many-1920-light.png")
            tab.get("document.querySelector('#open').click()")
            tab.wait("document.querySelectorAll('#list tbody tr').length === 2440", 10 * SLOW)
            # Of 2,440 rows that say the same as before, none is touched.
            touched = tab.get("new Promise(r => { const o = new MutationObserver(() => {}); draw();"
                              " o.observe(document.body, {subtree: true, childList: true, attributes: true,"
                              " characterData: true}); draw();"
                              " r(o.takeRecords().map(m => `${m.type} ${m.attributeName} ${m.target.outerHTML?.slice(0, 80)}`)); })")
            assert touched == [], touched[:5]
            begun = tab.script_s()
            tab.get("for (let i = 0; i < 5; i++) draw()")
            took = (tab.script_s() - begun) / 5 * 1000
            assert took < 100 * SLOW, f"{took:.0f} ms of a processor to draw"
            tab.get("scrollTo(0, 20000)")
            before = tab.get("scrollY")
            status = many()
            status["services"][5]["servers"][7].update(state="down", active=False)
            status["troubles"].append(trouble("server_down", "server worker-07 is down: timeout", "look"))
            node.tell(status)
            tab.wait("document.querySelectorAll('#wrong li').length === 3", 5 * SLOW)
            first = "document.elementFromPoint(300, 500).closest('tbody').querySelector('button').textContent"
            assert tab.get("scrollY") >= before and tab.get(first), "it has jumped"
            assert tab.complaints == [], tab.complaints


def test_silence() -> None:
    """A node that does not answer is told of in words, and so is its return."""
    with Lab() as lab, opened(lab) as browser:
        node = FakeNode(golden("pair_master"))
        with told_by(lab, node) as url:
            tab = browser.tab()
            ready(tab, url)
            tab.get("document.querySelector('#filter').focus()")
            node.mute = True
            tab.wait("document.querySelector('#verdict').textContent === 'No answer from proxy1'", 8 * SLOW)
            assert tab.text("#lead") == "since 03:12:45: what you see is old"
            assert "No answer from proxy1 since 03:12:45" in tab.text("#wrong li")
            assert tab.get("document.querySelector('#wrong .trouble a').href") == "http://10.0.0.2:8404/"
            assert tab.get(CONTRAST) == []
            assert "no answer" in tab.get("document.title").lower()
            tab.picture(PICTURES / "silent-1280-light.png")
            node.mute, node.code = False, 503
            tab.wait("document.querySelector('#wrong .advice').textContent.includes('503')", 12 * SLOW)
            node.code = 200
            tab.wait("document.querySelector('#verdict').textContent === 'All is well'", 8 * SLOW)
            assert tab.get("document.activeElement.id") == "filter"


HOSTILE = "<img src=x onerror='window.owned = 1'><script>window.owned = 1</script>\u202e&amp;"


def test_hostile_words() -> None:
    """Whatever the node says is text."""
    status = with_troubles()

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: spoil(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [spoil(v, key) for v in value]
        kept = ("state", "admin", "time", "since", "at", "mode", "id", "phase")
        return value + HOSTILE if isinstance(value, str) and key not in kept and "T03:" not in value else value

    spoilt = spoil(copy.deepcopy(status))
    with Lab() as lab, opened(lab) as browser:
        happened = {**spoil(event(9, "proxy1", "group main", "x", "y")), "time": at(9)}
        for one in spoilt["services"]:
            if one.get("standby"):
                one["standby"].update(retry_at=at(-20), hold_until=None)
        node = FakeNode(spoilt, [happened])
        with told_by(lab, node) as url:
            tab = browser.tab()
            ready(tab, url)
            assert tab.get("document.querySelectorAll('img, iframe, body script').length") == 0
            assert "onerror" in tab.text("#services") and "onerror" in tab.text("#events")
            assert tab.get("typeof window.owned") == "undefined"
            assert all(u.startswith((url, "data:")) for u in tab.requests), tab.requests
            assert tab.complaints == [], tab.complaints


def axe() -> str:
    """The checker's source: asked of npm once, and of no other kind than was read."""
    name, version, wanted = AXE
    kept = ROOT / f"build/{name}-{version}.js"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise LeftOut("there is no npm here, which would bring axe-core")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([npm, "pack", "--silent", "--fetch-retries=0", f"{name}@{version}"],
                                  cwd=folder, capture_output=True, text=True, timeout=60)
            packed = list(Path(folder).glob("*.tgz"))
            if done.returncode != 0 or not packed:
                raise LeftOut("npm does not bring axe-core here")
            assert hashlib.sha512(packed[0].read_bytes()).hexdigest() == wanted, "another axe-core"
            with tarfile.open(packed[0]) as archive:
                source = archive.extractfile("package/axe.min.js")
                assert source is not None
                kept.parent.mkdir(exist_ok=True)
                kept.write_bytes(source.read())
    return kept.read_text()


def test_axe() -> None:
    """What axe-core looks for: contrast, roles, names, order of headings and more."""
    source = axe()
    with Lab() as lab, opened(lab) as browser:
        node = FakeNode(with_troubles())
        with told_by(lab, node) as url:
            tab = browser.tab()
            for width, dark in ((1280, False), (390, True)):
                tab.size(width, 900)
                tab.dark(dark)
                ready(tab, url)
                tab.get(source + "; 0")
                found = tab.get("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v =>"
                                " `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html + n.failureSummary).join(' | ')}`))")
                assert found == [], (width, dark, json.dumps(found, indent=1))
