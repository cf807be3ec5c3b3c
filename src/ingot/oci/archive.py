"""Reading layers: the members of a layer's tar, verified while they are read.

Nothing taken from a layer may be believed before the iteration has ended without an error:
only then are the blob's digest and the tar's diff ID known to be right.
"""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, cast

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci.blobs import damaged
from ingot.oci.compression import decompress
from ingot.oci.descriptor import GZIP_LAYER_TYPES, PLAIN_LAYER_TYPES
from ingot.oci.entry import WHITEOUT_PREFIX, Kind
from ingot.oci.layer import Layer
from ingot.oci.layout import Layout

_CHUNK = 1 << 20
_TAR_BUFFER = 1 << 16  # tarfile copies what is left of it at every header
_OPAQUE = ".wh..wh..opq"
_KINDS = {
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
    tarfile.CHRTYPE: Kind.OTHER,
    tarfile.BLKTYPE: Kind.OTHER,
    tarfile.FIFOTYPE: Kind.OTHER,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a layer. `name` is clean: relative, without `.` and `..`.

    `size` is in bytes, `mtime` in seconds since 1970; `target` is where a link points, for a
    hard link a clean name. `hides` is the name that a whiteout removes from the layers below
    (layer.md, "Whiteouts"); `opaque` means all that is below that folder, not itself.
    """

    name: str
    kind: Kind
    size: int
    mode: int
    mtime: float
    target: str = ""
    hides: str | None = None
    opaque: bool = False


class LayerTar:
    """An open layer: iterate over its members, and read a file's content while it is its turn."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._current: tarfile.TarInfo | None = None

    def __iter__(self) -> Iterator[Member]:
        for info in self._tar:
            self._current = info
            yield _member(info)
            # tarfile keeps every header it has seen; typeshed does not know the list.
            self._tar.members.clear()  # type: ignore[attr-defined]

    def content(self) -> Iterator[bytes]:
        """The bytes of the member that the iteration is at, which must be a file."""
        assert self._current is not None
        file = self._tar.extractfile(self._current)
        while file and (chunk := file.read(_CHUNK)):
            yield chunk


@contextlib.contextmanager
def open_layer(layout: Layout, layer: Layer) -> Iterator[LayerTar]:
    """Open a layer; leaving the context reads what is left and verifies blob and diff ID.

    VerificationError if anything is damaged, UserError for a compression Ingot cannot read
    or for a name that leaves the image's root.
    """
    path = layout.blobs.path(layer.descriptor.digest)
    hasher = hashlib.sha256()
    with layout.open_blob(layer.descriptor) as blob:
        stream = _Stream(_hashed(_plain(layer, blob), hasher))
        try:
            with _open_tar(stream) as tar:
                yield LayerTar(tar)
            stream.drain()
        except (tarfile.TarError, zlib.error) as error:
            raise damaged(layer.descriptor, path, str(error)) from error
        blob.drain()
    if (actual := Digest(hasher.hexdigest())) != layer.diff_id:
        raise damaged(
            layer.descriptor, path, f"its diff ID is {actual}, the config says {layer.diff_id}"
        )


class _Stream:
    """A generator of bytes as something to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def drain(self) -> None:
        self._rest = b""
        for _ in self._chunks:
            pass


def _open_tar(stream: _Stream) -> tarfile.TarFile:
    # In this mode tarfile only ever calls read(), and does not close what it is given.
    return tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=_TAR_BUFFER)


def clean_name(name: str) -> str:
    """A tar's name relative to the image's root, empty for the root itself.

    UserError if it climbs out with `..`.
    """
    parts = PurePosixPath(name.lstrip("/")).parts
    if ".." in parts:
        raise UserError(
            f"the image holds '{name}', a name outside its own root",
            why="such an image is broken or hostile; nothing was kept of it",
        )
    return "/".join(parts)


def _member(info: tarfile.TarInfo) -> Member:
    name = clean_name(info.name)
    kind = _KINDS.get(info.type, Kind.FILE)
    target = clean_name(info.linkname) if kind == Kind.HARD_LINK else info.linkname
    folder, _, base = name.rpartition("/")
    opaque, hides = base == _OPAQUE, None
    if opaque:
        hides = folder
    elif base.startswith(WHITEOUT_PREFIX):
        hides = clean_name(f"{folder}/{base.removeprefix(WHITEOUT_PREFIX)}")
    size = info.size if kind == Kind.FILE else 0
    return Member(name, kind, size, info.mode, info.mtime, target, hides, opaque)


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


def _hashed(chunks: Iterable[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk
