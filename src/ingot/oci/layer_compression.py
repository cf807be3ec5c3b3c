"""Compresses layers, with the same bytes on every machine, and reads gzip and zstd.

No layer is held in memory. What Ingot writes is gzip: a stream is split into pieces of 8 MiB, and
each piece becomes one gzip member. Concatenated members are permitted by RFC 1952, section 2.2, and
every client reads them. Pieces are compressed by libdeflate through the pinned package `deflate`,
whose output does not depend on this machine's zlib; it releases Python's lock, so that a thread per
core uses all cores. The pieces and their compressed bytes depend only on the content.
"""

from __future__ import annotations

import io
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import deflate

MEMBER_BYTES = 8 << 20
DEFAULT_LEVEL = 6
_WORKERS = min(4, os.cpu_count() or 1)
_GZIP_ONLY = 16 + zlib.MAX_WBITS  # zlib: expect a gzip header and check the CRC
_OUTPUT = 1 << 20
_INPUT = 1 << 15
"""Bytes passed to zlib at once: it copies the unused ones at the end of each member, and a member
can have only 20 bytes."""


_ZSTD_WINDOW = 128 << 20
"""The largest window that is read: that of zstd without `--long`, and of containerd and Docker."""


class CompressedDataError(Exception):
    """Data is not compressed in the way that its media type says, or is damaged."""


def compress(chunks: Iterable[bytes], level: int = DEFAULT_LEVEL) -> Iterator[bytes]:
    """The gzip members of a stream, in order. `level` is libdeflate's, 1 to 12."""
    pending: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            for piece in _cut(chunks):
                if len(pending) > _WORKERS:
                    yield pending.popleft().result()
                pending.append(pool.submit(_member, piece, level))
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def read_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of concatenated gzip members. CompressedDataError if they are damaged."""
    try:
        yield from _gzip_content(chunks)
    except zlib.error as error:
        raise CompressedDataError(str(error)) from error


def read_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of concatenated zstd frames. CompressedDataError if they are damaged.

    Skippable frames, in which some tools keep an index of the layer, have no content (RFC 8878,
    sections 3.1 and 3.1.2). A frame that ends too early has less content: the caller compares the
    digest.
    """
    import zstandard  # late: importing it is slow, and few layers need it

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    try:
        with (
            io.BufferedReader(_RawChunks(chunks)) as source,
            decompressor.stream_reader(source, read_across_frames=True) as reader,
        ):
            while content := reader.read(_OUTPUT):
                yield content
    except zstandard.ZstdError as error:
        raise CompressedDataError(str(error)) from error


class _RawChunks(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = (chunk for chunk in chunks if chunk)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes, as many as fit; 0 at the end."""
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _gzip_content(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP_ONLY)
    begun = False
    for chunk in chunks:
        for at in range(0, len(chunk), _INPUT):
            data = chunk[at : at + _INPUT]
            while data:
                if member.eof:
                    member = zlib.decompressobj(_GZIP_ONLY)
                begun = True
                yield member.decompress(data, _OUTPUT)
                data = member.unused_data if member.eof else member.unconsumed_tail
    yield from _rest(member)
    if begun and not member.eof:
        raise zlib.error("the last gzip member is not complete")


def _rest(member: zlib._Decompress) -> Iterator[bytes]:
    """The rest of a member's content: the output of one call of zlib is limited."""
    while not member.eof:
        data = member.decompress(b"", _OUTPUT)
        if not data:
            return
        yield data


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream in pieces of `MEMBER_BYTES`, at least one, the last one shorter."""
    buffer = bytearray()
    cut = False
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= MEMBER_BYTES:
            yield bytes(buffer[:MEMBER_BYTES])
            del buffer[:MEMBER_BYTES]
            cut = True
    if buffer or not cut:
        yield bytes(buffer)


def _member(piece: bytes, level: int) -> bytes:
    return bytes(deflate.gzip_compress(piece, level))
