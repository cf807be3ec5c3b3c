"""The list of referrers: what registries answer, and which answers count as none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ingot.oci.descriptor import INDEX_TYPE
from ingot.registry import referrers
from ingot.registry.referrers import referrers_of
from tests.support.digests import digest

SUBJECT = digest("the image")
LISTED = digest("a signature")
INDEX = json.dumps({"schemaVersion": 2, "manifests": [{"digest": str(LISTED)}]}).encode()


class Registry(ThreadingHTTPServer):
    """Answers by path: a status, headers and a body; with a token if `token` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body, self.kind, self.status = INDEX, INDEX_TYPE, 200
        self.challenge = ""
        self.seen: list[tuple[str, str]] = []

    @property
    def repository(self) -> str:
        return f"127.0.0.1:{self.server_port}/ns/kernel-bin"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        own = self.server
        given = self.headers.get("Authorization", "")
        own.seen.append((self.path, given))
        if self.path.startswith("/token"):
            self._answer(200, "application/json", b'{"token":"t"}')
        elif own.challenge and given != "Bearer t":
            self.send_response(401)
            self.send_header("WWW-Authenticate", own.challenge)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(own.status, own.kind, own.body)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_registry_lists_referrers(server: Registry) -> None:
    assert referrers_of(server.repository, SUBJECT) == [LISTED]
    assert server.seen == [(f"/v2/ns/kernel-bin/referrers/{SUBJECT}", "")]


def test_a_token_for_everyone_is_used(server: Registry) -> None:
    realm = f"http://127.0.0.1:{server.server_port}/token"
    server.challenge = f'Bearer realm="{realm}",service="s",scope="repository:x:pull"'
    assert referrers_of(server.repository, SUBJECT) == [LISTED]
    paths = [path for path, _ in server.seen]
    assert "/token?service=s&scope=repository%3Ax%3Apull" in paths


@pytest.mark.parametrize(
    "challenge", ["Basic realm=x", 'Bearer realm="https://elsewhere.invalid/token"', "Bearer"]
)
def test_a_registry_that_wants_a_login_counts_as_one_without_a_list(
    server: Registry, challenge: str
) -> None:
    server.challenge = challenge
    assert referrers_of(server.repository, SUBJECT) is None


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (404, "application/json", b"{}"),
        (500, INDEX_TYPE, INDEX),
        (200, "text/html", INDEX),
        (200, INDEX_TYPE, b"not JSON"),
        (200, INDEX_TYPE, b"[]"),
        (200, INDEX_TYPE, b'{"manifests":1}'),
    ],
)
def test_any_other_answer_counts_as_no_list(
    server: Registry, status: int, kind: str, body: bytes
) -> None:
    server.status, server.kind, server.body = status, kind, body
    assert referrers_of(server.repository, SUBJECT) is None


def test_entries_without_a_valid_digest_are_left_out(server: Registry) -> None:
    server.body = json.dumps(
        {"manifests": [1, {}, {"digest": 1}, {"digest": "sha256:../x"}, {"digest": str(LISTED)}]}
    ).encode()
    assert referrers_of(server.repository, SUBJECT) == [LISTED]


def test_a_huge_list_is_not_read(server: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referrers, "DOCUMENT_BYTES", 10)
    assert referrers_of(server.repository, SUBJECT) is None


def test_a_registry_that_does_not_answer_has_no_list() -> None:
    assert referrers_of("127.0.0.1:1/kernel-bin", SUBJECT) is None
