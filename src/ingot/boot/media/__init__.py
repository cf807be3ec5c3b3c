"""The smallest images of file systems, for guests to mount.

They are written here because few builders have the programs for it, and so that each holds what
one check is about and nothing else. All of an image's files have the same content; zeros at the
end of a volume that is written to are left out, the guest adds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingot.boot.media.btrfs import btrfs
from ingot.boot.media.cidata import iso9660, vfat
from ingot.boot.media.ext import ext
from ingot.boot.media.packed import erofs, squashfs
from ingot.boot.media.xfs import xfs

IMAGES: Mapping[str, Callable[[], bytes]] = {
    "btrfs": btrfs,
    "erofs": erofs,
    "ext2": lambda: ext("ext2"),
    "ext3": lambda: ext("ext3"),
    "ext4": lambda: ext("ext4"),
    "iso9660-joliet": iso9660,
    "iso9660-rock-ridge": lambda: iso9660(rock_ridge=True),
    "squashfs-lz4": lambda: squashfs("lz4"),
    "squashfs-xz": lambda: squashfs("xz"),
    "squashfs-zlib": lambda: squashfs("zlib"),
    "squashfs-zstd": lambda: squashfs("zstd"),
    "vfat": vfat,
    "xfs": xfs,
}
"""The images that checks can name, as /ingot/images/NAME."""
