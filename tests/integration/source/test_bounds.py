"""What a server may send: each kind of answer has an end, whatever the server says of it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import IngotError, MachineError, VerificationError
from ingot.git_program import Bounds, git
from ingot.source.debian.debian_origin import DebianArchive
from ingot.source.git import git_repository
from ingot.source.git.git_origin import git_source
from ingot.source.git.git_repository import GitUrl
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.obtain import obtain
from ingot.source.transfer import download as downloading
from ingot.source.transfer import http
from ingot.source.transfer.download import Wanted, download
from ingot.source.trees.kernel_tree import check_tree, tree_version
from ingot.source.trees.source_cache import SourceCache
from tests.support.debian_archives import Suite
from tests.support.git_repositories import Repository
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION, Release
from tests.support.web_servers import Web

NOISE = bytes(range(256)) * 4096


class Raw:
    """A server that answers each connection with fixed bytes, and then more without end."""

    def __init__(self, head: bytes, endless: bytes = b"") -> None:
        self.sent = 0
        self.asked = 0
        self._head, self._endless = head, endless
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            self.asked += 1
            try:
                connection.recv(65536)
                connection.sendall(self._head)
                while self._endless and self.sent < 1 << 30:
                    self.sent += connection.send(self._endless)
            except OSError:
                pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def servers() -> Iterator[list[Raw]]:
    made: list[Raw] = []
    yield made
    for server in made:
        server.close()


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    "length",
    ["\u00b2", "\u0663", "-5", "+5", "0x10", "1_0", "5, 6", "9" * 400, "", " ", "1e3", "five"],
)
@pytest.mark.parametrize("status", ["200 OK", "206 Partial Content", "416 No"])
def test_lengths_that_are_no_numbers(
    servers: list[Raw], downloads: Path, length: str, status: str
) -> None:
    """Whatever comes of it, it is an error of ours or a file, and never a traceback."""
    name = "Content-Length" if status.startswith("200") else "Content-Range"
    said = length if name == "Content-Length" else f"bytes {length}-{length}/{length}"
    raw = f"HTTP/1.1 {status}\r\n{name}: {said}\r\nConnection: close\r\n\r\n".encode()
    servers.append(server := Raw(raw + b"data"))
    try:
        got = download(Wanted(f"{server.url}/x", "x"), downloads, Notes())
    except IngotError:
        return
    assert got.path.stat().st_size <= 4


def test_a_length_does_not_raise_the_limit(
    web: Web, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "MAX_BYTES", 500_000)
    web.files["/x"] = NOISE
    with pytest.raises(MachineError, match="bytes for it"):
        download(Wanted(f"{web.url}/x", "x"), downloads, Notes())
    web.lengths = {"/x": 1 << 58}
    with pytest.raises(MachineError, match="bytes for it"):
        download(Wanted(f"{web.url}/x", "x"), downloads, Notes())
    digest = Digest.of(NOISE)
    with pytest.raises(MachineError, match="bytes for it"):
        download(Wanted(f"{web.url}/x", "x", 1 << 58, digest), downloads, Notes())
    assert sum(path.stat().st_size for path in downloads.iterdir()) == 0


def test_without_a_length_the_limit_holds(
    servers: list[Raw], downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "MAX_BYTES", 500_000)
    servers.append(server := Raw(head("200 OK"), NOISE))
    with pytest.raises(MachineError, match="sends too much"):
        download(Wanted(f"{server.url}/x", "x"), downloads, Notes())
    assert server.sent < 1 << 28
    assert sum(path.stat().st_size for path in downloads.iterdir()) == 0


@pytest.mark.parametrize("status", ["302 Found", "301 M", "307 T", "308 P", "503 Busy", "429 Slow"])
def test_bodies_that_nobody_wants_are_not_read(
    servers: list[Raw], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_BACKOFF_SECONDS", 0.0)
    servers.append(server := Raw(head(status, "Location: /again"), NOISE))
    with pytest.raises(http.DownloadError):
        http.fetch_bytes(f"{server.url}/x", 1000)
    assert server.asked == (6 if status.startswith("3") else 3)
    assert server.sent < 1 << 28


@pytest.mark.parametrize(
    "target", ["http://[", "file:///etc/passwd", "ftp://x/", "\u00ff\u00fe", "//", "http:///", ":"]
)
def test_redirects_to_nowhere(servers: list[Raw], target: str) -> None:
    servers.append(server := Raw(head("302 Found", f"Location: {target}", "Content-Length: 0")))
    with pytest.raises(http.DownloadError):
        http.fetch_bytes(f"{server.url}/x", 1000)


def test_a_server_that_drips(web: Web, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(http, "_SLOWEST", 1 << 60)
    web.files["/x"] = NOISE
    with pytest.raises(http.BrokenOffError, match="too slowly"):
        http.fetch_bytes(f"{web.url}/x", len(NOISE))


# git


def get(repository: Repository, cache: SourceCache, downloads: Path, ref: str = "main") -> None:
    git_source(repository.url(ref), None, cache, downloads, Notes())


def test_a_repository_that_sends_too_much(
    repository: Repository, cache: SourceCache, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.path / "noise").write_bytes(NOISE)
    repository.commit()
    monkeypatch.setattr(git_repository, "MAX_BYTES", 1000)
    with pytest.raises((VerificationError, MachineError)):
        get(repository, cache, downloads)
    assert cache.entries() == []
    assert not [path for path in downloads.iterdir() if path.suffix != ".lock"]


def test_the_watcher_ends_a_fetch(
    repository: Repository, cache: SourceCache, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where many files grow, no limit of a single one helps."""
    repository.commit()
    monkeypatch.setattr(git_repository, "tree_size", lambda _: 5 << 30)
    monkeypatch.setattr(git_repository, "_WATCH_SECONDS", 0.0)

    def slow(words: list[str], **options: object) -> object:
        if "fetch" in words:
            # a server that says nothing more, and does not hang up
            pause = "core.sshCommand=sleep 60; true"
            words = ["-c", pause, "ls-remote", "ssh://example.invalid/x"]
            options["env"] = {"GIT_ALLOW_PROTOCOL": "ssh"}
        return git(words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(git_repository, "git", slow)
    with pytest.raises(VerificationError, match="it sent more than 4 GiB"):
        get(repository, cache, downloads)


def test_a_few_objects_that_stand_for_many_files(
    repository: Repository, cache: SourceCache, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit()
    blob = repository.git("hash-object", "-w", "--stdin", data=b"x")
    row = f"100644 blob {blob}"
    for _ in range(4):
        rows = "".join(f"{row}\t{name}\n" for name in "abcdefghij")
        row = f"040000 tree {repository.git('mktree', data=rows.encode())}"
    commit = repository.git("commit-tree", "-m", "bomb", row.split()[2])
    repository.git("update-ref", "refs/heads/bomb", commit)
    monkeypatch.setattr(git_repository, "MAX_ENTRIES", 5000)
    with pytest.raises(VerificationError, match="more than 5000 files"):
        get(repository, cache, downloads, "bomb")


def test_a_server_that_lists_without_end(
    repository: Repository, cache: SourceCache, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit()
    repository.git("tag", "main")
    monkeypatch.setattr(git_repository, "_LISTED_LINES", 1)
    with pytest.raises(VerificationError, match="more than 1 names"):
        get(repository, cache, downloads)


@pytest.mark.parametrize(
    ("bounds", "does"),
    [
        (Bounds(1 << 20, 1 << 40, 60), "head -c 9999999 /dev/zero >big"),
        (Bounds(1 << 40, 1 << 23, 60), "head -c 99999999 /dev/zero | tail -c 99999999 >/dev/null"),
    ],
    ids=["a file", "memory"],
)
def test_limits_hold_for_git_and_all_that_it_starts(
    tmp_path: Path, bounds: Bounds, does: str
) -> None:
    words = ["-c", f"alias.x=!{does}", "-C", str(tmp_path), "x"]
    git(words)
    with pytest.raises(MachineError):
        git(words, bounds=bounds)


# Passwords


def test_no_password_is_told_or_kept(
    web: Web, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    base = web.url.replace("http://", "http://me:secret@")
    web.files["/x?token=secret"] = NOISE
    told: list[str] = []
    for path, wanted in (
        ("/none?token=secret", {}),
        ("/x?token=secret", {"size": 5}),
        ("/x?token=secret", {"digest": Digest.of(b"other")}),
    ):
        with pytest.raises(IngotError) as caught:
            download(Wanted(f"{base}{path}", "x", **wanted), downloads, notes)
        told += [caught.value.what, caught.value.why, caught.value.hint]
    web.break_after = [1000, 0]
    with pytest.raises(IngotError) as caught:
        download(Wanted(f"{base}/x?token=secret", "x"), downloads, notes)
    told += [caught.value.why, *notes.notes]
    state = json.loads((downloads / "x.part.json").read_text())
    told += [state["url"]]
    for text in ("git+ftp://me:secret@host/x", "git+https://me:secret@host"):
        with pytest.raises(IngotError) as caught:
            GitUrl.parse(text)
        told += [caught.value.what]
    url = GitUrl.parse("git+https://me:secret@127.0.0.1:1/x?token=secret#v6")
    with pytest.raises(IngotError) as caught:
        git_source(url, None, cache, downloads, notes)
    told += [str(url), url.plain, caught.value.what, caught.value.why, caught.value.hint]
    assert "127.0.0.1" in "".join(told)
    assert "secret" not in "\n".join(told)


def test_no_password_goes_into_a_record(
    web: Web, keys: Keys, published: Release, downloads: Path, cache: SourceCache
) -> None:
    base = web.url.replace("http://", "http://me:secret@")
    assert published
    source = obtain(VERSION, [KernelOrg(keys.good.keyring, base)], {}, cache, downloads, Notes())
    assert source.url == f"{web.url}{published.path}"
    record = source.tree.parent / "source.json"
    assert "secret" not in record.read_text()
    # one that was written before is not believed to be without
    record.write_text(record.read_text().replace("http://", "http://me:secret@"))
    assert [entry.source.url for entry in cache.entries()] == [source.url]
    Suite("a", published.xz).publish(web, keys)
    archive = DebianArchive(("a",), keys.good.keyring, (f"{base}/debian",)).fetch(
        VERSION, downloads, None, Notes()
    )
    assert archive.url.startswith(f"{web.url}/debian/")


def test_a_makefile_without_end(tmp_path: Path) -> None:
    """A sparse file takes no disk, and would take all memory."""
    makefile = tmp_path / "Makefile"
    makefile.write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 176\n")
    (tmp_path / "Kconfig").touch()
    with makefile.open("ab") as file:
        file.truncate(1 << 42)
    assert check_tree(tmp_path, VERSION) == tree_version(tmp_path) == VERSION
