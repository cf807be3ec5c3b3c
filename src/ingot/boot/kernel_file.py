"""What a kernel file is, told from its first bytes, before anything is started.

Sources: System V ABI, "ELF Header"; kernel, Documentation/arch/x86/boot.rst (bzImage) and
Documentation/arch/arm64/booting.rst (Image).
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from ingot.elf.header import MAGIC as ELF_MAGIC
from ingot.errors import UserError

# a release has 64 characters at most (kernel: include/uapi/linux/utsname.h)
_BANNER = re.compile(rb"Linux version (\d[\w.+~-]{0,63}) \(")
_RELEASE = re.compile(rb"\d[\w.+~-]{0,63}")
_ELF_MACHINES = {62: "x86_64", 183: "arm64"}
_ELF_MACHINE_AT = 18
_SETUP_MAGIC, _SETUP_MAGIC_AT = b"HdrS", 0x202
_VERSION_POINTER_AT, _VERSION_OFFSET = 0x20E, 0x200
_ARM64_MAGIC, _ARM64_MAGIC_AT = b"ARM\x64", 56
_LONGEST_RELEASE = 128


@dataclass(frozen=True, slots=True)
class KernelFile:
    """A kernel: the arch it is for (None: none that Ingot knows), and its release if it tells."""

    form: str
    arch: str | None
    release: str | None


def read_kernel(path: Path) -> KernelFile:
    """What the file is; a UserError if it is no kernel that a VMM would load."""
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # empty, or a pipe
            raise _no_kernel(path) from None
        with data:
            found = _read(data)
    if found is None:
        raise _no_kernel(path)
    return found


def _read(data: mmap.mmap) -> KernelFile | None:
    if data[: len(ELF_MAGIC)] == ELF_MAGIC and len(data) > _ELF_MACHINE_AT + 2:
        banner = _BANNER.search(data)
        (machine,) = struct.unpack_from("<H", data, _ELF_MACHINE_AT)
        if banner is None:
            return None
        return KernelFile("vmlinux", _ELF_MACHINES.get(machine), banner[1].decode())
    whole = len(data) >= _VERSION_POINTER_AT + 2
    if whole and data[_SETUP_MAGIC_AT : _SETUP_MAGIC_AT + 4] == _SETUP_MAGIC:
        return KernelFile("bzImage", "x86_64", _bzimage_release(data))
    if data[_ARM64_MAGIC_AT : _ARM64_MAGIC_AT + 4] == _ARM64_MAGIC:
        banner = _BANNER.search(data)
        return KernelFile("Image", "arm64", banner[1].decode() if banner else None)
    return None


def _bzimage_release(data: mmap.mmap) -> str | None:
    """The first word at `kernel_version` of the setup header."""
    (pointer,) = struct.unpack_from("<H", data, _VERSION_POINTER_AT)
    at = pointer + _VERSION_OFFSET
    match = _RELEASE.match(data[at : at + _LONGEST_RELEASE]) if pointer else None
    return match[0].decode() if match else None


def _no_kernel(path: Path) -> UserError:
    return UserError(
        f"{path.name} is no kernel",
        why="it is no vmlinux with a Linux banner in it, no bzImage and no arm64 Image",
    )
