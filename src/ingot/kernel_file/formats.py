"""The formats of kernel files: how each is recognised, and where the kernel is within it.

Sources: System V ABI, "ELF Header"; kernel, Documentation/arch/x86/boot.rst (bzImage),
Documentation/arch/arm64/booting.rst (Image) and drivers/firmware/efi/libstub/zboot-header.S.

    vmlinux    an ELF file
    bzImage    setup code and header, decompressor, the compressed vmlinux, its size (4 bytes)
    Image      a header of 64 bytes, the kernel
    EFI zboot  a header that names the compression, decompressor, the compressed Image
"""

from __future__ import annotations

import enum
import mmap
import re
import struct
from dataclasses import dataclass

from ingot.elf import AARCH64, X86_64, machine_of
from ingot.kernel_file.decompress import (
    KERNEL_BYTES,
    DecompressError,
    KernelCompression,
    compression_of,
    decompress,
)

Content = bytes | mmap.mmap
"""The bytes of a file, read or mapped."""

# a release has 64 characters at most (kernel: include/uapi/linux/utsname.h)
_BANNER = re.compile(rb"Linux version (\d[\w.+~-]{0,63}) \(")
_RELEASE = re.compile(rb"\d[\w.+~-]{0,63}")
_LONGEST_RELEASE = 128
_ELF_ARCHES = {X86_64: "x86_64", AARCH64: "arm64"}
_HEAD_BYTES = 1 << 10

_SHORT, _LONG = struct.Struct("<H"), struct.Struct("<I")
_SETUP_SECTORS_AT, _SETUP_MAGIC_AT, _SETUP_MAGIC = 0x1F1, 0x202, b"HdrS"
_PROTOCOL_AT, _RELEASE_AT, _RELEASE_BASE = 0x206, 0x20E, 0x200
_PAYLOAD_AT, _SETUP_END, _WITH_PAYLOAD = 0x248, 0x250, 0x208
_SECTOR = 512

_ARM64_MAGIC, _ARM64_MAGIC_AT = b"ARM\x64", 56

_ZBOOT_MAGIC, _ZBOOT_MAGIC_AT = b"zimg", 4
_ZBOOT_PAYLOAD_AT, _ZBOOT_COMPRESSION, _PE_AT, _ZBOOT_END = 8, slice(24, 56), 60, 64
_PE_MAGIC = b"PE\0\0"
_PE_ARCHES = {0x8664: "x86_64", 0xAA64: "arm64"}
_ZBOOT_COMPRESSIONS = {
    **{each.value: each for each in KernelCompression},
    "xzkern": KernelCompression.XZ,
    "zstd22": KernelCompression.ZSTD,
}


class Format(enum.Enum):
    """The format of a kernel file; the value is its name in messages."""

    VMLINUX = "vmlinux"
    BZIMAGE = "bzImage"
    IMAGE = "arm64 Image"
    ZBOOT = "EFI zboot image"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The properties found in a file: format, arch (None: unknown to Ingot), and release."""

    format: Format
    arch: str | None
    release: str | None


def recognise(content: Content) -> Recognised | None:
    """Recognise a kernel file that is not compressed as a whole; None if it is not a kernel."""
    head = content[:_HEAD_BYTES]
    if (machine := machine_of(head)) is not None:
        release = _banner(content)
        return Recognised(Format.VMLINUX, _ELF_ARCHES.get(machine), release) if release else None
    if head[_SETUP_MAGIC_AT:].startswith(_SETUP_MAGIC) and len(head) >= _RELEASE_AT + _SHORT.size:
        return Recognised(Format.BZIMAGE, "x86_64", _bzimage_release(content))
    if head[_ARM64_MAGIC_AT:].startswith(_ARM64_MAGIC):
        return Recognised(Format.IMAGE, "arm64", _banner(content))
    if head[_ZBOOT_MAGIC_AT:].startswith(_ZBOOT_MAGIC) and len(head) >= _ZBOOT_END:
        return Recognised(Format.ZBOOT, _pe_arch(content), None)
    return None


def decompressed_kernel(content: Content, form: Format) -> Content | None:
    """The decompressed kernel in a file; None for an old bzImage whose header lacks its position.

    Raises DecompressError if the file is damaged.
    """
    if form is Format.BZIMAGE:
        return _from_bzimage(content)
    if form is Format.ZBOOT:
        return _from_zboot(content)
    return content


def _banner(content: Content) -> str | None:
    found = _BANNER.search(content)
    return found[1].decode() if found else None


def _bzimage_release(content: Content) -> str | None:
    """The first word at `kernel_version` of the setup header."""
    (pointer,) = _SHORT.unpack_from(content, _RELEASE_AT)
    at = pointer + _RELEASE_BASE
    match = _RELEASE.match(content[at : at + _LONGEST_RELEASE]) if pointer else None
    return match[0].decode() if match else None


def _pe_arch(content: Content) -> str | None:
    (at,) = _LONG.unpack_from(content, _PE_AT)
    machine = content[at : at + len(_PE_MAGIC) + _SHORT.size]
    if len(machine) < len(_PE_MAGIC) + _SHORT.size or not machine.startswith(_PE_MAGIC):
        return None
    (number,) = _SHORT.unpack_from(machine, len(_PE_MAGIC))
    return _PE_ARCHES.get(number)


def _from_bzimage(content: Content) -> bytes | None:
    head = content[:_SETUP_END]
    (protocol,) = _SHORT.unpack_from(head, _PROTOCOL_AT)
    if protocol < _WITH_PAYLOAD or len(head) < _SETUP_END:
        return None
    start, size = struct.unpack_from("<II", head, _PAYLOAD_AT)
    start += ((head[_SETUP_SECTORS_AT] or 4) + 1) * _SECTOR  # from the end of the setup code
    payload = _part(content, start, size)
    compression = compression_of(payload)
    if compression is None:
        raise DecompressError(f"its payload begins with {payload[:4].hex(' ')}")
    kernel = decompress(payload, compression, KERNEL_BYTES)
    (claimed,) = _LONG.unpack_from(payload, len(payload) - _LONG.size)
    if len(kernel) != claimed:
        raise DecompressError(f"its payload holds {len(kernel)} bytes instead of {claimed}")
    return kernel


def _from_zboot(content: Content) -> bytes:
    start, size = struct.unpack_from("<II", content, _ZBOOT_PAYLOAD_AT)
    named = content[_ZBOOT_COMPRESSION].partition(b"\0")[0].decode("ascii", errors="replace")
    if named not in _ZBOOT_COMPRESSIONS:
        raise DecompressError(f"its header names a compression that Ingot does not know: {named!r}")
    return decompress(_part(content, start, size), _ZBOOT_COMPRESSIONS[named], KERNEL_BYTES)


def _part(content: Content, start: int, size: int) -> bytes:
    part = content[start : start + size]
    if len(part) < size or size < _LONG.size:
        raise DecompressError("its payload is cut off")
    return part
