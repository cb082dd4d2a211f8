"""A headless Chromium that opens a file: what its console said, what scripts see, a picture."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60.0


def find_browser() -> str | None:
    """The path of a Chromium; None where none is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page, driven over the browser's debugging pipe."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._rest, self._number = b"", 0
        self._session: str | None = None
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.dark(False)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events on the way are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._take(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._receive, 1 << 20)
            assert part, "the browser ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _take(self, event: dict[str, Any]) -> None:
        method, about = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(about["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
            self.errors.append(json.dumps(about["args"])[:500])
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.errors.append(about["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"][:200])

    def open(self, path: Path, width: int = 1200, height: int = 900) -> None:
        """Open a file and wait until all its figures are drawn."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.documentElement?.dataset.drawn")

    def see(self, script: str) -> Any:
        """The value of an expression, which may be a promise."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str) -> Any:
        """The value of an expression as soon as it is true."""
        deadline = time.monotonic() + SECONDS
        while not (value := self.see(script)):
            assert time.monotonic() < deadline, (script, self.errors)
            time.sleep(0.05)
        return value

    def picture(self, whole: bool = True, **options: Any) -> bytes:
        """A PNG of the whole page or of the window."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole, **options)
        return base64.b64decode(answer["data"])

    def dark(self, dark: bool = True) -> None:
        """Let the page believe that the person prefers dark colours, or light ones; no motion."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])

    def click(self, x: float, y: float, hovered: str) -> None:
        """Move the mouse to a point, wait for what appears there, and click."""
        at = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.wait(f"document.querySelector({hovered!r}) !== null")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **at)


@contextlib.contextmanager
def browsing(executable: str, profile: Path) -> Iterator[Tab]:
    """A tab of a browser of its own, which ends with the block."""
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()

    words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    words += ["--hide-scrollbars", "--mute-audio", f"--user-data-dir={profile}", "about:blank"]
    # The browser reads from 3 and writes to 4.
    placed = f'exec "$@" 3<&{to_browser} 4>&{to_us}'
    child = subprocess.Popen(
        ["bash", "-c", placed, "-", executable, *words],
        pass_fds=(to_browser, to_us),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(to_us)
    try:
        yield Tab(from_us, from_browser)
    finally:
        os.close(from_us)
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        os.close(from_browser)
