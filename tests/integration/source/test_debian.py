"""The origin Debian against a loopback archive: InRelease, Sources, tarball."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from ingot.apt import configured_mirrors
from ingot.digest import Digest
from ingot.errors import MachineError, VerificationError
from ingot.source.debian.debian_origin import DebianArchive
from ingot.version import KernelVersion
from tests.support.debian_archives import TARBALL, Suite, fetch
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION, Release
from tests.support.web_servers import Web


def leftovers(downloads: Path) -> list[str]:
    names = (p.name for p in downloads.iterdir())
    return sorted(n for n in names if not n.startswith((".", "debian-sources-")))


@pytest.mark.parametrize("by_hash", [True, False])
@pytest.mark.parametrize("compress", ["xz", "gz"])
def test_a_good_chain(
    web: Web, keys: Keys, release: Release, downloads: Path, by_hash: bool, compress: str
) -> None:
    Suite("a", release.xz).publish(web, keys, by_hash, compress)
    archive = fetch(web, keys, downloads, expected=Digest.of(release.xz))
    assert archive.path.read_bytes() == release.xz
    assert archive.digest == Digest.of(release.xz)
    told = f"listed in a, signed by {keys.good.fingerprint}"
    assert archive.evidence == f"{told}; repacked by Debian without some non-free files"
    assert leftovers(downloads) == [TARBALL]


def test_the_index_is_fetched_once(web: Web, keys: Keys, release: Release, downloads: Path) -> None:
    Suite("a", release.xz).publish(web, keys)
    fetch(web, keys, downloads)
    web.log.clear()
    (downloads / TARBALL).unlink()
    fetch(web, keys, downloads)
    assert [r.path.rpartition("/")[2] for r in web.log] == ["InRelease", TARBALL]


def test_suites_are_tried_in_order_and_each_failure_is_one_line(
    web: Web, keys: Keys, release: Release, downloads: Path, notes: Notes
) -> None:
    Suite("old", release.xz, versions=("5.10.262-1", "6.1.17-1")).publish(web, keys)
    Suite("gone", release.xz, served=False).publish(web, keys)
    Suite("b-security", release.xz, base="/debian-security").publish(web, keys)
    archive = fetch(web, keys, downloads, "nowhere", "old", "gone", "b-security", notes=notes)
    assert "b-security" in archive.evidence
    assert [note.split(":")[1].strip() for note in notes.notes] == [
        "debian nowhere",
        "debian old",
        "debian gone",
    ]
    assert "HTTP 404" in notes.notes[0]
    assert "does not have linux 6.1.176" in notes.notes[1]
    assert "HTTP 404" in notes.notes[2]
    # The security mirror was asked first for a security suite.
    assert web.of("/debian/dists/b-security") == []


@pytest.mark.parametrize(
    "suite", ["a", "a-updates", "a-security", "a-backports", "a-backports-sloppy"]
)
def test_any_suite_that_a_mirror_has_will_do(
    web: Web, keys: Keys, release: Release, downloads: Path, suite: str
) -> None:
    base = "/debian-security" if suite.endswith("-security") else "/debian"
    Suite(suite, release.xz, versions=("6.1.176-1~bpo1+1",), base=base).publish(web, keys)
    assert f"listed in {suite}," in fetch(web, keys, downloads, suite).evidence


def test_a_candidate_is_had_where_it_is_named_and_never_listed(
    web: Web, keys: Keys, release: Release, downloads: Path
) -> None:
    suite = Suite("a", release.xz, versions=("6.19~rc1-1~exp1", "6.18.2-1"))
    suite.publish(web, keys)
    name = "linux_6.19~rc1.orig.tar.xz"
    web.files[f"/debian/{suite.pool}/{name}"] = release.xz
    origin = DebianArchive(("a",), keys.good.keyring, (f"{web.url}/debian",))
    candidate = KernelVersion.parse("6.19-rc1")
    assert origin.fetch(candidate, downloads, None, Notes()).path.name == name
    assert [str(version) for version in origin.versions(downloads, Notes())] == ["6.18.2"]


def test_a_tampered_inrelease_is_refused(
    web: Web, keys: Keys, release: Release, downloads: Path, notes: Notes
) -> None:
    Suite("a", release.xz).publish(web, keys)
    path = "/debian/dists/a/InRelease"
    web.files[path] = web.files[path].replace(b"Origin: Debian", b"Origin: Debiam")
    with pytest.raises(VerificationError, match="InRelease of a"):
        fetch(web, keys, downloads, notes=notes)
    assert leftovers(downloads) == []
    Suite("b", release.xz).publish(web, keys)
    assert fetch(web, keys, downloads, "a", "b", notes=notes).digest == Digest.of(release.xz)


def test_text_around_the_signature_is_ignored(
    web: Web, keys: Keys, release: Release, downloads: Path
) -> None:
    Suite("a", release.xz).publish(web, keys)
    path = "/debian/dists/a/InRelease"
    web.files[path] = b"Codename: evil\nSHA256:\n\n" + web.files[path]
    with contextlib.suppress(VerificationError):  # newer gpgv refuses it, which is as good
        assert fetch(web, keys, downloads).digest == Digest.of(release.xz)


def test_an_inrelease_of_another_suite_is_refused(
    web: Web, keys: Keys, release: Release, downloads: Path
) -> None:
    Suite("a", release.xz).publish(web, keys)
    web.files["/debian/dists/b/InRelease"] = web.files["/debian/dists/a/InRelease"]
    with pytest.raises(VerificationError, match="the InRelease file is for"):
        fetch(web, keys, downloads, "b")


def test_signed_by_a_stranger(web: Web, keys: Keys, release: Release, downloads: Path) -> None:
    Suite("a", release.xz).publish(web, keys)
    path = "/debian/dists/a/InRelease"
    web.files[path] = keys.other.inline(b"Codename: a\n")
    with pytest.raises(VerificationError, match="not in the keyring"):
        fetch(web, keys, downloads)


@pytest.mark.parametrize("what", ["Sources", "tarball", "tarball length"])
def test_a_digest_that_does_not_match(
    web: Web, keys: Keys, release: Release, downloads: Path, what: str
) -> None:
    Suite("a", release.xz).publish(web, keys, by_hash=False)
    path = {"Sources": "/debian/dists/a/main/source/Sources.xz"}.get(
        what, f"/debian/pool/a/main/l/linux/{TARBALL}"
    )
    data = bytearray(web.files[path])
    data[len(data) // 2] ^= 1
    web.files[path] = bytes(data) + (b"x" if "length" in what else b"")
    with pytest.raises(VerificationError, match="refused and removed"):
        fetch(web, keys, downloads)
    assert leftovers(downloads) == []
    assert len(list(downloads.glob("debian-sources-*"))) == (0 if what == "Sources" else 1)


def test_a_pin_is_compared_before_downloading(
    web: Web, keys: Keys, release: Release, downloads: Path
) -> None:
    Suite("a", release.xz).publish(web, keys)
    with pytest.raises(VerificationError, match="differs from the pinned one"):
        fetch(web, keys, downloads, expected=Digest.of(b"other"))
    assert web.of(TARBALL) == []


def test_a_dead_mirror_is_asked_once(web: Web, keys: Keys, downloads: Path, notes: Notes) -> None:
    origin = DebianArchive(("a", "b", "c"), keys.good.keyring, ("http://ingot.invalid/debian",))
    with pytest.raises(MachineError, match=r"cannot resolve host ingot\.invalid"):
        origin.fetch(VERSION, downloads, None, notes)
    assert len(notes.notes) == 1


def _fake_apt(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    tool = directory / "bin" / "apt-get"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")


def test_the_mirror_is_the_one_of_apt(
    web: Web,
    keys: Keys,
    release: Release,
    downloads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Suite("a", release.xz).publish(web, keys)
    line = f"{web.url}/debian|a|main|Debian|Debian"
    _fake_apt(tmp_path, monkeypatch, f"echo 'http://third.invalid/|a|main|Me|Me'\necho '{line}'")
    origin = DebianArchive(("a",), keys.good.keyring)
    assert origin.fetch(VERSION, downloads, None, Notes()).digest == Digest.of(release.xz)


def test_apt_without_indexes_is_asked_for_names_only(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "echo 'http://m/debian/|bookworm|main|$(ORIGIN)|$(LABEL)'"
    names += "; echo 'http://s/debian-security|bookworm-security|main|$(ORIGIN)|$(LABEL)'"
    _fake_apt(tmp_path, monkeypatch, f'case "$*" in *--no-release-info*) {names};; esac')
    assert configured_mirrors() == ("http://m/debian", "http://s/debian-security")


def test_no_debian_in_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_apt(tmp_path, monkeypatch, "echo 'http://u/ubuntu|jammy|main|Ubuntu|Ubuntu'")
    with pytest.raises(MachineError, match="not configured with a Debian archive") as caught:
        configured_mirrors()
    assert "--source" in caught.value.hint


def test_no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingot.process._search_path", lambda: "/nonexistent")
    with pytest.raises(MachineError, match="apt is not installed"):
        configured_mirrors()
