"""Where CVE records are read from: a tarball, a directory, or a git repository.

All of them have the layout of the CNA's own repository, or a part of it:

    .../published/2026/CVE-2026-64257.json
    .../rejected/2025/CVE-2025-21632.json

Only names decide what is a record. A repository is read at its HEAD, whatever its work tree has.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingot.cves.record import RECORD_BYTES
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import disk_errors, staging_directory
from ingot.git_program import git
from ingot.oci.tar import REGULAR, TarError, TarReader
from ingot.process import CommandFailedError
from ingot.source.transfer.tarball_compression import (
    HEAD_BYTES,
    DamagedError,
    TarballCompression,
    decompressed,
    form_of,
)

_RECORD = re.compile(r"(?:.*/)?(CVE-[0-9]{4}-[0-9]{4,12})\.json", re.DOTALL)
_UNPUBLISHED = frozenset({"reserved", "returned", "review", "testing"})
"""Directories of the CNA's repository whose records are not published."""
_CHUNK = 1 << 20
_TAR_BYTES = 8 << 30
_ZSTD_WINDOW = 128 << 20
_TAR_END = bytes(512)
_DATA_HINT = (
    "name a clone of the CNA's repository, a tarball of it, or a directory with CVE-*.json files"
)


@dataclass(frozen=True, slots=True)
class DataIdentity:
    """Which data it was: equal digests mean the same records.

    `commit` is the commit of a repository. `date` is the commit's, else that of the newest record.
    """

    name: str
    digest: Digest
    commit: str = ""
    date: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A record as it was found: the CVE of its name, its whole name, and its bytes.

    `data` is cut after one byte more than a record can have.
    """

    cve: str
    name: str
    data: bytes


class CveData(Protocol):
    """A place with records."""

    def identity(self) -> DataIdentity:
        """Read as little as possible of it."""

    def files(self, work: Path) -> Iterator[tuple[RecordFile, datetime.datetime | None]]:
        """Each record and the time of its file, in any order; `work` is for temporary files."""


def open_data(path: Path) -> CveData:
    """The data at a path; UserError if it cannot be data."""
    if path.is_dir():
        if (path / ".git").exists() or _is_bare(path):
            return _Repository(path)
        return _Directory(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist", why="CVE records are read there", hint=_DATA_HINT)
    return _Tarball(path)


def _is_bare(path: Path) -> bool:
    return all((path / name).exists() for name in ("HEAD", "objects", "refs"))


def _cve_of(name: str) -> str | None:
    """The CVE of a record's file name; None for other files, and for unpublished records."""
    match = _RECORD.fullmatch(name)
    return match[1] if match and _UNPUBLISHED.isdisjoint(name.split("/")) else None


def _time(seconds: float) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class _Tarball:
    path: Path

    def identity(self) -> DataIdentity:
        with _readable(self.path):
            return DataIdentity(self.path.name, Digest.of_file(self.path))

    def files(self, work: Path) -> Iterator[tuple[RecordFile, datetime.datetime | None]]:
        del work
        with _readable(self.path):
            yield from _files_of_tarball(self.path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be read", why=error.strerror or str(error), hint=_DATA_HINT
        ) from None


def _files_of_tarball(path: Path) -> Iterator[tuple[RecordFile, datetime.datetime | None]]:
    tail = [b""]
    tar = TarReader(_bounded(_decompressed(path), path, tail))
    try:
        for header in tar:
            cve = _cve_of(header.name) if header.kind == REGULAR else None
            if cve:
                yield RecordFile(cve, header.name, _content(tar)), _time(header.mtime)
        tar.drain()
    except (TarError, DamagedError) as error:
        raise _damaged(path, str(error)) from None
    except UserError as error:
        raise _damaged(path, error.why or error.what) from None
    if not tail[0].endswith(_TAR_END):
        raise _damaged(path, "it ends too early")


def _content(tar: TarReader) -> bytes:
    parts, size = [], 0
    for piece in tar.content():
        if size <= RECORD_BYTES:
            parts.append(piece)
            size += len(piece)
    return b"".join(parts)[: RECORD_BYTES + 1]


def _damaged(path: Path, why: str) -> UserError:
    return UserError(
        f"{path} cannot be read as a tarball of CVE records",
        why=why,
        hint="get the file again; a part of the records would be no answer",
    )


def _decompressed(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        form = form_of(file.read(HEAD_BYTES), path)
        file.seek(0)
        if form is not TarballCompression.ZSTD:
            yield from decompressed(form, iter(lambda: file.read(_CHUNK), b""))
            return
        import zstandard  # only here: importing it is slow

        decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        try:
            with decoder.stream_reader(file, read_across_frames=True) as reader:
                yield from iter(lambda: reader.read(_CHUNK), b"")
        except zstandard.ZstdError as error:
            raise DamagedError(str(error)) from error


def _bounded(chunks: Iterator[bytes], path: Path, tail: list[bytes]) -> Iterator[bytes]:
    """The chunks of a tar, none after a limit; its last bytes are put into `tail`."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _TAR_BYTES:
            raise _damaged(path, f"it has more than {_TAR_BYTES >> 30} GiB unpacked")
        tail[0] = (tail[0] + chunk[-len(_TAR_END) :])[-len(_TAR_END) :]
        yield chunk


@dataclass(frozen=True, slots=True)
class _Directory:
    path: Path

    def identity(self) -> DataIdentity:
        """By names, sizes and times of all records: reading them would take too long."""
        rows = sorted(
            f"{name}\0{status.st_size}\0{status.st_mtime_ns}" for _, name, status in self._records()
        )
        return DataIdentity(self.path.name, Digest.of("\n".join(rows).encode("utf-8", "replace")))

    def files(self, work: Path) -> Iterator[tuple[RecordFile, datetime.datetime | None]]:
        del work
        for cve, name, status in self._records():
            with _readable(self.path / name), (self.path / name).open("rb") as file:
                data = file.read(RECORD_BYTES + 1)
            yield RecordFile(cve, name, data), _time(status.st_mtime)

    def _records(self) -> Iterator[tuple[str, str, os.stat_result]]:
        """The CVE, name and status of each record; links are not followed."""
        waiting = [""]
        while waiting:
            directory = waiting.pop()
            with _readable(self.path / directory):
                entries = list(os.scandir(self.path / directory))
            for entry in entries:
                name = f"{directory}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{name}/")
                elif (cve := _cve_of(name)) and entry.is_file(follow_symlinks=False):
                    yield cve, name, entry.stat(follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class _Repository:
    path: Path

    def identity(self) -> DataIdentity:
        commit, _, date = self._git("log", "-1", "--format=%H %ct", "HEAD").strip().partition(" ")
        digest = Digest.of(f"git {commit}".encode())
        return DataIdentity(self.path.name, digest, commit, _time(float(date)))

    def files(self, work: Path) -> Iterator[tuple[RecordFile, datetime.datetime | None]]:
        with staging_directory(work) as staging, disk_errors(work):
            archive = staging / "records.tar"
            pattern = ":(glob)**/CVE-*.json"
            self._git("archive", "--format=tar", f"--output={archive}", "HEAD", "--", pattern)
            yield from _files_of_tarball(archive)

    def _git(self, *arguments: str) -> str:
        try:
            return git(["-C", str(self.path), *arguments]).output
        except CommandFailedError as error:
            raise UserError(
                f"{self.path} cannot be read as a git repository of CVE records",
                why="\n".join(error.tail[-5:]),
                hint=_DATA_HINT,
            ) from None
