"""Reading the indexes of a Debian archive: Release files and Sources.

Formats: https://wiki.debian.org/DebianRepository/Format.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.version import KernelVersion

_SOURCES = ("main/source/Sources.xz", "main/source/Sources.gz")


@dataclass(frozen=True, slots=True)
class File:
    """A file that a signed index vouches for; `path` is relative to what the index covers."""

    path: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """What a Release file says about the source index of `main`."""

    sources: File
    by_hash: bool


def read_release(text: bytes, suite: str) -> ReleaseFile:
    """Find the index of main's sources in the text of a Release file.

    Security archives call the component `updates/main`, but list its files under `main/`.
    `Valid-Until` is not looked at, on purpose: it guards against being served an old index
    that hides a fix. Here one exact version is looked up, whose digest the catalog pins, and
    suites that have been archived carry a date long past, or none. An old index can hide a
    release from those who ask for the newest; kernel.org's own list, asked as well, shows it.
    """
    from debian.deb822 import Release as Parser  # late: a tenth of a second

    fields = Parser(text)
    if suite not in (fields.get("Codename"), fields.get("Suite")):
        # Signed, but for another suite: a server must not be able to swap them.
        raise VerificationError(
            "the InRelease file is that of another suite",
            why=str(fields.get("Codename")),
            hint="the mirror is not right: try another one, or the same one later",
        )
    listed = {entry["name"]: entry for entry in fields.get("SHA256", [])}
    for path in _SOURCES:
        if path in listed:
            entry = listed[path]
            sources = File(path, Digest.parse(entry["sha256"]), int(entry["size"]))
            return ReleaseFile(sources, by_hash=fields.get("Acquire-By-Hash") == "yes")
    raise VerificationError("the InRelease file lists no sha256 of main/source/Sources")


def find_tarballs(index: Path, version: KernelVersion) -> list[File]:
    """The entries for the upstream tarball of `version` in a Sources index, without repeats."""
    return list(dict.fromkeys(file for listed, file in _tarballs(index) if listed == version))


def listed_versions(index: Path) -> set[KernelVersion]:
    """The upstream releases whose tarballs a Sources index lists, without candidates."""
    return {version for version, _ in _tarballs(index) if not version.candidate}


def _tarballs(index: Path) -> Iterator[tuple[KernelVersion, File]]:
    """Every `linux_<version>.orig.tar.xz` of a Sources index, with its upstream version.

    Only the paragraphs of `linux` are parsed: reading all 35,000 takes 13 s instead of 1.
    A candidate is written 7.3~rc7 there. Left out are the packages that bring the kernel of a
    newer suite to an older one (`linux-6.12` in bookworm-security): `linux` of that newer suite
    has the same versions, as another tarball, and one pin for Debian cannot stand for both.
    """
    from debian.deb822 import Sources
    from debian.debian_support import Version

    for paragraph in _read(index).split(b"\n\n"):
        if b"\nPackage: linux\n" not in b"\n" + paragraph + b"\n":
            continue
        source = Sources(paragraph)
        upstream = Version(source["Version"]).upstream_version or ""
        try:
            version = KernelVersion.parse(upstream.replace("~rc", "-rc"))
        except UserError:
            continue
        name = f"linux_{upstream}.orig.tar.xz"
        for entry in source.get("Checksums-Sha256", []):
            if entry["name"] == name:
                path = f"{source['Directory']}/{name}"
                yield version, File(path, Digest.parse(entry["sha256"]), int(entry["size"]))


def _read(index: Path) -> bytes:
    data = index.read_bytes()
    try:
        return lzma.decompress(data) if data.startswith(b"\xfd7zXZ") else gzip.decompress(data)
    except (lzma.LZMAError, EOFError, OSError, zlib.error) as error:
        raise VerificationError(f"{index.name} cannot be decompressed", why=str(error)) from error
