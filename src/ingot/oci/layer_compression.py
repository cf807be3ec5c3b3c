"""Gzip with the same bytes on every machine, without holding a layer in memory.

A stream is split into pieces of 8 MiB, and each piece becomes one gzip member. Concatenated
members are permitted by RFC 1952, section 2.2, and every client reads them. Pieces are compressed
by libdeflate through the pinned package `deflate`, whose output does not depend on this machine's
zlib; it releases Python's lock, so that a thread per core uses all cores. The pieces and their
compressed bytes depend only on the content.
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
_GZIP_ONLY = 16 + zlib.MAX_WBITS  # zlib: expect a gzip header and check the CRC
_OUTPUT = 1 << 20
_INPUT = 1 << 15
"""Bytes passed to zlib at once: it copies the unused ones at the end of each member, and a member
can have only 20 bytes."""


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
    """The content of concatenated gzip members. `zlib.error` if they are damaged."""
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
