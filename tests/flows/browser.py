"""A real Chromium that a test uses as a person does: it opens pages and clicks where something can be seen.

It is told by the DevTools protocol over two pipes (``--remote-debugging-pipe``: messages end in NUL), which needs no package.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

CHROMIUM: Final = shutil.which("chromium")
_PATIENCE: Final = 60.0
"""Seconds that an answer may take on a busy machine."""
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


@dataclass
class Browser:
    """One tab."""

    inlet: int
    outlet: int
    session: str = ""
    sent: int = 0
    unread: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def look(self, *, width: int, scheme: str) -> None:
        """A window of this width, for a person who likes this colour scheme (light or dark)."""
        size = {"width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, address: str) -> None:
        """The page at ``address``, loaded."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        self._loaded()

    def click(self, found: str) -> None:
        """Click in the middle of the element that the JavaScript expression ``found`` gives, and wait for the next page.

        What is covered, or out of sight, is not clicked: that is an error of the page.
        """
        script = f"""(() => {{ const it = {found}; it.scrollIntoView({{block: 'center'}});
            const box = it.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
            const top = document.elementFromPoint(x, y);
            return {{x, y, seen: box.width > 0 && (it === top || it.contains(top))}}; }})()"""
        place = self.evaluate(script)
        assert place["seen"], found
        self.events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place["x"], y=place["y"], button="left", clickCount=1)
        self._loaded()

    def evaluate(self, script: str) -> Any:
        """What a JavaScript expression comes to on the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """The result of one command."""
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.inlet, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.sent:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _loaded(self) -> None:
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.outlet], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium says nothing"
            read = os.read(self.outlet, 1 << 20)
            assert read, "Chromium is gone"
            self.unread += read
        first, _, self.unread = self.unread.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A running Chromium with its profile in ``folder``."""
    (theirs_in, inlet), (outlet, theirs_out) = os.pipe(), os.pipe()
    start = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    command = ["bash", "-c", start, str(CHROMIUM), *_OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with subprocess.Popen(
        command, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        tab = Browser(inlet, outlet)
        try:
            target = tab.call("Target.createTarget", url="about:blank")["targetId"]
            tab.session = tab.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            tab.call("Page.enable")
            yield tab
        finally:
            process.terminate()
            process.wait(30)
            os.close(inlet)
            os.close(outlet)
