"""Reads layers: the members of a layer's tar, verified while they are read.

Nothing from a layer can be trusted before the iteration has ended without an error: only then
are the blob's digest and the tar's diff ID verified.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci.blobs import damaged
from ingot.oci.descriptor import GZIP_LAYER_TYPES, PLAIN_LAYER_TYPES, ZSTD_LAYER_TYPES
from ingot.oci.layer_compression import CompressedDataError, read_gzip, read_zstd
from ingot.oci.layer_entry import WHITEOUT_PREFIX, EntryKind
from ingot.oci.layer_writer import Layer
from ingot.oci.layout import Layout
from ingot.oci.limits import NAME_BYTES, NAME_DEPTH, PART_BYTES, Allowance
from ingot.oci.tar import (
    DEVICES,
    DIRECTORY,
    HARD_LINK,
    LINK,
    REGULAR,
    TarError,
    TarHeader,
    TarReader,
)

_OPAQUE = ".wh..wh..opq"
_KINDS = {
    REGULAR: EntryKind.FILE,
    DIRECTORY: EntryKind.DIRECTORY,
    LINK: EntryKind.LINK,
    HARD_LINK: EntryKind.HARD_LINK,
    **dict.fromkeys(DEVICES, EntryKind.OTHER),
}


@dataclass(frozen=True, slots=True)
class LayerMember:
    """One entry of a layer. `name` is clean: relative, without `.` and `..`.

    `size` is in bytes, `mtime` in seconds since 1970; `target` is a link's target, for a hard
    link a clean name. `hides` is the name that a whiteout removes from the layers below
    (layer.md, "Whiteouts"); `opaque` removes everything below that directory, but not itself.
    """

    name: str
    kind: EntryKind
    size: int
    mode: int
    mtime: float
    target: str = ""
    hides: str | None = None
    opaque: bool = False


class LayerTar:
    """An open layer: iterates over its members; the content of the current file can be read."""

    def __init__(self, tar: TarReader, allowance: Allowance) -> None:
        self._tar = tar
        self._allowance = allowance
        self._directory = ""
        self._directories: set[str] = {""}

    def __iter__(self) -> Iterator[LayerMember]:
        for header in self._tar:
            self._allowance.require_bytes(header.size)
            member = _member(header)
            self._allowance.take_entries(1 + self._implied(member))
            self._allowance.take_names(len(member.name) + len(member.target))
            yield member

    def _implied(self, member: LayerMember) -> int:
        """How many new directories an entry's name implies; entries can be in any order."""
        name = member.name if member.hides is None else member.hides
        directory = name if member.kind == EntryKind.DIRECTORY else name.rpartition("/")[0]
        if directory == self._directory:
            return 0
        self._directory, before = directory, len(self._directories)
        while directory not in self._directories:
            self._directories.add(directory)
            directory = directory.rpartition("/")[0]
        return len(self._directories) - before

    def content(self) -> Iterator[bytes]:
        """The bytes of the iteration's current member, which must be a file."""
        return self._tar.content()


@contextlib.contextmanager
def open_layer(
    layout: Layout, layer: Layer, allowance: Allowance | None = None
) -> Iterator[LayerTar]:
    """Open a layer; leaving the context reads the rest and verifies blob and diff ID.

    `allowance` limits how much of its image is read. VerificationError if anything is damaged,
    UserError for an unsupported compression, for a name that leaves the image's root, for an
    entry that layers cannot have, or if the limits are exceeded.
    """
    path = layout.blobs.path(layer.descriptor.digest)
    hasher = hashlib.sha256()
    allowance = allowance or Allowance()
    with layout.open_blob(layer.descriptor) as blob:
        tar = TarReader(_hashed(_plain(layer, blob), hasher, allowance))
        try:
            yield LayerTar(tar, allowance)
            tar.drain()
        except (TarError, CompressedDataError) as error:
            raise damaged(layer.descriptor, path, str(error)) from error
        blob.drain()
    if (actual := Digest(hasher.hexdigest())) != layer.diff_id:
        raise damaged(
            layer.descriptor, path, f"its diff ID is {actual}, the config says {layer.diff_id}"
        )


def clean_name(name: str) -> str:
    """A tar's name relative to the image's root, empty for the root itself.

    UserError if it has `..` parts, or if it is longer or deeper than file systems allow.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserError(
            f"the image has an entry '{name:.200}', a name outside its own root",
            why="such an image is broken or hostile; nothing was kept of it",
        )
    if len(name) > PART_BYTES // 4:  # shorter ones are within the limits in any encoding
        _require_usual(name, parts)
    return "/".join(parts)


def _require_usual(name: str, parts: list[str]) -> None:
    too_long = len(_encoded(name)) > NAME_BYTES or len(parts) > NAME_DEPTH
    if too_long or any(len(_encoded(part)) > PART_BYTES for part in parts):
        raise UserError(
            f"the image has an entry whose name no file can have: {name:.80}...",
            why=f"a name has at most {NAME_BYTES:,} bytes, {PART_BYTES} between two slashes, and"
            f" {NAME_DEPTH} nested directories",
        )


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _member(header: TarHeader) -> LayerMember:
    name = clean_name(header.name)
    kind = _KINDS[header.kind]
    target = clean_name(header.target) if kind == EntryKind.HARD_LINK else header.target
    if kind == EntryKind.LINK and not 0 < len(_encoded(target)) <= NAME_BYTES:
        raise UserError(
            f"the image has a link '{name}' with an empty target, or one of more than"
            f" {NAME_BYTES:,} bytes"
        )
    directory, _, base = name.rpartition("/")
    opaque, hides = base == _OPAQUE, None
    if opaque:
        hides = directory
    elif base.startswith(WHITEOUT_PREFIX):
        hides = _hidden(name, directory, base.removeprefix(WHITEOUT_PREFIX))
    return LayerMember(
        name=name,
        kind=kind,
        size=header.size,
        mode=header.mode,
        mtime=header.mtime,
        target=target,
        hides=hides,
        opaque=opaque,
    )


def _hidden(name: str, directory: str, base: str) -> str:
    """The name that a whiteout removes: an entry next to it, never its own directory."""
    if base in ("", ".", ".."):
        raise UserError(f"the image has a whiteout '{name}', which does not name a file to remove")
    return f"{directory}/{base}" if directory else base


def _plain(layer: Layer, chunks: Iterable[bytes]) -> Iterator[bytes]:
    media_type = layer.descriptor.media_type
    if media_type in GZIP_LAYER_TYPES:
        return read_gzip(chunks)
    if media_type in ZSTD_LAYER_TYPES:
        return read_zstd(chunks)
    if media_type in PLAIN_LAYER_TYPES:
        return iter(chunks)
    raise UserError(
        f"cannot read layer {layer.descriptor.digest.short}",
        why=f"Ingot does not know the type {media_type}",
    )


def _hashed(
    chunks: Iterable[bytes], hasher: hashlib._Hash, allowance: Allowance
) -> Iterator[bytes]:
    for chunk in chunks:
        allowance.take_bytes(len(chunk))
        hasher.update(chunk)
        yield chunk
