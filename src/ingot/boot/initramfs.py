"""Writing an initramfs: a cpio archive in the "new ASCII" format.

Source: kernel, Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import PurePosixPath

_MAGIC = b"070701"
TRAILER = "TRAILER!!!"
_ALIGNMENT = 4
CONSOLE = (5, 1)
"""The device of init's standard streams (kernel: admin-guide/devices.txt)."""


def write_initramfs(files: Mapping[str, bytes]) -> bytes:
    """An uncompressed archive of executable `files` (absolute path -> content).

    Their parent directories and /dev/console, which the kernel opens for init, are added.
    """
    directories = {
        str(parent)
        for name in [*files, "/dev/console"]
        for parent in PurePosixPath(name).parents
        if parent.name
    }
    records = [record(name, stat.S_IFDIR | 0o755) for name in sorted(directories)]
    records.append(record("/dev/console", stat.S_IFCHR | 0o600, device=CONSOLE))
    records += [record(name, stat.S_IFREG | 0o755, files[name]) for name in sorted(files)]
    records.append(record(TRAILER, 0))
    return b"".join(records)


def record(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One entry; `mode` includes its type, `data` is a file's contents or a link's target.

    `name` is as os.fsdecode gives it: it can have bytes that are not UTF-8.
    """
    encoded = os.fsencode(name.lstrip("/")) + b"\0"
    fields = (
        0,  # inode: the kernel needs it for hard links only
        mode,
        *(0, 0),  # owner, group
        1,  # links
        0,  # mtime
        len(data),
        *(0, 0),  # the device it came from
        *device,
        len(encoded),
        0,  # checksum: not in this format
    )
    header = _MAGIC + b"".join(b"%08X" % field for field in fields)
    return _pad(header + encoded) + _pad(data)


def _pad(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
