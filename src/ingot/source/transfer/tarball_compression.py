"""The compressions of tarballs: told once, by the origin or by one look, and undone in one way.

What a signature is checked over and what is unpacked must be the same bytes. So there is one
function that decompresses, `PlainTar`, which knows what it reads before it begins, and nothing
looks at a file again to guess. It reads strictly:

- .xz is the .xz format and no other (not .lzma, which has no checksum and no magic number), with
  a limit of memory. Several streams one after the other, and zeros between them in multiples of
  four bytes, are one file (The .xz File Format, 2 and 2.2).
- .gz may have several members (RFC 1952, 2.2), and zeros after the last one, as gzip allows.
- Anything else that follows the end is an error, and so is an end that comes too early.
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
"""The largest tar, in bytes uncompressed: five times a kernel of 2026."""

MAX_ENTRIES = 500_000
"""The most files, folders and links of a tree: five times a kernel of 2026."""

MAX_MEMORY = 256 << 20
"""What decompressing may take, in bytes: `xz -9` needs 65 MiB (xz(1), "Preset")."""

HEAD_BYTES = 512
"""How much of a file `form_of` looks at: a tar's own mark is at 257."""

_CHUNK = 1 << 20
_GZIP_ONLY = 16 + zlib.MAX_WBITS


class Compression(enum.Enum):
    """How a tarball is compressed."""

    TAR = "tar"
    XZ = "xz"
    GZIP = "gzip"
    ZSTD = "zstd"


_MAGIC: tuple[tuple[int, bytes, Compression], ...] = (
    (0, b"\xfd7zXZ\0", Compression.XZ),
    (0, b"\x1f\x8b", Compression.GZIP),
    (0, b"\x28\xb5\x2f\xfd", Compression.ZSTD),
    (257, b"ustar", Compression.TAR),
)


class DamagedError(Exception):
    """A file is cut off, corrupt, or followed by something; says which."""


def form_of(head: bytes, path: Path) -> Compression:
    """The form of the file that begins with `head`, for a file that the user named.

    Raises UserError if it is not a tarball that Ingot reads.
    """
    for offset, magic, form in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return form
    raise UserError(
        f"{path} is not a tarball",
        why="it starts like none of .tar, .tar.xz, .tar.gz and .tar.zst",
        hint="a download that is really an error page looks like this: check the file",
    )


class PlainTar:
    """The tar in a file, read once from its beginning to its end, and hashed both ways.

    Iterating gives the uncompressed bytes; for `Form.ZSTD`, which Python cannot read, those of
    the file. `on_bytes` hears the offset in the file. Raises DamagedError for a file that is not
    wholly of its form, and VerificationError if more than MAX_BYTES come of it.
    """

    def __init__(
        self, path: Path, form: Compression, on_bytes: Callable[[int], None] | None = None
    ):
        self._path = path
        self._on_bytes = on_bytes
        self._packed = hashlib.sha256()
        self._plain = hashlib.sha256()
        self._chunks = self._bounded(decompressed(form, self._read()))

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def finish(self) -> tuple[Digest, Digest]:
        """Read what nobody has read yet; the digest of the file, and that of what is in it."""
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
                    hint="no kernel release is as large: do not use this file",
                )
            self._plain.update(chunk)
            yield chunk


def decompressed(form: Compression, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What a file of this form holds, piece by piece; DamagedError if it is not of that form."""
    if form is Compression.XZ:
        return _members(chunks, _XzStream, 4)
    if form is Compression.GZIP:
        return _members(chunks, _GzipMember, 1)
    return chunks


class _CompressedStream(Protocol):
    """One stream of a compressed file, until its own end."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What comes of `data`, in pieces of at most _CHUNK bytes."""

    @property
    def ended(self) -> bool: ...

    @property
    def rest(self) -> bytes:
        """What was fed and comes after the end."""


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
        # where a piece is full, zlib may hold back more of it
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
    """What one or more members hold that follow each other, with nothing but zeros between."""
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
