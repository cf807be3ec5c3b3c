"""An XFS of 64 MiB in version 5, the one with checksums, up to the last byte that is not zero.

    block 0       four sectors: superblock, free space (AGF), inodes (AGI), spare blocks (AGFL)
          1, 2    free space by place and by size
          3       chunks of inodes
          4-7     the spare blocks
          8-15    the only chunk: 64 inodes of 512 bytes
          16      the file
          17      the log; zeros are a log in which nothing ever stood
          4113    free, to the end

All numbers but checksums are big-endian.

Source: kernel, fs/xfs/libxfs/xfs_format.h and xfs_da_format.h.
"""

from __future__ import annotations

import struct

from ingot.boot.media.parts import BLOCK, CONTENT, NAME, UUID, crc32c, padded

_SECTOR, _INODE_BYTES = 512, 512
_BLOCKS = 16384
_BY_PLACE, _BY_SIZE, _CHUNKS, _SPARE, _INODES, _DATA, _LOG = 1, 2, 3, 4, 8, 16, 17
_SPARE_BLOCKS = 4
_LOG_BLOCKS = 4096
_FREE_BLOCK = _LOG + _LOG_BLOCKS
_FREE_BLOCKS = _BLOCKS - _FREE_BLOCK

_COUNT = 64
_ROOT = _INODES * BLOCK // _INODE_BYTES
_REALTIME_BITMAP, _REALTIME_SUMMARY, _FILE = _ROOT + 1, _ROOT + 2, _ROOT + 3
_FREE_INODES = _COUNT - 4

_VERSION = 0xB4A5
"""5, and what every volume of version 5 has: link counts, alignment, a log of version 2, ..."""
_FEATURES = 0x18A
"""Counters written lazily, attributes of version 2, wide project IDs, checksums."""

_NONE = 2**32 - 1
_LOCAL, _EXTENTS = 1, 2


def xfs() -> bytes:
    """The image; it holds one file."""
    sectors = (_superblock(), _free_space(), _inode_space(), _spare_list())
    space = struct.pack(">II", _FREE_BLOCK, _FREE_BLOCKS)
    chunk = struct.pack(">IIQ", _ROOT, _FREE_INODES, 2**64 - (1 << (_COUNT - _FREE_INODES)))
    blocks = (
        b"".join(padded(sector, _SECTOR) for sector in sectors),
        _tree(b"AB3B", _BY_PLACE, space),
        _tree(b"AB3C", _BY_SIZE, space),
        _tree(b"IAB3", _CHUNKS, chunk),
        bytes(_SPARE_BLOCKS * BLOCK),
        b"".join(_inode(_ROOT + number) for number in range(_COUNT)),
        CONTENT,
    )
    return b"".join(map(padded, blocks)).rstrip(b"\0")


def _summed(data: bytes, at: int, size: int) -> bytes:
    """`data` padded to `size`, with the checksum of that at `at`."""
    room = bytearray(padded(data, size))
    struct.pack_into("<I", room, at, ~crc32c(room) & 0xFFFFFFFF)
    return bytes(room)


def _superblock() -> bytes:
    data = struct.pack(">4sIQQQ16s", b"XFSB", BLOCK, _BLOCKS, 0, 0, UUID)
    data += struct.pack(">QQQQ", _LOG, _ROOT, _REALTIME_BITMAP, _REALTIME_SUMMARY)
    data += struct.pack(">IIIII", 1, _BLOCKS, 1, 0, _LOG_BLOCKS)
    data += struct.pack(">HHHH12x", _VERSION, _SECTOR, _INODE_BYTES, BLOCK // _INODE_BYTES)
    data += struct.pack("8B", 12, 9, 9, 3, 14, 0, 0, 25)  # powers of two; a quarter for inodes
    data += struct.pack(">QQQQ", _COUNT, _FREE_INODES, _FREE_BLOCKS + _SPARE_BLOCKS, 0)
    data += struct.pack(">QQHBBIII", 0, 0, 0, 0, 0, 4, 0, 0)
    data += struct.pack(">BBHIII", 0, 0, 0, 1, _FEATURES, _FEATURES)
    data += struct.pack(">IIIIIIQQ16x", 0, 0, 1, 0, 0, 0, 0, 0)
    return _summed(data, 224, _SECTOR)


def _free_space() -> bytes:
    data = struct.pack(">4sIII", b"XAGF", 1, 0, _BLOCKS)
    data += struct.pack(">IIIIII", _BY_PLACE, _BY_SIZE, 0, 1, 1, 0)
    data += struct.pack(">IIII", 0, _SPARE_BLOCKS - 1, _SPARE_BLOCKS, _FREE_BLOCKS)
    return _summed(data + struct.pack(">II16s", _FREE_BLOCKS, 0, UUID), 216, _SECTOR)


def _inode_space() -> bytes:
    data = struct.pack(">4sIIIIIII", b"XAGI", 1, 0, _BLOCKS, _COUNT, _CHUNKS, 1, _FREE_INODES)
    data += struct.pack(">II", _ROOT, _NONE) + b"\xff" * 256 + UUID
    return _summed(data, 312, _SECTOR)


def _spare_list() -> bytes:
    data = struct.pack(">4sI16sQI", b"XAFL", 0, UUID, 0, 0)
    data += struct.pack(">4I", *range(_SPARE, _SPARE + _SPARE_BLOCKS))
    return _summed(data.ljust(_SECTOR, b"\xff"), 32, _SECTOR)


def _tree(magic: bytes, block: int, record: bytes) -> bytes:
    """A tree of one record."""
    data = struct.pack(
        ">4sHHIIQQ16sII", magic, 0, 1, _NONE, _NONE, block * BLOCK // 512, 0, UUID, 0, 0
    )
    return _summed(data + record, 52, BLOCK)


def _inode(number: int) -> bytes:
    mode, links, size, blocks, flags, layout, fork = {
        _ROOT: (0o40755, 2, 0, 0, 0, _LOCAL, _folder()),
        _REALTIME_BITMAP: (0o100000, 1, 0, 0, 4, _EXTENTS, b""),
        _REALTIME_SUMMARY: (0o100000, 1, 0, 0, 0, _EXTENTS, b""),
        _FILE: (0o100444, 1, len(CONTENT), 1, 0, _EXTENTS, struct.pack(">QQ", 0, _DATA << 21 | 1)),
    }.get(number, (0, 0, 0, 0, 0, 0, b""))
    if layout == _LOCAL:
        size = len(fork)
    data = struct.pack(">2sHBBHIII", b"IN", mode, 3, layout, 0, 0, 0, links)
    data += bytes(4 + 8 + 3 * 8) + struct.pack(
        ">QQIIHBB", size, blocks, 0, blocks, 0, 0, _EXTENTS if mode else 0
    )
    data += struct.pack(">IHHII", 0, 0, flags, 0, _NONE)
    data += struct.pack(">IQQQI12xQQ16s", 0, 0, 0, 0, 0, 0, number, UUID)
    return _summed(data + fork, 100, _INODE_BYTES)


def _folder() -> bytes:
    """A folder within its inode: how many entries, its parent, and each with its place."""
    place = 96  # behind a block's header, `.` and `..`, if it had a block
    return struct.pack(">BBI", 1, 0, _ROOT) + struct.pack(
        ">BH4sBI", len(NAME), place, NAME, 1, _FILE
    )
