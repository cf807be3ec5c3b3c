"""The images of file systems: read back by their formats, without the kernel."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest

from ingot.boot import media
from ingot.boot.media import IMAGES
from ingot.errors import MachineError

CONTENT = b"proof\n"
CUT = ("btrfs", "ext2", "ext3", "ext4", "vfat", "xfs")
"""Volumes that guests write to, which are sent without the zeros at their end."""


@pytest.mark.parametrize(
    ("compression", "number"), [("zlib", 1), ("xz", 4), ("lz4", 5), ("zstd", 6)]
)
def test_what_leads_to_a_file_of_squashfs_is_compressed(compression: str, number: int) -> None:
    image = IMAGES[f"squashfs-{compression}"]()
    assert len(image) % 4096 == 0
    fields = struct.unpack_from("<IIIIIHHHHHHQQQQQQQQ", image)
    assert (fields[0], fields[5]) == (0x73717368, number)
    for table in (fields[15], fields[16]):  # of the inodes, of the names
        (length,) = struct.unpack_from("<H", image, table)
        assert not length & 0x8000  # or a mount proves nothing about the decompressor
        assert length > 8
    assert image.count(CONTENT) == 1


def test_erofs_leads_from_the_superblock_to_the_file() -> None:
    image = IMAGES["erofs"]()
    assert len(image) % 4096 == 0
    assert struct.unpack_from("<I", image, 1024)[0] == 0xE0F5E1E2
    (root,) = struct.unpack_from("<H", image, 1024 + 14)
    (inodes_at,) = struct.unpack_from("<I", image, 1024 + 40)

    def data(number: int) -> bytes:
        inode = inodes_at * 4096 + 32 * number
        form, _, _, _, size = struct.unpack_from("<HHHHQ", image, inode)
        assert form == 2 << 1 | 1  # an inode of 64 bytes, its data behind it
        return image[inode + 64 : inode + 64 + size]

    directory = data(root)
    (first,) = struct.unpack_from("<H", directory, 8)
    entries = [struct.unpack_from("<QHBB", directory, at) for at in range(0, first, 12)]
    ends = [entry[1] for entry in entries[1:]] + [len(directory)]
    names = {directory[entry[1] : end]: entry[0] for entry, end in zip(entries, ends, strict=True)}
    assert list(names) == [b".", b"..", b"file"]
    assert data(names[b"file"]) == CONTENT


def test_both_files_of_the_fat_have_long_names() -> None:
    image = IMAGES["vfat"]()
    for name in ("meta-", "größe"):
        assert image.count(name.encode("utf-16-le")) == 1


@pytest.mark.parametrize("name", CUT)
def test_a_volume_is_sent_without_the_zeros_at_its_end(name: str) -> None:
    image = IMAGES[name]()
    assert image[-1]
    # mkfs.btrfs and mkfs.xfs leave some 4 MiB of zeros before what is last
    assert len(image) < (6 << 20 if name in ("btrfs", "xfs") else 2 << 20)


def test_the_packaged_files_are_the_images_and_small() -> None:
    files = list((Path(media.__file__).parent / "images").iterdir())
    assert {path.name for path in files} == {f"{name}.xz" for name in IMAGES}
    assert sum(path.stat().st_size for path in files) < 16 << 10


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "No such file"),
        (b"nothing that xz wrote", "format"),
        (lzma.compress(b"whole")[:-8], "too early"),
        (lzma.compress(bytes(9 << 20)), "larger than"),
        (lzma.compress(b"content", preset=9), "emory usage limit"),
    ],
)
def test_a_damaged_package_is_reported_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None, why: str
) -> None:
    monkeypatch.setattr(media, "_DIRECTORY", tmp_path)
    if data is not None:
        (tmp_path / "xfs.xz").write_bytes(data)
    with pytest.raises(MachineError, match=why) as caught:
        IMAGES["xfs"]()
    assert str(tmp_path / "xfs.xz") in caught.value.what
    assert "install Ingot again" in caught.value.hint
