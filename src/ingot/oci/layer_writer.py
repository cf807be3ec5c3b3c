"""Writes layers: a compressed tar in the store, whose bytes depend only on its content.

Entries are sorted by name, owned by 0:0 without user or group names, and have the same mtime. The
format is GNU tar's, whose long names need no pax header. Source: OCI image-spec 1.1, layer.md.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingot.digest import Digest
from ingot.errors import MachineError, UserError
from ingot.oci.descriptor import LAYER_TYPE, Descriptor
from ingot.oci.layer_compression import DEFAULT_LEVEL, compress
from ingot.oci.layer_entry import EntryKind, LayerEntry, directory_entry
from ingot.oci.layout import Layout
from ingot.progress import Silent, Step

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_CHUNK = 1 << 20
_LATEST = 8**11  # the limit of the octal mtime field of a tar header
_TYPES = {
    EntryKind.FILE: tarfile.REGTYPE,
    EntryKind.DIRECTORY: tarfile.DIRTYPE,
    EntryKind.LINK: tarfile.SYMTYPE,
}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in the store. The descriptor's digest is of the compressed bytes, `diff_id` of
    the tar inside them: config.md, "Layer DiffID"."""

    descriptor: Descriptor
    diff_id: Digest


def write_layer(
    layout: Layout,
    entries: Iterable[LayerEntry],
    mtime: int,
    step: Step | None = None,
    *,
    level: int = DEFAULT_LEVEL,
) -> Layer:
    """Write a layer of `entries`, in any order, with missing parent directories added.

    `mtime` is in seconds since 1970, for every entry. UserError if two entries contradict
    each other, MachineError if a file cannot be read or the disk is full.
    """
    if not 0 <= mtime < _LATEST:
        raise UserError(f"{mtime} cannot be the time of files in an image: it is out of range")
    arranged = _arrange(entries)
    total = sum(entry.size for entry in arranged)
    return _store(layout, _tar(arranged, mtime), total, step or Silent(), level)


def write_tar_layer(
    layout: Layout, path: Path, step: Step | None = None, *, level: int = DEFAULT_LEVEL
) -> Layer:
    """Make a layer of an uncompressed tar file, whose bytes are not changed.

    UserError if it is not a tar file, MachineError if it cannot be read or the disk is full.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_BLOCK)
        total = path.stat().st_size
    except OSError as error:
        raise MachineError(f"cannot read {path}", why=str(error)) from error
    if header[257:262] != b"ustar" and header != bytes(_BLOCK):
        raise UserError(f"{path} is not an uncompressed tar file")
    return _store(layout, _file_chunks(path), total, step or Silent(), level)


def _store(layout: Layout, tar: Iterable[bytes], total: int, step: Step, level: int) -> Layer:
    hasher, done = hashlib.sha256(), 0

    def watched() -> Iterator[bytes]:
        nonlocal done
        for chunk in tar:
            hasher.update(chunk)
            done += len(chunk)
            step.advance(min(done, total), total)
            yield chunk

    descriptor = layout.write_blob(compress(watched(), level), LAYER_TYPE)
    return Layer(descriptor, Digest(hasher.hexdigest()))


def _arrange(entries: Iterable[LayerEntry]) -> list[LayerEntry]:
    """The entries in canonical order, parents first; UserError for a contradiction."""
    named: dict[str, LayerEntry] = {}
    for entry in entries:
        if named.setdefault(entry.name, entry) != entry:
            raise UserError(f"'{entry.name}' is twice in one layer, with different content")
    for name in list(named):
        for parent in PurePosixPath(name).parents:
            if str(parent) == ".":
                continue
            if (
                named.setdefault(str(parent), directory_entry(str(parent))).kind
                != EntryKind.DIRECTORY
            ):
                raise UserError(f"'{name}' is below '{parent}', which is not a directory")
    return [named[name] for name in sorted(named, key=_encoded)]


def _tar(entries: Iterable[LayerEntry], mtime: int) -> Iterator[bytes]:
    for entry in entries:
        yield _header(entry, mtime)
        if entry.kind == EntryKind.FILE:
            yield from entry.chunks()
            yield bytes(-entry.size % _BLOCK)
    yield _END


def _header(entry: LayerEntry, mtime: int) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.type = _TYPES[entry.kind]
    info.mode, info.mtime, info.size = entry.mode, mtime, entry.size
    info.linkname = entry.target
    # Owner and group are 0 with empty names in a new TarInfo.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _encoded(name: str) -> bytes:
    """A sort key that does not depend on the locale; a name that is not UTF-8 keeps its bytes."""
    return name.encode("utf-8", "surrogateescape")


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise MachineError(f"cannot read {path}", why=str(error)) from error
