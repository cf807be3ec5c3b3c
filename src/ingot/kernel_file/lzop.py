"""Reads files of lzop, which the kernel's build uses for LZO compression.

Source: kernel, lib/decompress_unlzo.c; all numbers are big-endian.

    magic, version, library's version, version needed, method, level
    flags, filter (if a flag says so), mode, time (low, high), length of the name, name, checksum
    blocks: decompressed size, compressed size, checksums of each as the flags say, the block
    a block of size 0
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from ingot.kernel_file.failure import DecompressError, cut_off, too_large

MAGIC = b"\x89LZO\x00\x0d\x0a\x1a\x0a"
_BLOCK_BYTES = 256 << 10
"""The largest block of lzop; the kernel does not accept larger ones."""
_SINCE_LEVEL = 0x0940
_ADLER_PLAIN, _ADLER_PACKED, _CRC_PLAIN, _CRC_PACKED, _FILTER = 0x1, 0x2, 0x100, 0x200, 0x800
_NUMBER = struct.Struct(">I")
_VERSIONS = struct.Struct(">HHHB")


class _Input:
    """The file, read from its start; DecompressError where it ends too early."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> memoryview:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise cut_off()
        self._at += size
        return piece

    def number(self) -> int:
        (value,) = _NUMBER.unpack(self.take(_NUMBER.size))
        return int(value)


class _Checksums(NamedTuple):
    """The checksums that follow the sizes of a block: of its content, then of its compressed form.

    The second ones are only there for a block that is compressed.
    """

    plain: tuple[Callable[[bytes], int], ...]
    packed: int


def decompress(data: memoryview, limit: int) -> bytes:
    """Decompress a file; DecompressError if it is damaged, truncated or larger than `limit`."""
    file = _Input(data)
    checksums = _read_header(file)
    blocks, total = [], 0
    while size := file.number():
        total += size
        if total > limit:
            raise too_large(limit)
        blocks.append(_read_block(file, size, checksums))
    return b"".join(blocks)


def _read_header(file: _Input) -> _Checksums:
    file.take(len(MAGIC))
    version, _, _, _ = _VERSIONS.unpack(file.take(_VERSIONS.size))
    newer = version >= _SINCE_LEVEL
    file.take(1 if newer else 0)
    flags = file.number()
    file.take(4 if flags & _FILTER else 0)
    file.take(12 if newer else 8)  # mode, time
    (name,) = file.take(1)
    file.take(name + 4)
    plain = (_ADLER_PLAIN, zlib.adler32), (_CRC_PLAIN, zlib.crc32)
    return _Checksums(
        tuple(checksum for flag, checksum in plain if flags & flag),
        sum(1 for flag in (_ADLER_PACKED, _CRC_PACKED) if flags & flag),
    )


def _read_block(file: _Input, size: int, checksums: _Checksums) -> bytes:
    packed = file.number()
    if size > _BLOCK_BYTES or packed > size:
        raise DecompressError("it is damaged: a block is larger than lzop's limit")
    expected = [file.number() for _ in checksums.plain]
    if packed < size:
        file.take(_NUMBER.size * checksums.packed)
    block = file.take(packed)
    content = _unlzo(block, size) if packed < size else bytes(block)
    found = [checksum(content) for checksum in checksums.plain]
    if len(content) != size or found != expected:
        raise DecompressError("it is damaged: a block does not match its checksum")
    return content


def _unlzo(block: memoryview, size: int) -> bytes:
    from lzallright import LZOCompressor, LZOError  # only here: it costs time when a program starts

    try:
        return LZOCompressor.decompress(block, size)
    except LZOError as error:
        raise DecompressError("it is damaged: a block cannot be decompressed") from error
