"""Kernel files of a few KiB, laid out as the kernel's build lays them out."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import zlib

import lz4.block
import lzallright
import zstandard

from ingot.elf import (
    HEADER_SIZE,
    PT_LOAD,
    PT_NOTE,
    SEGMENT_SIZE,
    X86_64,
    ElfHeader,
    Segment,
)
from ingot.kernel_file import KernelCompression

BANNER = b"Linux version 6.1.176-x (ingot@ingot) #1\n"
CONFIG = "# Linux/x86 6.1.176 Kernel Configuration\nCONFIG_VETH=m\n"
CARRIED = b"IKCFG_ST" + gzip.compress(CONFIG.encode(), mtime=0) + b"IKCFG_ED"
CODE = random.Random(1).randbytes(3000) + bytes(5000)
"""Some bytes that compress badly, some that compress well."""
PVH_NOTE = struct.pack("<III", 4, 4, 18) + b"Xen\0" + struct.pack("<I", 0x1000300)


def vmlinux(carried: bytes = CARRIED, notes: bytes = b"", machine: int = X86_64) -> bytes:
    """A vmlinux with a segment of notes."""
    body = b"code" + BANNER + CODE + carried
    at = HEADER_SIZE + 2 * SEGMENT_SIZE
    load = Segment(PT_LOAD, 5, at, 0x1000000, 0x1000000, len(body), len(body), 1)
    note = Segment(PT_NOTE, 0, at + len(body), 0, 0, len(notes), len(notes), 4)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ElfHeader(ident, 2, machine, 1, 0x1000200, 64, 0, 0, 64, SEGMENT_SIZE, 2, 0, 0, 0)
    return header.pack() + load.pack() + note.pack() + body + notes


def image(carried: bytes = CARRIED) -> bytes:
    """An arm64 Image, with the header of a program for EFI."""
    return b"MZ".ljust(56, b"\0") + b"ARM\x64" + bytes(4) + BANNER + CODE + carried


def with_size(packed: bytes, plain: bytes) -> bytes:
    """Compressed data as a bzImage has it; gzip ends with the size by itself."""
    return packed if packed.startswith(b"\x1f\x8b") else packed + struct.pack("<I", len(plain))


def bzimage(payload: bytes, protocol: int = 0x20F, size: int | None = None) -> bytes:
    """A bzImage with one sector of setup code after the first, and its payload 256 bytes later."""
    data = bytearray(0x500)
    data[0x1F1] = 1
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", data, 0x206, protocol)
    struct.pack_into("<H", data, 0x20E, 0x100)
    struct.pack_into("<II", data, 0x248, 0x100, len(payload) if size is None else size)
    data[0x300:0x320] = b"6.1.176-x (ingot@ingot)".ljust(32, b"\0")
    return bytes(data) + payload + b"the signature of a distribution"


def zboot(payload: bytes, named: bytes, machine: int = 0xAA64) -> bytes:
    """An EFI zboot image whose header names the compression."""
    head = bytearray(0x80)
    head[:8] = b"MZ\0\0zimg"
    struct.pack_into("<II", head, 8, len(head), len(payload))
    head[24 : 24 + len(named)] = named
    struct.pack_into("<I", head, 60, 64)
    head[64:70] = b"PE\0\0" + struct.pack("<H", machine)
    return bytes(head) + payload + struct.pack("<I", 1234)


def compress(data: bytes, compression: KernelCompression) -> bytes:
    """The data as the kernel's build compresses it, by the libraries."""
    return {
        KernelCompression.GZIP: lambda: gzip.compress(data, mtime=0),
        KernelCompression.XZ: lambda: lzma.compress(data, check=lzma.CHECK_CRC32),
        KernelCompression.LZMA: lambda: lzma.compress(data, lzma.FORMAT_ALONE, preset=9),
        KernelCompression.BZIP2: lambda: bz2.compress(data),
        KernelCompression.LZO: lambda: _lzop(data),
        KernelCompression.LZ4: lambda: _lz4_legacy(data),
        KernelCompression.ZSTD: lambda: zstandard.ZstdCompressor(write_checksum=True).compress(
            data
        ),
    }[compression]()


def _lz4_legacy(data: bytes) -> bytes:
    blocks = [
        lz4.block.compress(data[at : at + (8 << 20)], store_size=False)
        for at in range(0, len(data), 8 << 20)
    ]
    packed = (struct.pack("<I", len(block)) + block for block in blocks)
    return b"\x02\x21\x4c\x18" + b"".join(packed)


def _lzop(data: bytes) -> bytes:
    """A file of lzop 1.04, with the checksums that it writes by itself."""
    header = struct.pack(">HHHBBIIIIB", 0x1040, 0x20A0, 0x0940, 1, 5, 0x3000001, 0, 0, 0, 0)
    out = [b"\x89LZO\x00\x0d\x0a\x1a\x0a", header, struct.pack(">I", zlib.adler32(header))]
    for at in range(0, len(data), 256 << 10):
        block = data[at : at + (256 << 10)]
        packed = lzallright.LZOCompressor().compress(block)
        kept = packed if len(packed) < len(block) else block
        out.append(struct.pack(">III", len(block), len(kept), zlib.adler32(block)) + kept)
    return b"".join(out) + bytes(4)
