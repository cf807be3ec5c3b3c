"""Attempts to have a source taken that is not what it is called, through the command line.

The IDs of the tests below read as a table: where, what was tried, and how it ends. After each
nothing is left of it: no source, no file, no tag.
"""

from __future__ import annotations

import json
import lzma
import os
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot.cli.main import run_command_line
from ingot.digest import Digest
from ingot.source.transfer import http
from tests.support.debian_archives import TARBALL, Suite
from tests.support.git_repositories import Repository
from tests.support.houses import House
from tests.support.kernel_org import list_of
from tests.support.signers import Keys, Signer
from tests.support.tarballs import Member, Release, kernel_members, make_tar
from tests.support.web_servers import Web

TOP = "linux-6.1.176"
XZ, SIGN, LIST = f"/v6.x/{TOP}.tar.xz", f"/v6.x/{TOP}.tar.sign", "/v6.x/sha256sums.asc"
INRELEASE = "/debian/dists/a/InRelease"
SOURCES = "/debian/dists/a/main/source/Sources.xz"
POOL = f"/debian/pool/a/main/l/linux/{TARBALL}"

ORIGINS = """order = ["{origin}"]
kernel_org_mirror = "{web}"
debian_suites = ["a"]
git = {{ repository = "file://{repository}", keyring = "keyrings/kernel.org.gpg" }}
"""


@dataclass
class Stage:
    """Everything that is served and believed; an attempt changes some of it."""

    house: House
    web: Web
    keys: Keys
    release: Release
    repository: Repository
    revoked: Path
    patch: pytest.MonkeyPatch
    pin: str = ""

    def publish(self, tar: bytes, signer: Signer | None = None) -> None:
        """Serve a tar as the release, with a signature that is right for it."""
        self.web.files[XZ] = lzma.compress(tar, preset=0)
        self.web.files[SIGN] = (signer or self.keys.good).detached(tar)

    def publish_members(self, *members: Member) -> None:
        self.publish(make_tar([*kernel_members(), *members]))

    def publish_list(self, text: bytes, signer: Signer | None = None) -> None:
        """A release without a signature of its own, in a list that one of `signer` signed."""
        self.web.files[XZ] = self.release.xz
        self.web.files.pop(SIGN, None)
        self.web.files[LIST] = (signer or self.keys.other).inline(text)

    def publish_debian(self) -> None:
        Suite("a", self.release.xz).publish(self.web, self.keys, by_hash=False)

    def believe(self, keyring: Path) -> None:
        (self.house.kernels / "keyrings" / "kernel.org.gpg").write_bytes(keyring.read_bytes())

    def run(self, origin: str) -> int:
        """`ingot fetch 6.1` from this origin alone; its exit code."""
        path = self.house.kernels / "kernels.toml"
        head, _, _ = path.read_text().partition('[series."6.1".versions')
        origins = ORIGINS.format(origin=origin, web=self.web.url, repository=self.repository.path)
        head = head.replace('order = ["debian"]\ndebian_suites = []\n', origins)
        pin = f'{json.dumps(origin)} = "{self.pin}"\n' if self.pin else ""
        path.write_text(f'{head}[series."6.1".versions."6.1.176".sha256]\n{pin}')
        words = ["ingot", "fetch", "6.1", "--catalog", str(self.house.kernels)]
        self.patch.setattr(sys, "argv", [*words, "--cache", str(self.house.cache)])
        return run_command_line()

    def left_behind(self) -> list[str]:
        """All that the cache has of the attempt; locks are empty, and indexes are verified."""
        known = {".lock", "debian-sources"}
        return [
            path.name
            for directory in ("sources", "downloads")
            for path in sorted((self.house.cache / directory).glob("*"))
            if not any(part in path.name for part in known)
        ]


@pytest.fixture
def stage(
    house: House,
    web: Web,
    keys: Keys,
    published: Release,
    revoked_keyring: Path,
    repository: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    keyrings = house.kernels / "keyrings"
    keyrings.mkdir()
    (keyrings / "kernel.org-lists.gpg").write_bytes(keys.other.keyring.read_bytes())
    for path in (house.cache / "sources").glob("*"):  # what a house has is not this release
        path.rename(tmp_path / f"away-{path.name}")
    (house.cache / "downloads").mkdir(exist_ok=True)
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(f"#!/bin/sh\necho '{web.url}/debian|a|main|Debian|Debian'\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("ingot.tools.DEBIAN_KEYRING", keys.good.keyring)
    monkeypatch.setattr(http, "_BACKOFF_SECONDS", 0.0)
    made = Stage(house, web, keys, published, repository, revoked_keyring, monkeypatch)
    made.believe(keys.good.keyring)
    made.publish_debian()
    return made


Attempt = Callable[[Stage], None]


def altered(path: str) -> Attempt:
    """One bit of a file that is served, in its middle."""

    def attempt(stage: Stage) -> None:
        data = bytearray(stage.web.files[path])
        data[len(data) // 2] ^= 2
        stage.web.files[path] = bytes(data)

    return attempt


def truncated(stage: Stage) -> None:
    stage.web.files[XZ] = stage.web.files[XZ][:500_000]


def short_length(stage: Stage) -> None:
    stage.web.lengths = {XZ: 500_000}


def altered_tar(stage: Stage) -> None:
    tar = bytearray(stage.release.tar)
    tar[-20_000] ^= 1
    stage.web.files[XZ] = lzma.compress(bytes(tar), preset=0)


def redirected(stage: Stage) -> None:
    altered_tar(stage)
    stage.web.files["/elsewhere"] = stage.web.files[XZ]
    stage.web.redirects = {XZ: "/elsewhere"}


def swapped_while_resumed(stage: Stage) -> None:
    """The first half of the release, then the rest of another file of the same length."""
    altered_tar(stage)
    part = stage.house.cache / "downloads" / f"{TOP}.tar.xz.part"
    part.write_bytes(stage.release.xz[:500_000])
    etag = f'"{Digest.of(stage.web.files[XZ]).hex}"'
    state = {"url": stage.web.url + XZ, "validator": etag}
    part.with_name(f"{part.name}.json").write_text(json.dumps(state))


def put_in_place(stage: Stage) -> None:
    """A file that has its final name already, as if it had been verified."""
    altered_tar(stage)
    (stage.house.cache / "downloads" / f"{TOP}.tar.xz").write_bytes(stage.web.files[XZ])


def by(which: str) -> Attempt:
    """Signed by a key that must not sign."""

    def attempt(stage: Stage) -> None:
        signer: Signer = getattr(stage.keys, which)
        faked = "20200102T000000!" if which == "expired" else ""
        stage.web.files[SIGN] = signer.detached(stage.release.tar, faked)
        if which != "other":
            stage.believe(stage.revoked if which == "revoked" else signer.keyring)

    return attempt


def key_of_lists(stage: Stage) -> None:
    stage.publish(stage.release.tar, stage.keys.other)


def signature_of_another(stage: Stage) -> None:
    stage.web.files[SIGN] = stage.keys.good.detached(b"linux-6.1.175.tar")


def error_page(stage: Stage) -> None:
    stage.web.files[SIGN] = b"<html>be patient</html>"


def older(stage: Stage) -> None:
    stage.publish(make_tar(kernel_members("6.1.175")))


def other_pin(stage: Stage) -> None:
    stage.pin = Digest.of(b"pinned").hex


def leads_out(stage: Stage) -> None:
    stage.publish_members((f"{TOP}/../../evil", b"", {}))


def link_out(stage: Stage) -> None:
    link: Member = (f"{TOP}/l", None, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})
    stage.publish_members(link)


def pipe(stage: Stage) -> None:
    stage.publish_members((f"{TOP}/p", None, {"type": tarfile.FIFOTYPE}))


def bomb(stage: Stage) -> None:
    stage.patch.setattr("ingot.source.transfer.tarball_compression.MAX_BYTES", 500_000)


def many_files(stage: Stage) -> None:
    stage.patch.setattr("ingot.source.trees.unpack_tarball.MAX_ENTRIES", 3)


def listed(stage: Stage, data: bytes, signer: Signer | None = None) -> None:
    stage.publish_list(list_of((f"{TOP}.tar.xz", data)), signer)


def other_file_listed(stage: Stage) -> None:
    listed(stage, b"something else")


def list_by_a_developer(stage: Stage) -> None:
    listed(stage, stage.release.xz, stage.keys.good)


def list_altered(stage: Stage) -> None:
    listed(stage, stage.release.xz)
    stage.web.files[LIST] = stage.web.files[LIST].replace(b"6.1.176", b"6.1.177")


def list_not_signed(stage: Stage) -> None:
    listed(stage, stage.release.xz)
    stage.web.files[LIST] = list_of((f"{TOP}.tar.xz", stage.release.xz))


def list_without_it(stage: Stage) -> None:
    stage.publish_list(list_of(("linux-6.1.17.tar.xz", stage.release.xz)))


def release_altered(stage: Stage) -> None:
    signed = stage.web.files[INRELEASE]
    stage.web.files[INRELEASE] = signed.replace(b"Origin: Debian", b"Origin: Debiam")


def release_by_a_stranger(stage: Stage) -> None:
    stage.web.files[INRELEASE] = stage.keys.other.inline(b"Codename: a\n")


def release_of_another_suite(stage: Stage) -> None:
    Suite("b", stage.release.xz).publish(stage.web, stage.keys)
    stage.web.files[INRELEASE] = stage.web.files["/debian/dists/b/InRelease"]


def longer(stage: Stage) -> None:
    stage.web.files[POOL] += b"x"


def tag(name: str = "v6.1.176", signed_by: str = "good", version: str = "6.1.176") -> Attempt:
    """A tag that is served as v6.1.176."""

    def attempt(stage: Stage) -> None:
        stage.repository.commit(version)
        if signed_by:
            stage.repository.sign(name, getattr(stage.keys, signed_by))
        else:
            stage.repository.git("tag", "-a", "-m", "x", name)
        if name != "v6.1.176":
            named = stage.repository.git("rev-parse", name)
            stage.repository.git("update-ref", "refs/tags/v6.1.176", named)

    return attempt


def branch(stage: Stage) -> None:
    stage.repository.commit()
    stage.repository.git("branch", "v6.1.176")


def moved_tag(stage: Stage) -> None:
    tag()(stage)
    other_pin(stage)


def commit_exchanged(stage: Stage) -> None:
    tag()(stage)
    signed = stage.repository.tag_object("v6.1.176")
    old = stage.repository.git("rev-parse", "HEAD")
    new = stage.repository.commit(evil="yes")
    stage.repository.write_tag("v6.1.176", signed.replace(old.encode(), new.encode()))


def link_in_git(stage: Stage) -> None:
    (stage.repository.path / "passwd").symlink_to("/etc/passwd")
    tag()(stage)


USER, MACHINE, REFUSED = 2, 3, 4
"""Exit codes: a mistake in what was asked for, something that is not there, not verified."""

ATTEMPTS: list[tuple[str, str, Attempt, int, str]] = [
    ("kernel.org", "a bit of the tarball", altered(XZ), REFUSED, "truncated or corrupt"),
    ("kernel.org", "a bit of the tar inside", altered_tar, REFUSED, "does not match the data"),
    ("kernel.org", "a redirect to another tarball", redirected, REFUSED, "does not match the data"),
    ("kernel.org", "half of the tarball", truncated, REFUSED, "truncated or corrupt"),
    ("kernel.org", "a length that hides the rest", short_length, REFUSED, "truncated or corrupt"),
    ("kernel.org", "another file while resuming", swapped_while_resumed, REFUSED, "was refused"),
    ("kernel.org", "a file put in place before", put_in_place, REFUSED, "does not match the data"),
    ("kernel.org", "a bit of the signature", altered(SIGN), REFUSED, "was refused"),
    ("kernel.org", "an error page as signature", error_page, REFUSED, "holds no signature"),
    ("kernel.org", "the signature of another", signature_of_another, REFUSED, "does not match"),
    ("kernel.org", "signed by a stranger", by("other"), REFUSED, "is not in the keyring"),
    ("kernel.org", "signed by the key of lists", key_of_lists, REFUSED, "is not in the keyring"),
    ("kernel.org", "signed by an expired key", by("expired"), REFUSED, "a key that has expired"),
    ("kernel.org", "signed by a revoked key", by("revoked"), REFUSED, "a key that was revoked"),
    ("kernel.org", "an older release, well signed", older, USER, "its Makefile says 6.1.175"),
    ("kernel.org", "well signed, but not as pinned", other_pin, REFUSED, "refused and removed"),
    ("kernel.org", "a name that leads outside", leads_out, REFUSED, "leads outside"),
    ("kernel.org", "a link that leads outside", link_out, REFUSED, "leads outside"),
    ("kernel.org", "a pipe", pipe, REFUSED, "a device, a pipe or a socket"),
    ("kernel.org", "a tar without end", bomb, REFUSED, "it holds more than"),
    ("kernel.org", "files without end", many_files, REFUSED, "it holds more than"),
    ("kernel.org", "list: another digest", other_file_listed, REFUSED, "refused and removed"),
    (
        "kernel.org",
        "list: by a developer's key",
        list_by_a_developer,
        REFUSED,
        "not in the keyring",
    ),
    ("kernel.org", "list: a version exchanged", list_altered, REFUSED, "does not match the data"),
    ("kernel.org", "list: not signed", list_not_signed, REFUSED, "holds no signature"),
    ("kernel.org", "list: without the release", list_without_it, MACHINE, "does not list linux"),
    ("debian", "InRelease altered", release_altered, REFUSED, "does not match the data"),
    ("debian", "InRelease by a stranger", release_by_a_stranger, REFUSED, "not in the keyring"),
    (
        "debian",
        "InRelease of another suite",
        release_of_another_suite,
        REFUSED,
        "the InRelease file is for",
    ),
    ("debian", "a bit of Sources", altered(SOURCES), REFUSED, "refused and removed"),
    ("debian", "a bit of the tarball", altered(POOL), REFUSED, "refused and removed"),
    ("debian", "a longer tarball", longer, REFUSED, "refused and removed"),
    ("debian", "well signed, but not as pinned", other_pin, REFUSED, "differs from the pinned one"),
    ("git", "a tag that is not signed", tag(signed_by=""), REFUSED, "it is not signed"),
    ("git", "a branch called like the tag", branch, USER, "no tag or branch"),
    ("git", "signed by a stranger", tag(signed_by="other"), REFUSED, "not in the keyring"),
    (
        "git",
        "an older tag, well signed",
        tag("v6.1.175"),
        REFUSED,
        "the tag object has another name: v6.1.175",
    ),
    ("git", "a tag of another version", tag(version="6.1.175"), USER, "says 6.1.175"),
    ("git", "another commit in the tag", commit_exchanged, REFUSED, "does not match the data"),
    ("git", "well signed, but not as pinned", moved_tag, REFUSED, "do not have the pinned digest"),
    ("git", "a link that leads outside", link_in_git, REFUSED, "leads outside"),
]


@pytest.mark.parametrize(
    ("origin", "attempt", "code", "says"),
    [pytest.param(o, a, c, s, id=f"{o}: {name} -> exit {c}, {s}") for o, name, a, c, s in ATTEMPTS],
)
def test_tampering(
    stage: Stage,
    capsys: pytest.CaptureFixture[str],
    origin: str,
    attempt: Attempt,
    code: int,
    says: str,
) -> None:
    attempt(stage)
    assert stage.run(origin) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    error = captured.err[captured.err.index("error: ") :]
    assert says in error
    assert "next: " in error
    assert "Traceback" not in captured.err
    assert stage.left_behind() == []
    assert not any(
        name.startswith(("flintlock", "kernel-bin")) for name in stage.house.layout.tags()
    )


@pytest.mark.parametrize("origin", ["kernel.org", "debian", "git"])
def test_what_is_not_tampered_with_is_taken(
    stage: Stage, capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    tag()(stage)
    assert stage.run(origin) == 0
    _, source, builder = capsys.readouterr().out.splitlines()
    assert source.split()[:3] == ["linux", "6.1.176", origin]
    assert builder.split()[:2] == ["builder", "test"]
    assert len(stage.left_behind()) == 1
    stage.web.log.clear()
    assert stage.run(origin) == 0
    assert stage.web.log == []
