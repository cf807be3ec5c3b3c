"""Reads the legacy frame of lz4 (`lz4 -l`), which the kernel's build writes.

Source: lz4, doc/lz4_Frame_format.md, "Legacy frame"; kernel, lib/decompress_unlz4.c.

    magic
    blocks: size of the compressed block (4 bytes, little-endian), the block

Each block decompresses to 8 MiB, the last one to the rest. The frame has no end mark.
"""

from __future__ import annotations

import struct

from ingot.kernel_file.failure import DecompressError, cut_off, too_large

MAGIC = b"\x02\x21\x4c\x18"
_BLOCK_BYTES = 8 << 20
_LONGEST_BLOCK = _BLOCK_BYTES + _BLOCK_BYTES // 255 + 16
"""The largest compressed size of 8 MiB (lz4.h, LZ4_COMPRESSBOUND)."""
_SIZE = struct.Struct("<I")


def decompress(data: memoryview, limit: int) -> bytes:
    """Decompress a frame; DecompressError if it is damaged, truncated or larger than `limit`."""
    blocks: list[bytes] = []
    size = 0
    at = len(MAGIC)
    while at + _SIZE.size <= len(data):
        (length,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        if length > _LONGEST_BLOCK or (blocks and at == len(data)):
            break  # not a block, but data after the frame: often the decompressed size
        if at + length > len(data):
            raise cut_off()
        blocks.append(_block(data[at : at + length]))
        at += length
        size += len(blocks[-1])
        if size > limit:
            raise too_large(limit)
        if len(blocks[-1]) < _BLOCK_BYTES:
            break
    if not blocks:
        raise cut_off()
    return b"".join(blocks)


def _block(data: memoryview) -> bytes:
    import lz4.block  # only here: it costs time when a program starts

    try:
        return bytes(lz4.block.decompress(data, uncompressed_size=_BLOCK_BYTES))
    except lz4.block.LZ4BlockError as error:
        raise DecompressError(f"it is damaged: {error}") from error
