"""Servers that are busy, far, slow or wrong about lengths, as kernel.org's files meet them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import MachineError, VerificationError
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.transfer import http
from ingot.source.transfer.tarball_compression import MAX_BYTES
from tests.support.kernel_org import NAME, fetch, files
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION, Release
from tests.support.web_servers import Web


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_BACKOFF_SECONDS", 0.0)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_then_fine(
    web: Web, keys: Keys, published: Release, downloads: Path, status: int
) -> None:
    web.answers = {published.sign: [status], published.path: [status, status]}
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz
    assert [request.status for request in web.of(".tar.xz")] == [status, status, 200]


def test_busy_for_good(web: Web, keys: Keys, published: Release, downloads: Path) -> None:
    web.answers = {published.path: [503] * 9}
    with pytest.raises(MachineError, match="HTTP 503"):
        fetch(web, keys.good.keyring, downloads)
    assert len(web.of(".tar.xz")) == 3
    assert files(downloads) == []


@pytest.mark.parametrize("status", [401, 403, 451])
def test_refused_is_not_asked_again(
    web: Web, keys: Keys, published: Release, downloads: Path, status: int
) -> None:
    web.answers = {published.sign: [status] * 9}
    with pytest.raises(MachineError, match=f"HTTP {status}"):
        fetch(web, keys.good.keyring, downloads)
    assert len(web.log) == 1


def test_a_redirect_is_followed_and_what_comes_is_verified(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    elsewhere = "/elsewhere/linux.tar.xz"
    web.files[elsewhere] = published.xz
    web.redirects = {published.path: elsewhere}
    web.break_after = [400_000]
    archive = fetch(web, keys.good.keyring, downloads)
    assert archive.path.read_bytes() == published.xz
    assert archive.url.endswith(published.path)  # where it was asked for
    assert [request.status for request in web.of(elsewhere)] == [200, 206]


def test_a_redirect_to_another_file_is_refused(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.files["/evil"] = published.xz[: len(published.xz) // 2]
    web.redirects = {published.path: "/evil"}
    with pytest.raises(VerificationError):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


def test_redirects_without_end(web: Web, keys: Keys, downloads: Path, published: Release) -> None:
    web.redirects = {published.path: published.path}
    with pytest.raises(MachineError, match="redirects more than 5 times"):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


def test_a_slow_server_is_waited_for_as_long_as_something_comes(
    web: Web,
    keys: Keys,
    published: Release,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_READ_SECONDS", 0.5)
    web.chunk = 10_000  # a hundred of them: longer in all than the server may be silent
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz


def test_a_server_that_falls_silent_is_asked_for_the_rest(
    web: Web,
    keys: Keys,
    published: Release,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_READ_SECONDS", 0.3)
    web.stall_after = [400_000]
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz
    assert [request.status for request in web.of(".tar.xz")][:2] == [200, 206]


def test_a_content_length_that_is_too_large_is_set_right_by_asking_for_the_rest(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.lengths = {published.path: len(published.xz) + 5}
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz
    assert [request.status for request in web.of(".tar.xz")] == [200, 416]


def test_a_content_length_that_is_too_large_without_ranges_looks_like_a_break(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.ranges = False
    web.lengths = {published.path: len(published.xz) + 5}
    with pytest.raises(MachineError, match="broke"):
        fetch(web, keys.good.keyring, downloads)
    assert NAME not in files(downloads)
    web.lengths = {}
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz


def test_a_content_length_that_is_too_small_is_a_truncated_file(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.lengths = {published.path: len(published.xz) - 5}
    with pytest.raises(VerificationError, match="truncated or corrupt"):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


def test_a_small_file_that_blows_up_is_refused_while_its_signature_is_checked(
    web: Web,
    keys: Keys,
    published: Release,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_BYTES > 4 << 30
    monkeypatch.setattr("ingot.source.transfer.tarball_compression.MAX_BYTES", 500_000)
    with pytest.raises(VerificationError, match="was refused"):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


def test_a_mirror_may_end_in_a_slash(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    origin = KernelOrg(keys.good.keyring, f"{web.url}/")
    archive = origin.fetch(VERSION, downloads, None, Notes())
    assert archive.url == web.url + published.path
