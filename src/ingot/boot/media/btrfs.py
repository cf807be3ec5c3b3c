"""A btrfs of 128 MiB on one device, up to the last byte that is not zero.

    64 KiB     the superblock
    1 MiB      the chunk for SYSTEM: the chunk tree
    1.25 MiB   the chunk for METADATA: all other trees, a leaf each
    9.25 MiB   the chunk for DATA: empty, the file is small enough for its tree
    17.25 MiB  not given to any chunk, to the end

Addresses are the device's own: a chunk's logical address is its physical one. All numbers are
little-endian.

Source: kernel, include/uapi/linux/btrfs_tree.h and fs/btrfs/{tree-checker,disk-io,volumes}.c.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ingot.boot.media.parts import BLOCK, CONTENT, NAME, UUID, crc32c, padded

_MIB = 1 << 20
_SUPERBLOCK = 64 << 10
_BYTES = 128 * _MIB
_STRIPE = 64 << 10
_DEVICE = 1
_GENERATION = 1

_DATA, _SYSTEM, _METADATA = 1, 2, 4
_CHUNKS = (
    (_MIB, _MIB // 4, _SYSTEM),
    (_MIB + _MIB // 4, 8 * _MIB, _METADATA),
    (9 * _MIB + _MIB // 4, 8 * _MIB, _DATA),
)
"""Where each is, how long, and what may be in it (block group flags)."""

_ROOTS, _EXTENTS, _CHUNK, _DEVICES, _FILES, _SUMS = 1, 2, 3, 4, 5, 7
_MOVING = 2**64 - 9
"""The tree that holds data while it is moved; the others are those of roots, extents, ..."""
_ROOT_FOLDER = 6
_FIRST_CHUNK = 256
_FOLDER, _FILE = 256, 257

_AT = {
    _CHUNK: _CHUNKS[0][0],
    **{
        tree: _CHUNKS[1][0] + BLOCK * index
        for index, tree in enumerate((_ROOTS, _EXTENTS, _DEVICES, _FILES, _SUMS, _MOVING))
    },
}
"""Tree -> the address of its leaf."""

_INODE_ITEM, _INODE_REF, _DIR_ITEM, _DIR_INDEX, _EXTENT_DATA = 1, 12, 84, 96, 108
_ROOT_ITEM, _METADATA_ITEM, _TREE_BLOCK_REF, _BLOCK_GROUP_ITEM = 132, 169, 176, 192
_DEV_EXTENT, _DEV_ITEM, _CHUNK_ITEM = 204, 216, 228

_FEATURES = 0x341
"""Back references that are shared, many links to a file, small metadata items, no holes."""
_WRITTEN = 1 | 1 << 56
"""Of a block: it was written, and its back references are of the mixed kind."""


@dataclass(frozen=True, slots=True, order=True)
class _Item:
    """Something in a leaf, in the order of its key."""

    object: int
    type: int
    offset: int
    data: bytes

    @property
    def key(self) -> bytes:
        return struct.pack("<QBQ", self.object, self.type, self.offset)


def btrfs() -> bytes:
    """The image; it holds one file."""
    trees = {
        _ROOTS: _roots(),
        _EXTENTS: _extents(),
        _CHUNK: [_Item(_DEVICE, _DEV_ITEM, _DEVICE, _device()), *_chunks()],
        _DEVICES: [_device_extent(start, length) for start, length, _ in _CHUNKS],
        _FILES: _files(),
        _SUMS: [],
        _MOVING: _folder(0),
    }
    image = bytearray(max(_AT.values()) + BLOCK)
    image[_SUPERBLOCK : _SUPERBLOCK + BLOCK] = _superblock()
    for tree, at in _AT.items():
        image[at : at + BLOCK] = _leaf(tree, trees[tree])
    return bytes(image.rstrip(b"\0"))


def _summed(data: bytes) -> bytes:
    """A block, of which all but what is left for the checksum stands in `data`."""
    data = padded(data, BLOCK - 32)
    return struct.pack("<I28x", ~crc32c(data) & 0xFFFFFFFF) + data


def _superblock() -> bytes:
    known = b"".join(item.key + item.data for item in _chunks()[:1])
    data = UUID + struct.pack("<QQ8s", _SUPERBLOCK, 1, b"_BHRfS_M")
    data += struct.pack("<QQQQQ", _GENERATION, _AT[_ROOTS], _AT[_CHUNK], 0, 0)
    data += struct.pack("<QQQQ", _BYTES, len(_AT) * BLOCK, _ROOT_FOLDER, 1)
    data += struct.pack("<IIIII", BLOCK, BLOCK, BLOCK, BLOCK, len(known))
    data += struct.pack("<QQQQHBBB", _GENERATION, 0, 0, _FEATURES, 0, 0, 0, 0)
    data += _device() + bytes(256)  # and a label
    data += struct.pack("<QQ16s224x", 0, 0, bytes(16))
    return _summed(data + known)


def _leaf(tree: int, items: Sequence[_Item]) -> bytes:
    """A tree of one block: its items' keys from the front, their data from the back."""
    room = BLOCK - 101
    heads, bodies = b"", b""
    for item in items:
        bodies = item.data + bodies
        heads += item.key + struct.pack("<II", room - len(bodies), len(item.data))
    head = UUID + struct.pack(
        "<QQ16sQQIB", _AT[tree], _WRITTEN, UUID, _GENERATION, tree, len(items), 0
    )
    return _summed(head + heads + bytes(room - len(heads) - len(bodies)) + bodies)


def _roots() -> list[_Item]:
    """Where the trees are that are not in the superblock."""
    return [
        _Item(tree, _ROOT_ITEM, 0, _root(tree))
        for tree in (_EXTENTS, _DEVICES, _FILES, _SUMS, _MOVING)
    ]


def _root(tree: int) -> bytes:
    first = _FOLDER if tree in (_FILES, _MOVING) else 0
    data = _inode(0o40755, 3, BLOCK)
    data += struct.pack("<QQQQQQQI", _GENERATION, first, _AT[tree], 0, BLOCK, 0, 0, 1)
    data += bytes(17 + 2) + struct.pack("<Q", _GENERATION)  # nothing is being dropped; level 0
    return data.ljust(439, b"\0")


def _extents() -> list[_Item]:
    """What is taken: a block for each tree, and how much that makes of each chunk."""
    taken = struct.pack("<QQQ", 1, _GENERATION, 2)  # once, by a block of a tree
    items = [
        _Item(at, _METADATA_ITEM, 0, taken + struct.pack("<BQ", _TREE_BLOCK_REF, tree))
        for tree, at in _AT.items()
    ]
    for start, length, use in _CHUNKS:
        used = sum(BLOCK for at in _AT.values() if start <= at < start + length)
        group = struct.pack("<QQQ", used, _FIRST_CHUNK, use)
        items.append(_Item(start, _BLOCK_GROUP_ITEM, length, group))
    return sorted(items)


def _device() -> bytes:
    used = sum(length for _, length, _ in _CHUNKS)
    data = struct.pack("<QQQIII", _DEVICE, _BYTES, used, BLOCK, BLOCK, BLOCK)
    return data + struct.pack("<QQQIBB", 0, 0, 0, 0, 0, 0) + UUID + UUID


def _chunks() -> list[_Item]:
    return [
        _Item(
            _FIRST_CHUNK,
            _CHUNK_ITEM,
            start,
            struct.pack("<QQQQ", length, _EXTENTS, _STRIPE, use)
            + struct.pack("<IIIHH", _STRIPE, _STRIPE, BLOCK, 1, 1)
            + struct.pack("<QQ", _DEVICE, start)
            + UUID,
        )
        for start, length, use in _CHUNKS
    ]


def _device_extent(start: int, length: int) -> _Item:
    data = struct.pack("<QQQQ", _CHUNK, _FIRST_CHUNK, start, length) + UUID
    return _Item(_DEVICE, _DEV_EXTENT, start, data)


def _inode(mode: int, size: int, stored: int) -> bytes:
    data = struct.pack("<QQQQQ", _GENERATION, _GENERATION, size, stored, 0)
    return (data + struct.pack("<IIII", 1, 0, 0, mode)).ljust(160, b"\0")


def _folder(size: int) -> list[_Item]:
    """The root folder of a tree: itself, and its parent, which is itself."""
    return [
        _Item(_FOLDER, _INODE_ITEM, 0, _inode(0o40755, size, 0)),
        _Item(_FOLDER, _INODE_REF, _FOLDER, struct.pack("<QH", 0, 2) + b".."),
    ]


def _files() -> list[_Item]:
    place = 2  # the folder's first; those before it are `.` and `..`
    entry = struct.pack("<QBQ", _FILE, _INODE_ITEM, 0)
    entry += struct.pack("<QHHB", _GENERATION, 0, len(NAME), 1) + NAME
    within = struct.pack("<QQBBHB", _GENERATION, len(CONTENT), 0, 0, 0, 0) + CONTENT
    size = len(CONTENT)
    return [
        *_folder(2 * len(NAME)),
        _Item(_FOLDER, _DIR_ITEM, crc32c(NAME, 2**32 - 2), entry),
        _Item(_FOLDER, _DIR_INDEX, place, entry),
        _Item(_FILE, _INODE_ITEM, 0, _inode(0o100444, size, size)),
        _Item(_FILE, _INODE_REF, _FOLDER, struct.pack("<QH", place, len(NAME)) + NAME),
        _Item(_FILE, _EXTENT_DATA, 0, within),
    ]
