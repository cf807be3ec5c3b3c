"""How big public registries answer those who ask for what is not there, or may not: by skopeo's
own words, from a server that answers as they do."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ingot import registry
from ingot.errors import MachineError

pytestmark = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")

DENIED = ("DENIED", "requested access to the resource is denied")
UNAUTHORIZED = ("UNAUTHORIZED", "authentication required")


class Hub(ThreadingHTTPServer):
    """A registry that wants a token: `token` and `answer` are the status and errors that it has
    for who asks for one, and for who asks for anything else."""

    daemon_threads = True
    token: tuple[int, list[tuple[str, str]]] = (200, [])
    answer: tuple[int, list[tuple[str, str]]] = (404, [])

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self._answer(*self.server.token)
        elif "Authorization" not in self.headers:
            self._answer(401, [UNAUTHORIZED])
        elif self.path == "/v2/":
            self._answer(200, [])
        else:
            self._answer(*self.server.answer)

    def _answer(self, status: int, errors: list[tuple[str, str]]) -> None:
        told = [{"code": code, "message": message} for code, message in errors]
        body = json.dumps({"token": "x"} if status == 200 else {"errors": told}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            realm = f"http://{self.server.name}/token"
            self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="tests"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Handler) as hub:
        threading.Thread(target=hub.serve_forever, args=(0.02,), daemon=True).start()
        yield hub
        hub.shutdown()


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        (200, (404, [("MANIFEST_UNKNOWN", "manifest unknown")])),
        (200, (404, [("NAME_UNKNOWN", "repository name not known to registry")])),
        (200, (403, [("DENIED", "denied")])),  # ghcr.io, to who is logged in
        (403, (404, [])),  # ghcr.io, to who is not
        (200, (401, [DENIED, UNAUTHORIZED])),  # docker.io
        (200, (401, [("UNAUTHORIZED", "access to the requested resource is not authorized")])),
    ],
)
def test_what_is_not_there_is_not_there(
    hub: Hub, token: int, answer: tuple[int, list[tuple[str, str]]]
) -> None:
    hub.token, hub.answer = (token, [DENIED] if token == 403 else []), answer
    assert registry.find_digest(f"{hub.name}/lm/kernel-bin:6.1") is None
    assert registry.list_tags(f"{hub.name}/lm/kernel-bin") == ()


@pytest.mark.parametrize(
    ("token", "answer", "why"),
    [
        (401, (404, []), "requires a login"),
        (200, (401, [UNAUTHORIZED]), "requires a login"),
        (200, (500, []), "reported a server error"),
    ],
)
def test_a_wrong_password_or_a_fault_is_no_such_answer(
    hub: Hub, token: int, answer: tuple[int, list[tuple[str, str]]], why: str
) -> None:
    hub.token, hub.answer = (token, [UNAUTHORIZED] if token == 401 else []), answer
    with pytest.raises(MachineError, match=why):
        registry.find_digest(f"{hub.name}/lm/kernel-bin:6.1")
    with pytest.raises(MachineError, match=why):
        registry.list_tags(f"{hub.name}/lm/kernel-bin")


@pytest.mark.parametrize(("status", "tags"), [(404, ()), (403, None)])
def test_a_registry_that_does_not_list_is_told_from_one_that_has_nothing(
    hub: Hub, status: int, tags: tuple[str, ...] | None
) -> None:
    hub.answer = (status, [("DENIED", "denied")] if status == 403 else [])
    assert registry.find_tags(f"{hub.name}/lm/kernel-bin") == tags
