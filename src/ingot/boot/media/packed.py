"""Images of file systems for programs and packages: packed, and only read.

Sources: kernel, Documentation/filesystems/{squashfs,erofs}.rst, fs/squashfs/squashfs_fs.h,
fs/erofs/erofs_fs.h; lz4, doc/lz4_Block_format.md; RFC 8878 (zstd).
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Mapping

from ingot.boot.media.parts import CONTENT, NAME, padded

_UNUSED = 2**64 - 1
_NO_FRAGMENT = 2**32 - 1
_SQUASHFS_BLOCK_LOG = 17
_SUPER_BYTES = 96
_HAS_OPTIONS = 1 << 10
_NOT_COMPRESSED = 1 << 24
_DIRECTORY, _FILE = 1, 2
_DIRECTORY_MODE, _FILE_MODE = 0o755, 0o444


def _lz4_block(data: bytes) -> bytes:
    """`data` as one sequence of literals, which is what a packer writes that finds no repeats."""
    if len(data) < 15:
        return bytes([len(data) << 4]) + data
    rest, last = divmod(len(data) - 15, 255)
    return b"\xf0" + b"\xff" * rest + bytes([last]) + data


def _zstd(data: bytes) -> bytes:
    """`data`, less than 256 bytes, as a frame of one block that is not packed further."""
    frame = struct.pack("<IBB", 0xFD2FB528, 0x20, len(data))
    return frame + (len(data) << 3 | 1).to_bytes(3, "little") + data


def _xz(data: bytes) -> bytes:
    # the kernel's unpacker knows this checksum only, and no window larger than a block
    window = {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 13}
    return lzma.compress(data, check=lzma.CHECK_CRC32, filters=[window])


_COMPRESSIONS: Mapping[str, tuple[int, Callable[[bytes], bytes], bytes]] = {
    "zlib": (1, zlib.compress, b""),
    "xz": (4, _xz, b""),
    "lz4": (5, _lz4_block, struct.pack("<II", 1, 0)),
    "zstd": (6, _zstd, b""),
}
"""squashfs' number of each, what packs a block, and the options that the kernel insists on."""


def squashfs(compression: str) -> bytes:
    """A squashfs whose metadata is packed by `compression` (a key of `_COMPRESSIONS`)."""
    number, pack, options = _COMPRESSIONS[compression]

    def metadata(data: bytes) -> bytes:
        packed = pack(data)
        return struct.pack("<H", len(packed)) + packed

    # a block of metadata that is not packed has the highest bit of its length set
    settings = struct.pack("<H", len(options) | 0x8000) + options if options else b""
    data_at = _SUPER_BYTES + len(settings)
    file_inode = struct.pack(
        "<HHHHIIIIIII",
        *(_FILE, _FILE_MODE, 0, 0, 0, 1),
        *(data_at, _NO_FRAGMENT, 0, len(CONTENT), len(CONTENT) | _NOT_COMPRESSED),
    )
    listing = struct.pack("<III", 0, 0, 1) + struct.pack("<HhHH", 0, 0, _FILE, len(NAME) - 1)
    listing += NAME
    folder_inode = struct.pack(
        "<HHHHIIIIHHI",
        *(_DIRECTORY, _DIRECTORY_MODE, 0, 0, 0, 2),
        *(0, 2, len(listing) + 3, 0, 3),
    )
    inodes, listings = metadata(file_inode + folder_inode), metadata(listing)
    ids = metadata(struct.pack("<I", 0))
    inodes_at = data_at + len(CONTENT)
    listings_at = inodes_at + len(inodes)
    ids_at = listings_at + len(listings)
    index_at = ids_at + len(ids)
    flags = _HAS_OPTIONS if options else 0
    header = struct.pack(
        "<IIIIIHHHHHHQQQQQQQQ",
        *(
            0x73717368,
            2,
            0,
            1 << _SQUASHFS_BLOCK_LOG,
            0,
            number,
            _SQUASHFS_BLOCK_LOG,
            flags,
            1,
            4,
            0,
        ),
        *(len(file_inode), index_at + 8, index_at, _UNUSED),
        *(inodes_at, listings_at, _UNUSED, _UNUSED),
    )
    return padded(header + settings + CONTENT + inodes + listings + ids + struct.pack("<Q", ids_at))


def erofs() -> bytes:
    """An erofs, not compressed: its superblock, inodes, a folder and a file, a block each."""
    root, file = 1, 2  # inodes, by their place in units of 32 bytes
    names = ((b".", root, 2), (b"..", root, 2), (NAME, file, 1))
    at = 12 * len(names)
    entries, text = b"", b""
    for name, number, kind in names:
        entries += struct.pack("<QHBB", number, at + len(text), kind, 0)
        text += name
    folder = entries + text

    def inode(number: int, mode: int, links: int, size: int, block: int) -> bytes:
        return struct.pack("<HHHHIIIIHHI", 0, 0, mode, links, size, 0, block, number, 0, 0, 0)

    header = struct.pack("<IIIBBHQQIIII", 0xE0F5E1E2, 0, 0, 12, 0, root, 2, 0, 0, 4, 1, 0)
    inodes = (
        bytes(32)
        + inode(root, 0o40000 | _DIRECTORY_MODE, 2, len(folder), 2)
        + inode(file, 0o100000 | _FILE_MODE, 1, len(CONTENT), 3)
    )
    return b"".join(map(padded, (bytes(1024) + header, inodes, folder, CONTENT)))
