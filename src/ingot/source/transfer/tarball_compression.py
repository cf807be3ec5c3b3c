"""Decompresses tarballs. The compression is determined once, by the origin or by the file's header.

A signature must be checked over the same bytes that are unpacked. So only one class decompresses,
`PlainTar`; the compression is one of its arguments and never detected again. It reads strictly:

- .xz is only the .xz format (not .lzma, which has no checksum and no magic number), with a limit
  on memory. Several streams in sequence, with zeros between them in multiples of four bytes, are
  one file (The .xz File Format, 2 and 2.2).
- .gz may have several members (RFC 1952, 2.2), and zeros after the last one, as gzip allows.
- Any other data after the end is an error, and so is a truncated file.
"""

from __future__ import annotations

import enum
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError

MAX_BYTES = 8 << 30
"""The largest tar, in uncompressed bytes: five times the size of a kernel of 2026."""

MAX_ENTRIES = 500_000
"""The most files, directories and links of a tree: five times as many as in a kernel of 2026."""

MAX_MEMORY = 256 << 20
"""The memory limit of decompression, in bytes: `xz -9` needs 65 MiB (xz(1), "Preset")."""

HEAD_BYTES = 512
"""How many bytes of a file `form_of` reads: the magic number of tar is at offset 257."""

_CHUNK = 1 << 20
_GZIP_ONLY = 16 + zlib.MAX_WBITS


class TarballCompression(enum.Enum):
    """How a tarball is compressed."""

    TAR = "tar"
    XZ = "xz"
    GZIP = "gzip"
    ZSTD = "zstd"


_MAGIC: tuple[tuple[int, bytes, TarballCompression], ...] = (
    (0, b"\xfd7zXZ\0", TarballCompression.XZ),
    (0, b"\x1f\x8b", TarballCompression.GZIP),
    (0, b"\x28\xb5\x2f\xfd", TarballCompression.ZSTD),
    (257, b"ustar", TarballCompression.TAR),
)


class DamagedError(Exception):
    """A file is truncated, corrupt, or followed by other data; the message says which."""


def form_of(head: bytes, path: Path) -> TarballCompression:
    """The compression of a file that the user named, by its first bytes `head`.

    Raises UserError if it is not a tarball that Ingot reads.
    """
    for offset, magic, form in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return form
    raise UserError(
        f"{path} is not a tarball",
        why="its first bytes are not those of a .tar, .tar.xz, .tar.gz or .tar.zst",
        hint="check the file: it may be the HTML error page of a failed download",
    )


class PlainTar:
    """The tar in a file, read once from beginning to end; compressed and plain bytes are hashed.

    Iterating gives the uncompressed bytes; for `TarballCompression.ZSTD`, which Python cannot read,
    those of the file. `on_bytes` is called with the offset in the file. Raises DamagedError for a
    file that does not have the compression, and VerificationError if it has more than MAX_BYTES.
    """

    def __init__(
        self, path: Path, form: TarballCompression, on_bytes: Callable[[int], None] | None = None
    ):
        self._path = path
        self._on_bytes = on_bytes
        self._packed = hashlib.sha256()
        self._plain = hashlib.sha256()
        self._chunks = self._bounded(decompressed(form, self._read()))

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def finish(self) -> tuple[Digest, Digest]:
        """Read the rest; returns the digest of the file, and that of the uncompressed bytes."""
        for _ in self._chunks:
            pass
        return Digest(self._packed.hexdigest()), Digest(self._plain.hexdigest())

    def _read(self) -> Iterator[bytes]:
        done = 0
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._packed.update(chunk)
                done += len(chunk)
                yield chunk
                if self._on_bytes:
                    self._on_bytes(done)

    def _bounded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            done += len(chunk)
            if done > MAX_BYTES:
                raise VerificationError(
                    f"{self._path.name.removesuffix('.part')} was refused",
                    why=f"it holds more than {MAX_BYTES >> 30} GiB",
                    hint="no kernel release is that large: do not use this file",
                )
            self._plain.update(chunk)
            yield chunk


def decompressed(form: TarballCompression, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The uncompressed bytes, in pieces; DamagedError if the data is not compressed this way."""
    if form is TarballCompression.XZ:
        return _members(chunks, _XzStream, 4)
    if form is TarballCompression.GZIP:
        return _members(chunks, _GzipMember, 1)
    return chunks


class _CompressedStream(Protocol):
    """One stream of a compressed file."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The uncompressed bytes of `data`, in pieces of at most _CHUNK bytes."""

    @property
    def ended(self) -> bool: ...

    @property
    def rest(self) -> bytes:
        """The data that was fed and is after the end of the stream."""


class _XzStream:
    def __init__(self) -> None:
        self._decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MAX_MEMORY)

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._decoder.decompress(data, _CHUNK)
        while not (self._decoder.eof or self._decoder.needs_input):
            yield self._decoder.decompress(b"", _CHUNK)

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data


class _GzipMember:
    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP_ONLY)

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield (piece := self._decoder.decompress(data, _CHUNK))
        # after a full piece, zlib may have more output
        while not self._decoder.eof and (self._decoder.unconsumed_tail or len(piece) == _CHUNK):
            yield (piece := self._decoder.decompress(self._decoder.unconsumed_tail, _CHUNK))

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data


def _members(
    chunks: Iterator[bytes], new: Callable[[], _CompressedStream], padding_unit: int
) -> Iterator[bytes]:
    """The uncompressed bytes of one or more members, with only zeros between them."""
    member, zeros = new(), 0
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if member.ended:
                    left = data.lstrip(b"\0")
                    zeros += len(data) - len(left)
                    data = left
                    if not data:
                        break
                    if zeros % padding_unit:
                        raise DamagedError("something follows its end")
                    member, zeros = new(), 0
                for piece in member.feed(data):
                    if piece:
                        yield piece
                data = member.rest if member.ended else b""
    except (lzma.LZMAError, zlib.error) as error:
        raise DamagedError(str(error)) from error
    if not member.ended:
        raise DamagedError("it ends too early")
    if zeros % padding_unit:
        raise DamagedError("something follows its end")
