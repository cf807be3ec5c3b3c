"""A kernel file: its format, arch and release, and its embedded config."""

from __future__ import annotations

import io
import mmap
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from ingot.elf import ElfError, read_header, read_segments
from ingot.errors import UserError
from ingot.kernel_file.decompress import (
    KERNEL_BYTES,
    DecompressError,
    KernelCompression,
    compression_of,
    decompress,
)
from ingot.kernel_file.formats import Content, Format, decompressed_kernel, recognise
from ingot.kernel_file.ikconfig import config_within, search_config
from ingot.kernel_file.pvh_note import has_pvh_note

_MAGIC_BYTES = 16
_KNOWN = "a vmlinux with a Linux banner, a bzImage or an arm64 Image, compressed or not"


@dataclass(frozen=True, slots=True)
class KernelFile:
    """A kernel file.

    `arch` is None if Ingot does not know it, `release` is None if the file does not contain it.
    `compression` is that of the whole file (`Image.gz`), `content` the decompressed bytes of the
    file; the compression within a bzImage is part of that format.
    """

    name: str
    format: Format
    arch: str | None
    release: str | None = None
    compression: KernelCompression | None = None
    content: Content = field(default=b"", repr=False, compare=False)

    @property
    def bootable(self) -> bool:
        """Whether VMMs can load the file unchanged: none decompresses an arm64 Image."""
        return self.compression is None and self.format is not Format.ZBOOT

    @property
    def about(self) -> str:
        """The format and the release as text: `a bzImage of Linux 6.1.176`."""
        article = "an" if self.format.value[0] in "aE" else "a"
        packed = f" compressed with {self.compression.value}" if self.compression else ""
        release = f" of Linux {self.release}" if self.release else ""
        return f"{article} {self.format.value}{release}{packed}"

    def has_pvh_entry(self) -> bool:
        """Whether it is a vmlinux with a PVH note; UserError if its headers cannot be read."""
        if self.format is not Format.VMLINUX:
            return False
        content = self.content
        file: BinaryIO = io.BytesIO(content) if isinstance(content, bytes) else _as_file(content)
        try:
            return has_pvh_note(file, read_segments(file, read_header(file)))
        except ElfError as error:
            raise headers_unreadable(self.name, error) from None

    def config(self) -> str | None:
        """The config embedded in the kernel, which is decompressed now; None if it has none.

        UserError for a damaged file.
        """
        try:
            kernel = decompressed_kernel(self.content, self.format)
        except DecompressError as error:
            raise _damaged(self.name, self.about, error) from None
        return search_config(self.content) if kernel is None else config_within(kernel)


def read_kernel(path: Path) -> KernelFile:
    """Read a kernel file, which may be compressed. It stays mapped while the value exists.

    UserError for a file that is not a kernel, or is damaged.
    """
    with path.open("rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UserError(f"{path.name} is not a kernel", why="it is not a regular file")
        try:
            content: Content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file cannot be mapped
            content = b""
    kernel = _kernel_in(content, path.name)
    if kernel is None:
        raise UserError(f"{path.name} is not a kernel", why=f"it is not {_KNOWN}")
    return kernel


def read_bootable(path: Path) -> KernelFile:
    """Read a kernel file that VMMs can load; UserError for one that must be decompressed first."""
    kernel = read_kernel(path)
    if not kernel.bootable:
        raise UserError(
            f"{path.name} cannot be booted as it is",
            why=f"it is {kernel.about}, which no VMM decompresses",
            hint="decompress it, and boot the decompressed file",
        )
    return kernel


def embedded_config(content: Content, name: str) -> str:
    """The config embedded in a kernel file, or in another file such as configs.ko.

    UserError if the file is not a kernel, is damaged, or has no config.
    """
    if (text := config_within(content)) is not None:
        return text
    try:
        kernel = _kernel_in(content, name)
        text = kernel.config() if kernel else search_config(content)
    except UserError:
        if (text := search_config(content)) is None:
            raise
    if text is None:
        raise _without_config(name, kernel)
    return text


def _kernel_in(content: Content, name: str) -> KernelFile | None:
    """The kernel in these bytes, decompressed if they are compressed; None if it is not a kernel.

    UserError if they cannot be decompressed.
    """
    compression = compression_of(content[:_MAGIC_BYTES])
    if compression is not None:
        try:
            content = decompress(memoryview(content), compression, KERNEL_BYTES)
        except DecompressError as error:
            raise _damaged(name, f"compressed with {compression.value}", error) from None
    found = recognise(content)
    if found is None:
        return None
    return KernelFile(name, found.format, found.arch, found.release, compression, content)


def _as_file(content: mmap.mmap) -> BinaryIO:
    """A mapped file as a file object: it has the methods that the ELF reader uses."""
    return cast(BinaryIO, content)


def headers_unreadable(name: str, error: ElfError) -> UserError:
    """The error for an ELF file that is not laid out as a kernel is."""
    return UserError(
        f"{name} is not a kernel", why=f"its ELF program headers cannot be read: {error}"
    )


def _damaged(name: str, about: str, error: DecompressError) -> UserError:
    return UserError(
        f"{name} cannot be decompressed",
        why=f"it is {about}, but {error}",
        hint="compare the file with the original that it was copied from",
    )


def _without_config(name: str, kernel: KernelFile | None) -> UserError:
    if kernel is None:
        return UserError(
            f"{name} has no kernel config", why=f"it is not a .config and not {_KNOWN}"
        )
    return UserError(
        f"{name} has no kernel config",
        why=f"it is {kernel.about}, built without CONFIG_IKCONFIG",
        hint="use its .config instead: distributions install it as /boot/config-RELEASE",
    )
