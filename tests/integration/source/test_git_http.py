"""Git over HTTP, as servers have it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingot.errors import MachineError
from ingot.source.git.git_origin import git_source
from ingot.source.git.git_repository import GitUrl
from ingot.source.trees.source_cache import SourceCache
from tests.support.git_repositories import Repository
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION

BACKEND = Path(
    subprocess.check_output(["git", "--exec-path"], text=True).strip(), "git-http-backend"
)


@dataclass
class Served:
    """A repository's address, and how often it was asked. If `closed`, it wants a password."""

    url: str
    closed: bool
    asked: int = 0


@pytest.fixture
def served(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The repository behind git's own CGI program, as web servers have it."""
    if not BACKEND.is_file():
        pytest.skip("git comes without http-backend here")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    served = Served("", closed=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            served.asked += 1
            if served.closed:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(repository.path.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            answer = subprocess.run([BACKEND], input=body, env=environment, capture_output=True)
            head, _, data = answer.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
            for name, value in {**fields, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"git+http://127.0.0.1:{server.server_address[1]}/linux/.git"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()


def test_over_http_with_a_keyring(
    repository: Repository,
    served: Served,
    keys: Keys,
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
) -> None:
    for patch in (175, 176):
        commit = repository.commit(f"6.1.{patch}")
    repository.sign("v6.1.176", keys.good)
    url = GitUrl.parse(f"{served.url}#v6.1.176")
    source = git_source(url, keys.good.keyring, cache, downloads, notes)
    assert (source.commit, source.version) == (commit, VERSION)
    asked = served.asked
    assert git_source(url, keys.good.keyring, cache, downloads, notes) == source
    assert served.asked - asked <= 2  # the names, and nothing that they stand for
    offline = git_source(url, keys.good.keyring, cache, downloads, notes, offline=True)
    assert offline == source
    assert served.asked - asked <= 2


def test_a_server_that_asks_for_a_password_gets_none(
    repository: Repository,
    served: Served,
    keys: Keys,
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
) -> None:
    served.closed = True
    url = GitUrl.parse(f"{served.url}#v6.1.176".replace("http://", "http://me:secret@"))
    with pytest.raises(MachineError, match="cannot read") as caught:
        git_source(url, keys.good.keyring, cache, downloads, notes)
    assert "secret" not in str(caught.value)
