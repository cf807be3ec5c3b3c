"""Controls a running VMM over its HTTP API on a Unix socket.

The VMM runs like any program, to its end; meanwhile a thread waits for its socket and sends the
requests. If the VMM refuses a request, it is ended.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SOCKET_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
_PAUSE_SECONDS = 0.02
_LONGEST_ANSWER = 1 << 20


class ApiError(Exception):
    """A request to a VMM failed; the text has the request and the VMM's message."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to a VMM: a method, a path and, for most, a JSON body."""

    method: str
    path: str
    body: Mapping[str, object] | None = None


class Driver:
    """A thread that sends requests to the VMM whose socket will be at `path`, while the VMM runs.

    `stop` becomes readable when the VMM has to be ended; `fault` is the reason of a failed request.
    """

    def __init__(self, path: Path, requests: Sequence[ApiRequest]) -> None:
        self.stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.fault = ""
        self._path = path
        self._requests = requests
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drive, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Signal that the VMM has to be ended."""
        os.eventfd_write(self.stop, 1)

    def finish(self) -> None:
        """To be called after the VMM has ended: stops the requests; then `fault` is final."""
        self._over.set()
        self._thread.join()

    def _drive(self) -> None:
        try:
            if _wait_for(self._path, self._over):
                for request in self._requests:
                    ask(self._path, request)
        except ApiError as error:
            self.fault = str(error)
            self.end()


@contextlib.contextmanager
def driving(path: Path, requests: Sequence[ApiRequest]) -> Iterator[Driver]:
    """Send the requests while the body runs the VMM."""
    driver = Driver(path, requests)
    try:
        yield driver
    finally:
        driver.finish()
        os.close(driver.stop)


def _wait_for(path: Path, over: threading.Event) -> bool:
    """Wait until the socket at `path` accepts connections; False if the VMM ended before."""
    deadline = time.monotonic() + _SOCKET_SECONDS
    while not over.wait(_PAUSE_SECONDS):
        with contextlib.suppress(OSError), _connected(path):
            return True
        if time.monotonic() > deadline:
            raise ApiError(f"it opened no API socket within {_SOCKET_SECONDS:.0f} s")
    return False


def ask(path: Path, request: ApiRequest) -> bytes:
    """Send one request and return the answer's body; ApiError for any status but 2xx."""
    name = f"{request.method} {request.path}"
    connection = _UnixConnection(path)
    try:
        body = None if request.body is None else json.dumps(request.body)
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(request.method, request.path, body, headers)
        answer = connection.getresponse()
        data = answer.read(_LONGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException) as error:
        raise ApiError(f"{name} got no answer: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if len(data) > _LONGEST_ANSWER:
        raise ApiError(f"{name} was answered with more than {_LONGEST_ANSWER:,} bytes")
    if answer.status // 100 != 2:
        raise ApiError(f"{name} was refused ({answer.status}): {_said(data)}")
    return data


def _said(data: bytes) -> str:
    """The error message in an answer: Firecracker's `fault_message`, Cloud Hypervisor's list."""
    text = data.decode("utf-8", errors="replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = text
    if isinstance(document, dict):
        document = document.get("fault_message", document)
    if isinstance(document, list):
        document = ": ".join(map(str, document))
    return " ".join(str(document).split())[:500] or "no message"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = _connected(self._path)


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(_ANSWER_SECONDS)
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made
