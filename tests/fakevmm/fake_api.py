"""What the two stand-ins for VMMs share: an HTTP server on a Unix socket, and ways to go wrong.

They are told by settings.json, beside them: FAKE_RECORD gets each request, FAKE_CONSOLE has what
the guest prints; init's reports are those that begin with INIT. FAKE_VMM says how it goes wrong:
`refuse PATH`, `die PATH` (without an answer), `deaf` (no socket), `hang` (after the console),
`flood` (it prints the console for ever), `babble` (an endless answer).
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

settings = json.loads(Path(sys.argv[0]).with_name("settings.json").read_text())
sys.path[:0] = [settings["REPOSITORY"], f"{settings['REPOSITORY']}/src"]

from tests.support.guests import key_in, tagged  # noqa: E402

Body = Mapping[str, Any]


class Refused(Exception):  # noqa: N818
    """A request that the VMM does not take: its status and its words."""

    def __init__(self, status: int, words: object) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def require(body: Body, needed: Mapping[str, type], allowed: Mapping[str, type]) -> None:
    """Refuse a body that lacks a field, has one of the wrong type, or one that nobody knows."""
    for name, kind in needed.items():
        if not isinstance(body.get(name), kind):
            raise Refused(400, f"missing field `{name}`")
    for name, value in body.items():
        kind = {**needed, **allowed}.get(name, type(None))
        if not isinstance(value, kind):
            raise Refused(400, f"unknown field `{name}`, or of the wrong type")


def require_file(path: str) -> None:
    if not Path(path).is_file():
        raise Refused(400, f"{path}: No such file or directory (os error 2)")


class Server(socketserver.UnixStreamServer):
    """Answers until the guest is started, which `answer` tells by returning True."""

    def __init__(
        self,
        path: str,
        answer: Callable[[str, str, Body | None], tuple[int, object | None, bool]],
        words: Callable[[object], object],
    ) -> None:
        self.answer = answer
        self.words = words
        self.started = False
        self.initramfs = b""
        super().__init__(path, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def handle(self) -> None:
        self.close_connection = True
        self.handle_one_request()

    def parse_request(self) -> bool:
        self.client_address = ("unix", 0)
        return super().parse_request()

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        with Path(settings["FAKE_RECORD"]).open("a") as record:
            record.write(json.dumps([self.command, self.path, body]) + "\n")
        how, _, where = settings.get("FAKE_VMM", "").partition(" ")
        if how == "die" and where == self.path:
            print("thread 'api' panicked", flush=True)
            os._exit(101)
        try:
            if how == "refuse" and where == self.path:
                raise Refused(400, "no, thank you")
            status, answer, self.server.started = self.server.answer(self.command, self.path, body)
        except Refused as error:
            status, answer = error.status, self.server.words(error.words)
        data = b"" if answer is None else json.dumps(answer).encode()
        if isinstance(body, dict):
            source = body.get("payload", body)
            initramfs = source.get("initrd_path") or source.get("initramfs")
            if initramfs and Path(initramfs).is_file():
                self.server.initramfs = Path(initramfs).read_bytes()
        if how == "babble":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                self.wfile.write(b"x" * 65536)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if data:
            self.wfile.write(data)

    do_GET = do_PUT = do_PATCH = _serve  # noqa: N815


def serve(server_of: Callable[[], Server]) -> None:
    """Take requests until the guest starts, print its console, and end as it does."""
    how = settings.get("FAKE_VMM", "")
    if how == "deaf":
        time.sleep(600)
    server = server_of()
    while not server.started:
        server.handle_request()
    text = Path(settings["FAKE_CONSOLE"]).read_text()
    lines = [
        tagged("INGOT" + line.removeprefix("INIT"), key_in(server.initramfs))
        if line.startswith("INIT")
        else line
        for line in text.splitlines(keepends=True)
    ]
    console = "".join(lines)
    sys.stdout.write(console)
    while how == "flood":
        sys.stdout.write(console)
    sys.stdout.flush()
    if how == "hang":
        time.sleep(600)
