"""The images of file systems: read back by their formats, without the kernel."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable

import pytest

from ingot.boot.media import IMAGES
from ingot.boot.media.packed import erofs, squashfs
from ingot.boot.media.parts import CONTENT, crc32c


def unpack_lz4(data: bytes) -> bytes:
    """A block that is one sequence of literals (lz4, doc/lz4_Block_format.md)."""
    length, at = data[0] >> 4, 1
    while length >= 15 and (at == 1 or data[at - 1] == 255):
        length += data[at]
        at += 1
    assert at + length == len(data)
    return data[at:]


def unpack_zstd(data: bytes) -> bytes:
    """A frame of one raw block (RFC 8878, 3.1.1)."""
    magic, descriptor, size = struct.unpack_from("<IBB", data)
    header = int.from_bytes(data[6:9], "little")
    assert (magic, descriptor, header) == (0xFD2FB528, 0x20, size << 3 | 1)
    assert len(data) == 9 + size
    return data[9:]


UNPACK: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "zlib": (1, zlib.decompress),
    "xz": (4, lzma.decompress),
    "lz4": (5, unpack_lz4),
    "zstd": (6, unpack_zstd),
}


@pytest.mark.parametrize("compression", UNPACK)
def test_squashfs_holds_the_file_and_its_metadata_is_packed(compression: str) -> None:
    number, unpack = UNPACK[compression]
    image = squashfs(compression)
    assert len(image) % 4096 == 0
    fields = struct.unpack_from("<IIIIIHHHHHHQQQQQQQQ", image)
    magic, inodes, _, block, _, packed_by, block_log = fields[:7]
    assert magic == 0x73717368
    assert (inodes, block, packed_by) == (2, 1 << block_log, number)
    root, used, ids_at, _, inodes_at, names_at = fields[11:17]

    def metadata(at: int) -> bytes:
        (length,) = struct.unpack_from("<H", image, at)
        assert not length & 0x8000  # or it is not packed
        return unpack(image[at + 2 : at + 2 + length])

    table = metadata(inodes_at)
    start, _, _, size, stored = struct.unpack_from("<IIIII", table, 16)
    assert size == len(CONTENT) == stored & 0xFFFFFF
    assert image[start : start + size] == CONTENT
    assert struct.unpack_from("<H", table, root & 0xFFFF)[0] == 1  # a folder
    assert metadata(names_at).endswith(b"file")
    assert used == ids_at + 8
    assert metadata(struct.unpack_from("<Q", image, ids_at)[0]) == bytes(4)


def test_erofs_leads_from_the_superblock_to_the_file() -> None:
    image = erofs()
    assert struct.unpack_from("<I", image, 1024)[0] == 0xE0F5E1E2
    (root,) = struct.unpack_from("<H", image, 1024 + 14)
    blocks, inodes_at = struct.unpack_from("<II", image, 1024 + 36)
    assert blocks * 4096 == len(image)

    def data(number: int) -> bytes:
        inode = inodes_at * 4096 + 32 * number
        size, _, block = struct.unpack_from("<III", image, inode + 8)
        return image[block * 4096 : block * 4096 + size]

    folder = data(root)
    (first,) = struct.unpack_from("<H", folder, 8)
    entries = [struct.unpack_from("<QHBB", folder, at) for at in range(0, first, 12)]
    ends = [entry[1] for entry in entries[1:]] + [len(folder)]
    names = {folder[entry[1] : end]: entry[0] for entry, end in zip(entries, ends, strict=True)}
    assert list(names) == [b".", b"..", b"file"]
    assert data(names[b"file"]) == CONTENT


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_the_same_every_time(name: str) -> None:
    assert IMAGES[name]() == IMAGES[name]()


def test_the_checksum_is_that_of_the_rfc() -> None:
    assert ~crc32c(bytes(32)) & 0xFFFFFFFF == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"and more", crc32c(b"some ")) == crc32c(b"some and more")


@pytest.mark.parametrize("name", ["btrfs", "ext2", "ext3", "ext4", "vfat", "xfs"])
def test_a_volume_is_sent_without_the_zeros_at_its_end(name: str) -> None:
    image = IMAGES[name]()
    assert image[-1]
    assert len(image) < 2 << 20  # or it is a burden to every guest
