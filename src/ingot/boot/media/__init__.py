"""The images of file systems that guests mount.

    images/NAME.xz   an image; of a volume that is written to, up to the last byte that is not zero

Guests add the zeros that are left out. The images are packaged because few builders have the
programs that make them. `scripts/make-media-images` makes them; what it says there of each is what
the image holds: one small file, and what a check needs beside it.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from ingot.errors import MachineError

_DIRECTORY = Path(__file__).parent / "images"
_LARGEST = 8 << 20
"""The most bytes of an image: guests hold it in memory."""

_DECODER_MEMORY = 32 << 20
"""The most bytes that decompressing takes; images made by the script take 9 MiB."""


def _read(name: str) -> bytes:
    """The image of that name. MachineError if the installed package lacks it or it is damaged."""
    path = _DIRECTORY / f"{name}.xz"
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_DECODER_MEMORY)
    try:
        data = decoder.decompress(path.read_bytes(), _LARGEST)
    except (OSError, lzma.LZMAError) as error:
        raise _damaged(path, str(error)) from error
    if not decoder.eof:
        raise _damaged(path, f"it ends too early, or is larger than {_LARGEST} bytes")
    return data


def _damaged(path: Path, why: str) -> MachineError:
    return MachineError(
        f"{path}, an image for guests to mount, cannot be read",
        why=why,
        hint="install Ingot again: the file is part of its package",
    )


IMAGES: Mapping[str, Callable[[], bytes]] = {
    name: partial(_read, name)
    for name in (
        "btrfs",
        "erofs",
        "ext2",
        "ext3",
        "ext4",
        "iso9660-joliet",
        "iso9660-rock-ridge",
        "squashfs-lz4",
        "squashfs-xz",
        "squashfs-zlib",
        "squashfs-zstd",
        "vfat",
        "xfs",
    )
}
"""The images that checks can name, as /ingot/images/NAME."""
