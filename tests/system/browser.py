"""A real Chromium for tests of the page, driven over its debugging pipe.

No port, no driver and no library between: Chromium reads commands of its DevTools
protocol from descriptor 3 and writes to 4, one JSON text each, ended by a zero byte.
It runs on a host of the lab, so that it reaches that network and no other.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

from stage import SLOW, Lab, LeftOut, wait_for

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# A sandbox of its own needs more than a lab's host gives to root.
OPTIONS = (
    "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-breakpad", "--disable-extensions", "--disable-sync", "--hide-scrollbars",
    "--disable-features=Translate,MediaRouter,OptimizationHints", "--no-default-browser-check",
    # Every tab is looked at, as far as it can know.
    "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
)
ANSWER_S = 20


def program() -> str:
    for name in PROGRAMS:
        if path := shutil.which(name):
            return path
    raise LeftOut("there is no Chromium here: scripts/install-deps system")


class Browser:
    """The process; open() it as a context manager."""

    def __init__(self, lab: Lab, host: str) -> None:
        self.profile = tempfile.mkdtemp(dir=lab.dir)
        self.errors = f"{self.profile}.log"
        argv = [program(), *OPTIONS, f"--user-data-dir={self.profile}", "about:blank"]
        with open(self.errors, "wb") as errors:
            self.process = lab.spawn(
                host, ["sh", "-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null', *argv],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, "HOME": self.profile, "TZ": "UTC"},
            )
        self.buffer, self.last = b"", 0
        self.answers: dict[int, dict[str, Any]] = {}
        self.tabs: dict[str, Tab] = {}

    def read(self, seconds: float) -> bool:
        """Takes in what has come; False where nothing came in time."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return False
        part = os.read(self.process.stdout.fileno(), 1 << 20)
        if not part:
            raise AssertionError("Chromium ended:\n" + Path(self.errors).read_text()[-3000:])
        *whole, self.buffer = (self.buffer + part).split(b"\0")
        for text in whole:
            told = json.loads(text)
            if "id" in told:
                self.answers[told["id"]] = told
            elif tab := self.tabs.get(told.get("sessionId", "")):
                tab.hear(told["method"], told["params"])
        return True

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(self.process.stdin.fileno(), json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S * SLOW
        while self.last not in self.answers:
            assert self.read(0.1) or time.monotonic() < deadline, f"no answer to {method}"
        told = self.answers.pop(self.last)
        assert "error" not in told, (method, told.get("error"))
        return dict(told["result"])

    def tab(self, scripts: bool = True) -> Tab:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session, scripts)

    def close(self) -> None:
        with contextlib.suppress(AssertionError, OSError):
            self.call("Browser.close")
            self.process.wait(5)


class Tab:
    """A page, and what it asked for and complained about."""

    def __init__(self, browser: Browser, session: str, scripts: bool) -> None:
        self.browser, self.session = browser, session
        self.requests: list[str] = []
        self.complaints: list[str] = []
        browser.tabs[session] = self
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.size(1280, 900)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:1000])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(params["args"])[:1000])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def size(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)

    def dark(self, on: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])

    def go(self, url: str) -> None:
        failed = self.call("Page.navigate", url=url).get("errorText")
        assert not failed, (url, failed)
        # Not of a page without scripts, which cannot be asked: it has come by then.
        wait_for(lambda: self.get("document.readyState") == "complete", 10 * SLOW)

    def get(self, expression: str) -> Any:
        """The value of JavaScript, which is evaluated from outside of the page's rules."""
        # A page that is read anew at this moment is asked once more.
        for last in (False, True):
            with contextlib.nullcontext() if last else contextlib.suppress(AssertionError):
                told = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                                 awaitPromise=True)
                break
        assert "exceptionDetails" not in told, (expression[:200], told["exceptionDetails"])
        return told["result"].get("value")

    def text(self, selector: str) -> str:
        """What of it is to be read; "" where there is none such."""
        return str(self.get(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def wait(self, expression: str, seconds: float) -> float:
        """Until it is true; how long that took."""
        begun = time.monotonic()
        try:
            wait_for(lambda: self.get(expression), seconds, 0.03)
        except AssertionError:
            raise AssertionError(
                f"not within {seconds} s: {expression}\n{self.text('body')[:3000]}\n{self.complaints[:3]}"
            ) from None
        return time.monotonic() - begun

    def key(self, key: str, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      **({"text": text} if text and kind == "keyDown" else {}),
                      **({"windowsVirtualKeyCode": 9} if key == "Tab" else {}))

    def write(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """A PNG of what the window shows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def whole_picture(self, path: Path) -> None:
        """Of the whole page, in a window as high as that: what is not seen is not drawn."""
        width, height = self.width, self.height
        self.size(width, min(self.get("document.documentElement.scrollHeight"), 8000))
        time.sleep(0.2 * SLOW)
        self.picture(path)
        self.size(width, height)

    def script_s(self) -> float:
        """Processor time that its scripts have used."""
        self.call("Performance.enable", timeDomain="threadTicks")
        told = self.call("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in told if m["name"] == "ScriptDuration"))

    def roles(self) -> list[tuple[str, str]]:
        """(role, name) of what a screen reader is told, in its order."""
        self.call("Accessibility.enable")
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        self.call("Accessibility.disable")
        return [(n["role"]["value"], n.get("name", {}).get("value", ""))
                for n in nodes if not n.get("ignored") and "role" in n]


@contextlib.contextmanager
def opened(lab: Lab, host: str = "c") -> Iterator[Browser]:
    browser = Browser(lab, host)
    try:
        yield browser
    finally:
        browser.close()
