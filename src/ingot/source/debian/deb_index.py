"""Reads the indexes of a Debian archive: Release files and Sources.

Formats: https://wiki.debian.org/DebianRepository/Format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from ingot.digest import Digest
from ingot.errors import IngotError, UserError, VerificationError
from ingot.source.transfer.tarball_compression import DamagedError, TarballCompression, decompressed
from ingot.version import KernelVersion

_SOURCES = {
    "main/source/Sources.xz": TarballCompression.XZ,
    "main/source/Sources.gz": TarballCompression.GZIP,
}
MAX_INDEX = 128 << 20
"""The largest Sources, in bytes compressed: ten times that of Debian's `main` of 2026."""

MAX_PLAIN_INDEX = 1 << 30
"""The same uncompressed, which is read into memory: sixteen times that of 2026."""

_CHUNK = 1 << 20
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file in a signed index; `path` is relative to the directory that the index covers."""

    path: str
    digest: Digest
    size: int

    @classmethod
    def listed(cls, path: str, entry: Mapping[str, str]) -> Self:
        """The file of a row of checksums; VerificationError if the row is invalid."""
        try:
            size = entry["size"]
            if not (size.isascii() and size.isdigit() and len(size) <= _MOST_DIGITS):
                raise UserError(f"'{size[:_MOST_DIGITS]}' is not a size")
            return cls(path, Digest(entry["sha256"]), int(size))
        except (KeyError, IngotError) as error:
            raise _unreadable(PurePosixPath(path).name, str(error)) from error


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """What a Release file says about the source index of `main`."""

    sources: IndexedFile
    by_hash: bool


def read_release(text: bytes, suite: str) -> ReleaseFile:
    """Find the index of main's sources in the text of a Release file.

    Security archives call the component `updates/main`, but list its files under `main/`.
    `Valid-Until` is ignored on purpose: it protects against an old index that hides a fix. Here
    one exact version is looked up, whose digest the catalog pins, and archived suites have a date
    long past, or none. An old index can hide a new release; kernel.org's list, which is read as
    well, shows it.
    """
    from debian.deb822 import Release as Parser  # late: a tenth of a second

    fields = Parser(text)
    if suite not in (fields.get("Codename"), fields.get("Suite")):
        # Signed, but for another suite: a server must not be able to swap them.
        raise VerificationError(
            f"the InRelease file is for {fields.get('Codename')}, not for {suite}",
            why="it is signed, but a mirror must not replace one suite by another",
            hint="the mirror is wrong: try another one, or the same one later",
        )
    listed = {entry.get("name"): entry for entry in fields.get("SHA256", [])}
    for path in _SOURCES:  # the first one that is listed
        if path in listed:
            sources = IndexedFile.listed(path, listed[path])
            if sources.size > MAX_INDEX:
                raise _unreadable("Sources", f"it is too large: it has {sources.size:,} bytes")
            return ReleaseFile(sources, by_hash=fields.get("Acquire-By-Hash") == "yes")
    raise VerificationError("the InRelease file lists no sha256 of main/source/Sources")


def plain_index(listed: IndexedFile, data: bytes) -> bytes:
    """The uncompressed text of the downloaded Sources file `data`.

    Its listed name determines the compression. VerificationError if `data` does not have the listed
    digest, is damaged, or uncompresses to more than MAX_PLAIN_INDEX bytes.
    """
    name = PurePosixPath(listed.path).name
    if Digest.of(data) != listed.digest:
        raise VerificationError(
            f"{name} changed after it was verified", hint="run the same command again"
        )
    pieces = (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))
    text = bytearray()
    try:
        for piece in decompressed(_SOURCES[listed.path], pieces):
            text += piece
            if len(text) > MAX_PLAIN_INDEX:
                raise _unreadable(name, f"it is larger than {MAX_PLAIN_INDEX:,} bytes uncompressed")
    except DamagedError as error:
        raise _unreadable(name, str(error)) from error
    return bytes(text)


def find_tarballs(index: bytes, version: KernelVersion) -> list[IndexedFile]:
    """The entries for the upstream tarball of `version` in a Sources index, without repeats."""
    return list(dict.fromkeys(file for listed, file in _tarballs(index) if listed == version))


def listed_versions(index: bytes) -> set[KernelVersion]:
    """The upstream releases whose tarballs a Sources index lists, without candidates."""
    return {version for version, _ in _tarballs(index) if not version.candidate}


def _tarballs(index: bytes) -> Iterator[tuple[KernelVersion, IndexedFile]]:
    """Every `linux_<version>.orig.tar.xz` of a Sources index, with its upstream version.

    Only the paragraphs of `linux` are parsed: reading all 35,000 takes 13 s instead of 1.
    A candidate is written 7.3~rc7 there. Packages that bring the kernel of a newer suite to an
    older one (`linux-6.12` in bookworm-security) are left out: `linux` of that newer suite has the
    same versions as other tarballs, and the catalog's pin for Debian can match only one of them.
    """
    from debian.deb822 import Sources
    from debian.debian_support import Version

    for paragraph in index.split(b"\n\n"):
        if b"\nPackage: linux\n" not in b"\n" + paragraph + b"\n":
            continue
        source = Sources(paragraph)
        try:
            upstream = Version(source["Version"]).upstream_version or ""
        except (KeyError, ValueError) as error:
            raise _unreadable("Sources", str(error)) from error
        try:
            version = KernelVersion.parse(upstream.replace("~rc", "-rc"))
        except UserError:
            continue
        name = f"linux_{upstream}.orig.tar.xz"
        for entry in source.get("Checksums-Sha256", []):
            if entry.get("name") == name:
                yield version, IndexedFile.listed(f"{source.get('Directory', '')}/{name}", entry)


def _unreadable(name: str, why: str) -> VerificationError:
    return VerificationError(
        f"{name} cannot be read", why=why, hint="try another mirror, or the same one later"
    )
