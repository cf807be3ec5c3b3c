"""Which file systems can be a root: recognised on a disk, and compared with a config."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.root_file_systems import (
    DISK,
    ROOT_FILE_SYSTEMS,
    RootFileSystem,
    recognise,
    require_root,
    root_named,
    roots_text,
)
from tests.support.configs import config_of


@pytest.mark.parametrize("known", ROOT_FILE_SYSTEMS, ids=lambda each: each.name)
def test_a_disk_is_recognised_by_its_magic_number(tmp_path: Path, known: RootFileSystem) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(known.offset) + known.magic + bytes(9))
    assert recognise(disk) == known == root_named(known.name)


@pytest.mark.parametrize("content", [b"", b"XFS", bytes(0x20000), b"\x7fELF" + bytes(2000)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(content)
    with pytest.raises(UserError, match="is not a disk that can be a root") as refused:
        recognise(disk)
    assert "without a partition table" in refused.value.hint


def test_the_drivers_of_the_disk_and_of_its_file_system_must_be_built_in() -> None:
    erofs = root_named("erofs")
    require_root(erofs, config_of({DISK: "y", "EROFS_FS": "y"}).value, "6.1")
    for values, why in (
        ({DISK: "y", "EROFS_FS": "m"}, "CONFIG_EROFS_FS is a module"),
        ({DISK: "y"}, "CONFIG_EROFS_FS is off"),
        ({DISK: "m", "EROFS_FS": "y"}, "CONFIG_VIRTIO_BLK is a module"),
    ):
        with pytest.raises(UserError, match="cannot mount a root of erofs by") as refused:
            require_root(erofs, config_of(values).value, "6.1")
        assert why in refused.value.why
        assert "monolithic" in refused.value.hint


def test_a_kernel_is_described_by_what_it_can_mount() -> None:
    def text(**values: str) -> str:
        return roots_text(config_of(values).value)

    built_in = {DISK: "y", "EXT4_FS": "y"}
    assert text(**built_in) == "a root without an initramfs can be of ext4"
    assert text(**built_in, XFS_FS="y", EROFS_FS="m", SQUASHFS="m") == (
        "a root without an initramfs can be of ext4 or xfs; erofs or squashfs needs an initramfs"
    )
    assert "no root on a disk" in text(EXT4_FS="y")


def test_an_unknown_file_system_is_named_with_similar_ones() -> None:
    with pytest.raises(UserError, match="does not know the file system 'squash'") as refused:
        root_named("squash")
    assert "squashfs" in refused.value.hint
