"""Which file systems a guest without an initramfs can have as its root.

The kernel mounts the root before it can load a module, so the drivers of the disk and of its file
system must be built in. A file system that is a module needs an initramfs that loads it.

A file system on a disk is recognised by its magic number. Sources: ext4, Linux
Documentation/filesystems/ext4/super.rst; xfs, fs/xfs/libxfs/xfs_format.h (XFS_SB_MAGIC); btrfs,
include/uapi/linux/btrfs_tree.h (BTRFS_MAGIC at 64 KiB + 64); erofs, fs/erofs/erofs_fs.h
(EROFS_SUPER_OFFSET); squashfs, fs/squashfs/squashfs_fs.h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import UserError
from ingot.suggestions import unknown_name

DISK = "VIRTIO_BLK"
"""The option of the disk's driver."""

Value = Callable[[str], str]
"""The value of an option in a config: `y`, `m` or `n`."""


@dataclass(frozen=True, slots=True)
class RootFileSystem:
    """A file system for disks: the option of its driver, and the magic number at byte `offset`."""

    name: str
    option: str
    offset: int
    magic: bytes
    read_only: bool = False

    @property
    def parameters(self) -> str:
        """The kernel's parameters for a root on the first disk with this file system."""
        return f"root=/dev/vda rootfstype={self.name} {'ro' if self.read_only else 'rw'}"


ROOT_FILE_SYSTEMS = (
    RootFileSystem("ext4", "EXT4_FS", 0x438, b"\x53\xef"),
    RootFileSystem("xfs", "XFS_FS", 0, b"XFSB"),
    RootFileSystem("btrfs", "BTRFS_FS", 0x10040, b"_BHRfS_M"),
    RootFileSystem("erofs", "EROFS_FS", 0x400, b"\xe2\xe1\xf5\xe0", read_only=True),
    RootFileSystem("squashfs", "SQUASHFS", 0, b"hsqs", read_only=True),
)

_BY_NAME = {each.name: each for each in ROOT_FILE_SYSTEMS}


def root_named(name: str) -> RootFileSystem:
    """The file system with this name; UserError if it cannot be the root of a disk."""
    if name not in _BY_NAME:
        raise unknown_name(
            f"Ingot does not know the file system '{name}' as a root",
            name,
            _BY_NAME,
            listed="the file systems are:",
        )
    return _BY_NAME[name]


def recognise(disk: Path) -> RootFileSystem:
    """The file system on a disk; UserError for another one, and for a disk with partitions."""
    with disk.open("rb") as file:
        for each in ROOT_FILE_SYSTEMS:
            file.seek(each.offset)
            if file.read(len(each.magic)) == each.magic:
                return each
    raise UserError(
        f"{disk} is not a disk that can be a root",
        why=f"it does not begin with a file system of these: {', '.join(_BY_NAME)}",
        hint="name the image of a file system without a partition table",
    )


def require_root(wanted: RootFileSystem, value: Value, kernel: str) -> None:
    """UserError if a kernel with these values cannot mount such a root by itself."""
    for option in (DISK, wanted.option):
        if value(option) == "y":
            continue
        state = "a module, which the kernel cannot load before it has a root"
        raise UserError(
            f"{kernel} cannot mount a root of {wanted.name} by itself",
            why=f"CONFIG_{option} is {state if value(option) == 'm' else 'off'}",
            hint="use a kernel that has it built in, such as the flavor monolithic or one with"
            f" CONFIG_{option}=y in a fragment; or boot with an initramfs that loads the module",
        )


def roots_text(value: Value) -> str:
    """Which file systems a kernel with these values can have as its root, in one sentence."""

    def having(state: str) -> list[str]:
        return [each.name for each in ROOT_FILE_SYSTEMS if value(each.option) == state]

    built_in = having("y") if value(DISK) == "y" else []
    text = (
        f"a root without an initramfs can be of {_either(built_in)}"
        if built_in
        else ("no root on a disk can be mounted without an initramfs")
    )
    modules = having("m")
    return f"{text}; {_either(modules)} needs an initramfs" if modules else text


def _either(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
