"""Reading layers: the members of a layer's tar, verified while they are read.

Nothing taken from a layer may be believed before the iteration has ended without an error:
only then are the blob's digest and the tar's diff ID known to be right.
"""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci.blobs import damaged
from ingot.oci.descriptor import GZIP_LAYER_TYPES, PLAIN_LAYER_TYPES
from ingot.oci.layer_compression import decompress
from ingot.oci.layer_entry import WHITEOUT_PREFIX, EntryKind
from ingot.oci.layer_writer import Layer
from ingot.oci.layout import Layout
from ingot.oci.limits import NAME_BYTES, NAME_DEPTH, PART_BYTES, Allowance
from ingot.oci.tar import DEVICES, FOLDER, HARD_LINK, LINK, REGULAR, TarError, TarHeader, TarReader

_OPAQUE = ".wh..wh..opq"
_KINDS = {
    REGULAR: EntryKind.FILE,
    FOLDER: EntryKind.FOLDER,
    LINK: EntryKind.LINK,
    HARD_LINK: EntryKind.HARD_LINK,
    **dict.fromkeys(DEVICES, EntryKind.OTHER),
}


@dataclass(frozen=True, slots=True)
class LayerMember:
    """One entry of a layer. `name` is clean: relative, without `.` and `..`.

    `size` is in bytes, `mtime` in seconds since 1970; `target` is where a link points, for a
    hard link a clean name. `hides` is the name that a whiteout removes from the layers below
    (layer.md, "Whiteouts"); `opaque` means all that is below that folder, not itself.
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
    """An open layer: iterate over its members, and read a file's content while it is its turn."""

    def __init__(self, tar: TarReader, allowance: Allowance) -> None:
        self._tar = tar
        self._allowance = allowance
        self._folder = ""
        self._folders: set[str] = {""}

    def __iter__(self) -> Iterator[LayerMember]:
        for header in self._tar:
            self._allowance.require_bytes(header.size)
            member = _member(header)
            self._allowance.take_entries(1 + self._implied(member))
            self._allowance.take_names(len(member.name) + len(member.target))
            yield member

    def _implied(self, member: LayerMember) -> int:
        """How many folders an entry adds by its name, whatever order entries come in."""
        name = member.name if member.hides is None else member.hides
        folder = name if member.kind == EntryKind.FOLDER else name.rpartition("/")[0]
        if folder == self._folder:
            return 0
        self._folder, before = folder, len(self._folders)
        while folder not in self._folders:
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]
        return len(self._folders) - before

    def content(self) -> Iterator[bytes]:
        """The bytes of the member that the iteration is at, which must be a file."""
        return self._tar.content()


@contextlib.contextmanager
def open_layer(
    layout: Layout, layer: Layer, allowance: Allowance | None = None
) -> Iterator[LayerTar]:
    """Open a layer; leaving the context reads what is left and verifies blob and diff ID.

    `allowance` is what may still be read of its image. VerificationError if anything is damaged,
    UserError for a compression Ingot cannot read, for a name that leaves the image's root, for an
    entry that layers do not have, or if there is more than is allowed.
    """
    path = layout.blobs.path(layer.descriptor.digest)
    hasher = hashlib.sha256()
    allowance = allowance or Allowance()
    with layout.open_blob(layer.descriptor) as blob:
        tar = TarReader(_hashed(_plain(layer, blob), hasher, allowance))
        try:
            yield LayerTar(tar, allowance)
            tar.drain()
        except (TarError, zlib.error) as error:
            raise damaged(layer.descriptor, path, str(error)) from error
        blob.drain()
    if (actual := Digest(hasher.hexdigest())) != layer.diff_id:
        raise damaged(
            layer.descriptor, path, f"its diff ID is {actual}, the config says {layer.diff_id}"
        )


def clean_name(name: str) -> str:
    """A tar's name relative to the image's root, empty for the root itself.

    UserError if it climbs out with `..`, or if it is longer or deeper than names of files are.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserError(
            f"the image holds '{name:.200}', a name outside its own root",
            why="such an image is broken or hostile; nothing was kept of it",
        )
    if len(name) > PART_BYTES // 4:  # shorter ones are fine whatever their characters are
        _require_usual(name, parts)
    return "/".join(parts)


def _require_usual(name: str, parts: list[str]) -> None:
    too_long = len(_encoded(name)) > NAME_BYTES or len(parts) > NAME_DEPTH
    if too_long or any(len(_encoded(part)) > PART_BYTES for part in parts):
        raise UserError(
            f"the image holds a name that no file can have: {name:.80}...",
            why=f"a name has {NAME_BYTES:,} bytes at most, {PART_BYTES} between two slashes, and"
            f" {NAME_DEPTH} directories within each other",
        )


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _member(header: TarHeader) -> LayerMember:
    name = clean_name(header.name)
    kind = _KINDS[header.kind]
    target = clean_name(header.target) if kind == EntryKind.HARD_LINK else header.target
    if kind == EntryKind.LINK and not 0 < len(_encoded(target)) <= NAME_BYTES:
        raise UserError(f"the image holds '{name}', a link to nothing, or to a name without end")
    folder, _, base = name.rpartition("/")
    opaque, hides = base == _OPAQUE, None
    if opaque:
        hides = folder
    elif base.startswith(WHITEOUT_PREFIX):
        hides = _hidden(name, folder, base.removeprefix(WHITEOUT_PREFIX))
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


def _hidden(name: str, folder: str, base: str) -> str:
    """The name that a whiteout removes: one beside it, never the folder that it is in."""
    if base in ("", ".", ".."):
        raise UserError(f"the image holds '{name}', which says that nothing is removed")
    return f"{folder}/{base}" if folder else base


def _plain(layer: Layer, chunks: Iterable[bytes]) -> Iterator[bytes]:
    media_type = layer.descriptor.media_type
    if media_type in GZIP_LAYER_TYPES:
        return decompress(chunks)
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
