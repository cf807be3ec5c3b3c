"""A web server, keys, releases and a cache, as fixtures."""

from __future__ import annotations

import contextlib
import lzma
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.source.origin import Archive
from ingot.source.transfer import download
from ingot.source.transfer.tarball_compression import TarballCompression
from ingot.source.trees.source_cache import SourceCache
from tests.support.git_repositories import Repository, make_repository
from tests.support.progress import Notes
from tests.support.signers import Keys, Signer
from tests.support.tarballs import EPOCH, Member, Release, kernel_members, make_tar
from tests.support.web_servers import Request, Web


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            data = web.files.get(self.path)
            wanted = self.headers.get("Range", "")
            request = Request(self.path, wanted, 404)
            web.log.append(request)
            if web.answers.get(self.path):
                self._nothing(web.answers[self.path].pop(0))
                return
            if self.path in web.redirects:
                self._nothing(302, Location=web.redirects[self.path])
                return
            if data is None:
                self._nothing(404)
                return
            etag = f'"{sha256(data).hexdigest()}"'
            start = 0
            if web.ranges and wanted and self.headers.get("If-Range") == etag:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
            request.status = 416 if start >= len(data) > 0 else 206 if start else 200
            self.send_response(request.status)
            if web.validators:
                self.send_header("ETag", etag)
                self.send_header("Last-Modified", formatdate(EPOCH, usegmt=True))
            if request.status == 416:
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if request.status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            body = data[start:]
            self.send_header("Content-Length", str(web.lengths.get(self.path, len(body))))
            self.end_headers()
            if web.lengths.get(self.path, 0) > len(body):
                self.close_connection = True
            if web.break_after and len(data) > 100_000:
                body = body[: web.break_after.pop(0)]
                self.close_connection = True
            stalling = bool(web.stall_after) and len(data) > 100_000
            if stalling:
                body = body[: web.stall_after.pop(0)]
                self.close_connection = True
            with contextlib.suppress(ConnectionError):  # the other side may have seen enough
                for at in range(0, len(body), web.chunk or max(len(body), 1)):
                    piece = body[at : at + web.chunk] if web.chunk else body
                    self.wfile.write(piece)
                    request.sent += len(piece)
                    time.sleep(0.01 if web.chunk else 0)
            if stalling:
                web.ended.wait()

        def _nothing(self, status: int, **headers: str) -> None:
            """An answer without a body."""
            web.log[-1].status = status
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


class _QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that end the connection before they have heard it all."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        del request, client_address


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web("")
    server = _QuietServer(("127.0.0.1", 0), _handler(web))
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield web
    web.ended.set()
    server.shutdown()
    server.server_close()


def _make_key(directory: Path, name: str, *, expire: str = "never", faked: str = "") -> Signer:
    home = directory / name
    home.mkdir(mode=0o700)
    time = ["--faked-system-time", faked] if faked else []
    gpg = ["gpg", "--homedir", str(home), "--batch", "-q", "--pinentry-mode", "loopback"]
    arguments = ["--passphrase", "", "--quick-generate-key", f"{name} <{name}@example.org>"]
    subprocess.run(
        [*gpg, *time, *arguments, "ed25519", "sign", expire], check=True, capture_output=True
    )
    listing = subprocess.run(
        [*gpg, "--list-keys", "--with-colons"], check=True, capture_output=True, text=True
    ).stdout
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line[:3] == "fpr")
    return Signer(home, fingerprint, _export(home, directory / f"{name}.gpg"))


def _export(home: Path, keyring: Path) -> Path:
    argv = ["gpg", "--homedir", str(home), "--batch", "-q", "--export"]
    keyring.write_bytes(subprocess.run(argv, check=True, capture_output=True).stdout)
    return keyring


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    # Not below a long path: gpg-agent's socket must have a name of at most 107 bytes.
    directory = tmp_path_factory.mktemp("k")
    made = Keys(
        good=_make_key(directory, "good"),
        other=_make_key(directory, "other"),
        expired=_make_key(directory, "expired", expire="2d", faked="20200101T000000!"),
        revoked=_make_key(directory, "revoked"),
    )
    yield made
    for signer in (made.good, made.other, made.expired, made.revoked):
        _end_agent(signer.home)


def _end_agent(home: Path) -> None:
    """End what gpg has started for a home: it would keep the tests' output open."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@pytest.fixture(scope="session")
def revoked_keyring(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A keyring with the key of `revoked` and its revocation; the key itself can still sign.

    gpg makes the revocation along with the key, and a colon keeps it unusable.
    """
    file = next((keys.revoked.home / "openpgp-revocs.d").iterdir())
    text = file.read_text().replace(":-----BEGIN", "-----BEGIN")
    home = tmp_path_factory.mktemp("r")
    home.chmod(0o700)
    for data in (keys.revoked.keyring.read_bytes(), text.encode()):
        argv = ["gpg", "--homedir", str(home), "--batch", "-q", "--import"]
        subprocess.run(argv, input=data, check=True, capture_output=True)
    yield _export(home, home / "revoked.gpg")
    _end_agent(home)


@pytest.fixture(scope="session")
def release() -> Release:
    tar = make_tar(kernel_members(padding=1_000_000))
    return Release(tar, lzma.compress(tar, preset=0))


@pytest.fixture(scope="session")
def release_signature(keys: Keys, release: Release) -> bytes:
    return keys.good.detached(release.tar)


@pytest.fixture
def published(web: Web, release: Release, release_signature: bytes) -> Release:
    """The release as kernel.org would serve it."""
    web.files[release.path] = release.xz
    web.files[release.sign] = release_signature
    return release


@pytest.fixture
def cache(tmp_path: Path) -> SourceCache:
    return SourceCache(tmp_path / "cache")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "linux")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    directory = tmp_path / "downloads"
    directory.mkdir()
    return directory


@pytest.fixture(autouse=True)
def direct_and_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Archive]:
    """Makes a tarball of members, as an origin would hand it over."""

    def make(
        members: list[Member] | None = None,
        name: str = "linux.tar",
        origin: str = "test",
        url: str = "http://example.org/linux.tar",
        evidence: str = "a test",
    ) -> Archive:
        data = make_tar(kernel_members() if members is None else members)
        path = tmp_path / name
        path.write_bytes(data)
        trust = "" if origin == "local" else f"who vouches for {origin}"
        return Archive(
            path, Digest.of(data), origin, url, evidence, TarballCompression.TAR, trust=trust
        )

    return make
