"""Root volumes: ext4, ext3 and ext2 of 8 MiB, up to the last byte that is not zero.

    block 0     the superblock, at 1024
          1     the only group's descriptor
          2, 3  which blocks and inodes are taken
          4     the inodes: 16 of 256 bytes
          5     the root folder
          6     lost+found
          7     the file
          8     ext3: where the journal's blocks are; then the journal, unless ext2

Source: kernel, Documentation/filesystems/ext4, fs/ext4/ext4.h, include/linux/jbd2.h.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ingot.boot.media.parts import BLOCK, CONTENT, NAME, UUID, crc32c, padded

_BLOCKS = 2048
_INODES, _INODE_BYTES = 16, 256
_INODE_TABLE, _ROOT_BLOCK, _LOST_BLOCK, _FILE_BLOCK, _FREE_BLOCK = 4, 5, 6, 7, 8
_ROOT, _JOURNAL, _LOST, _FILE = 2, 8, 11, 12
_JOURNAL_BLOCKS = 1024
"""The fewest that the kernel takes."""

_FOLDER_MODE, _FILE_MODE, _JOURNAL_MODE = 0o40755, 0o100444, 0o100600
_IN_EXTENTS = 1 << 19
_DIRECT = 12
_SEED = crc32c(UUID)
"""What all other checksums begin with."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What one of the file systems has: bits of `feature_{compat,incompat,ro_compat}`."""

    compat: int
    incompat: int
    ro_compat: int

    @property
    def journal(self) -> bool:
        return bool(self.compat & 4)

    @property
    def extents(self) -> bool:
        return bool(self.incompat & 0x40)

    @property
    def checksums(self) -> bool:
        return bool(self.ro_compat & 0x400)


KINDS = {
    "ext2": Kind(0x8, 0x2, 0x3),
    "ext3": Kind(0xC, 0x2, 0x3),
    "ext4": Kind(0xC, 0x42, 0x46B),
}
"""Attributes, types in folders, large files; a journal; extents, checksums, what mke2fs sets."""


def ext(name: str) -> bytes:
    """An image of the file system called that (a key of `KINDS`)."""
    kind = KINDS[name]
    journal = _FREE_BLOCK + (kind.journal and not kind.extents)
    used = journal + _JOURNAL_BLOCKS if kind.journal else _FREE_BLOCK
    taken, inodes = _bitmap(used, _BLOCKS), _bitmap(_FILE, _INODES)
    root = [(_ROOT, b".", 2), (_ROOT, b"..", 2), (_LOST, b"lost+found", 2), (_FILE, NAME, 1)]
    blocks = [
        bytes(1024) + _superblock(kind, _BLOCKS - used),
        _group(kind, taken, inodes, _BLOCKS - used),
        taken,
        inodes,
        _inode_table(kind, journal),
        _folder(kind, _ROOT, root),
        _folder(kind, _LOST, [(_LOST, b".", 2), (_ROOT, b"..", 2)]),
        CONTENT,
    ]
    if kind.journal:
        if not kind.extents:
            rest = range(journal + _DIRECT, journal + _JOURNAL_BLOCKS)
            blocks.append(struct.pack(f"<{len(rest)}I", *rest))
        blocks.append(_journal())
    return b"".join(map(padded, blocks)).rstrip(b"\0")


def _bitmap(used: int, known: int) -> bytes:
    """A block of bits: the first `used` are set, and those beyond the `known` ones."""
    bits = (1 << used) - 1 | (1 << 8 * BLOCK) - (1 << known)
    return bits.to_bytes(BLOCK, "little")


def _superblock(kind: Kind, free: int) -> bytes:
    data = struct.pack(
        "<13I", _INODES, _BLOCKS, 0, free, _INODES - _FILE, 0, 2, 2, 32768, 32768, _INODES, 0, 0
    )
    data += struct.pack("<HhHHHHIIIIHH", 0, -1, 0xEF53, 1, 1, 0, 0, 0, 0, 1, 0, 0)
    data += struct.pack(
        "<IHH3I", _LOST, _INODE_BYTES, 0, kind.compat, kind.incompat, kind.ro_compat
    )
    data = (data + UUID).ljust(0xE0, b"\0")
    data += struct.pack("<III", _JOURNAL if kind.journal else 0, 0, 0)
    data += UUID + struct.pack("<BBH", 1, 0, 0)  # names are hashed by half MD4
    data = data.ljust(0x15C, b"\0") + struct.pack("<HH", 32, 32)
    data = data.ljust(0x175, b"\0") + bytes([kind.checksums])
    data = data.ljust(0x3FC, b"\0")
    return data + struct.pack("<I", crc32c(data) if kind.checksums else 0)


def _group(kind: Kind, taken: bytes, inodes: bytes, free: int) -> bytes:
    sums = (
        (crc32c(taken, _SEED), crc32c(inodes[: _INODES // 8], _SEED)) if kind.checksums else (0, 0)
    )
    data = struct.pack(
        "<IIIHHHHIHHH",
        2,
        3,
        _INODE_TABLE,
        free,
        _INODES - _FILE,
        2,
        0,
        0,
        sums[0] & 0xFFFF,
        sums[1] & 0xFFFF,
        _INODES - _FILE if kind.checksums else 0,
    )
    total = crc32c(data + bytes(2), crc32c(bytes(4), _SEED)) if kind.checksums else 0
    return data + struct.pack("<H", total & 0xFFFF)


def _inode_seed(number: int) -> int:
    return crc32c(struct.pack("<II", number, 0), _SEED)


def _inode(kind: Kind, number: int, mode: int, links: int, size: int, at: int) -> bytes:
    """An inode whose blocks stand in a row from `at` on."""
    count = -(-size // BLOCK)
    if kind.extents:
        where = struct.pack("<HHHHIIHHI", 0xF30A, 1, 4, 0, 0, 0, count, 0, at)
    else:
        where = struct.pack(f"<{min(count, _DIRECT)}I", *range(at, at + min(count, _DIRECT)))
        if count > _DIRECT:
            where += struct.pack("<I", at - 1)
            count += 1
    data = struct.pack(
        "<HHIIIIIHHIII",
        mode,
        0,
        size,
        0,
        0,
        0,
        0,
        0,
        links,
        count * BLOCK // 512,
        _IN_EXTENTS if kind.extents else 0,
        0,
    )
    data = (data + where).ljust(0x80, b"\0") + struct.pack("<H", 32)
    inode = bytearray(data.ljust(_INODE_BYTES, b"\0"))
    if kind.checksums:
        total = crc32c(inode, _inode_seed(number))
        struct.pack_into("<H", inode, 0x7C, total & 0xFFFF)
        struct.pack_into("<H", inode, 0x82, total >> 16)
    return bytes(inode)


def _inode_table(kind: Kind, journal: int) -> bytes:
    there = {
        _ROOT: (_FOLDER_MODE, 3, BLOCK, _ROOT_BLOCK),
        _LOST: (_FOLDER_MODE, 2, BLOCK, _LOST_BLOCK),
        _FILE: (_FILE_MODE, 1, len(CONTENT), _FILE_BLOCK),
    }
    if kind.journal:
        there[_JOURNAL] = (_JOURNAL_MODE, 1, _JOURNAL_BLOCKS * BLOCK, journal)
    unused = bytes(_INODE_BYTES)
    return b"".join(
        _inode(kind, number, *there[number]) if number in there else unused
        for number in range(1, _INODES + 1)
    )


def _folder(kind: Kind, number: int, entries: Sequence[tuple[int, bytes, int]]) -> bytes:
    """A block of entries: inode, name, type. The last reaches to the end, or to a checksum."""
    end = BLOCK - (12 if kind.checksums else 0)
    data = b""
    for index, (inode, name, what) in enumerate(entries, 1):
        room = 8 + len(padded(name, 4)) if index < len(entries) else end - len(data)
        data += (struct.pack("<IHBB", inode, room, len(name), what) + name).ljust(room, b"\0")
    if kind.checksums:
        data += struct.pack("<IHBBI", 0, 12, 0, 0xDE, crc32c(data, _inode_seed(number)))
    return data


def _journal() -> bytes:
    """The first block of a journal with nothing in it."""
    data = struct.pack(">9I", 0xC03B3998, 4, 0, BLOCK, _JOURNAL_BLOCKS, 1, 1, 0, 0)
    return data.ljust(0x30, b"\0") + UUID + struct.pack(">I", 1)
