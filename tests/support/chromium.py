"""Headless Chromium for tests, driven through a pipe: no driver, no port, no other package.

Source: Chrome DevTools Protocol (chromedevtools.github.io/devtools-protocol);
`--remote-debugging-pipe` reads JSON from file descriptor 3 and writes it to 4, each message
ended by a null byte.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

_PATIENCE_SECONDS = 60.0
_OPTIONS = (
    *("--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"),
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"),
    *("--disable-component-update", "--hide-scrollbars", "--force-color-profile=srgb"),
)


def find_chromium() -> str | None:
    """The path of a Chromium that is installed; None if there is none."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Page:
    """A page in a browser."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = os.fdopen(writing, "wb", buffering=0)
        self._received = b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and wait for what it returns; events that come before are kept."""
        number = next(self._numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._writing.write(json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, method: str) -> None:
        """Return once an event of that name has come since `open`."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._receive())

    def open(self, path: Path, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Load a file in a window of this size, in CSS pixels; telephones are narrow."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, which may be a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def requests(self) -> list[str]:
        """The address of everything that was asked for since `open`."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """What the browser found wrong with the page, its policy and its script included."""
        said = []
        for event in self.events:
            if event.get("method") == "Log.entryAdded":
                said.append(event["params"]["entry"]["text"])
            elif event.get("method") == "Runtime.exceptionThrown":
                said.append(str(event["params"]["exceptionDetails"]))
        return said

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            if not select.select([self._reading], [], [], _PATIENCE_SECONDS)[0]:
                raise RuntimeError("the browser does not answer")
            data = os.read(self._reading, 1 << 16)
            if not data:
                raise RuntimeError("the browser has gone")
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded


@contextlib.contextmanager
def browser(program: str, directory: Path) -> Iterator[Page]:
    """A new browser with nothing but one page; `directory` is for its profile."""
    (to_browser, from_us), (to_us, from_browser) = os.pipe(), os.pipe()
    # out of the way of the numbers that the browser expects
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (to_browser, from_browser)]

    def put_in_place() -> None:
        for number, end in zip((3, 4), ends, strict=True):
            os.dup2(end, number)

    process = subprocess.Popen(
        [program, *_OPTIONS, f"--user-data-dir={directory}"],
        pass_fds=(3, 4),
        preexec_fn=put_in_place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (*ends, to_browser, from_browser):
        os.close(end)
    try:
        yield Page(to_us, from_us)
    finally:
        process.kill()
        process.wait()
