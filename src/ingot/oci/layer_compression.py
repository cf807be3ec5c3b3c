"""Gzip, the same bytes on every machine, without holding a layer in memory.

A stream is cut every 8 MiB, each piece becomes one gzip member, and the members follow each
other, which RFC 1952, section 2.2 permits and every client reads. Pieces are compressed by
libdeflate through the pinned package `deflate`, whose output does not depend on the zlib this
machine has; it lets go of Python's lock, so that a thread per core keeps all cores busy. Where
the cuts are and what a piece becomes depends on the content alone.
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import deflate

MEMBER_BYTES = 8 << 20
DEFAULT_LEVEL = 6
_WORKERS = min(4, os.cpu_count() or 1)
_GZIP_ONLY = 16 + zlib.MAX_WBITS  # zlib's way to say: expect a gzip header and check its CRC
_OUTPUT = 1 << 20
_INPUT = 1 << 15
"""Bytes handed to zlib at once: it copies what is left of them at the end of each member, and a
member can have 20 bytes."""


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


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of gzip members that follow each other. `zlib.error` if they are damaged."""
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
    """What a member still holds back because the output of a call is bounded."""
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
