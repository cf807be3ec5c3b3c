"""The headers of an ELF file and of its segments: 64-bit, little-endian, as all kernels here are.

Sources: System V ABI (generic ABI), chapter 4 "Object Files", "ELF Header", and chapter 5 "Program
Header".

This file keeps to what Python 3.7 has: see `elf.loadable`.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"\x7fELF"
_CLASS_64, _LITTLE_ENDIAN = 2, 1
_FORM = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_MACHINE, _MACHINE_AT = struct.Struct("<H"), 18

PT_LOAD, PT_NOTE = 1, 4
X86_64, AARCH64 = 62, 183


class ElfError(ValueError):
    """A file is not a valid ELF file; the text says why."""


class ElfHeader(NamedTuple):
    """Elf64_Ehdr: all numbers as in the file; offsets and sizes are in bytes."""

    ident: bytes
    kind: int
    machine: int
    version: int
    entry: int
    segments_offset: int
    sections_offset: int
    flags: int
    size: int
    segment_size: int
    segments: int
    section_size: int
    sections: int
    names: int

    def pack(self) -> bytes:
        return _FORM.pack(*self)


HEADER_SIZE = _FORM.size


class Segment(NamedTuple):
    """A program header (Elf64_Phdr): all numbers as in the file."""

    kind: int
    flags: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int

    def pack(self) -> bytes:
        return _SEGMENT.pack(*self)

    def holds(self, other: Segment) -> bool:
        end = self.offset + self.file_size
        return self.offset <= other.offset and other.offset + other.file_size <= end


SEGMENT_SIZE = _SEGMENT.size


def is_elf(path: Path) -> bool:
    """Whether the file begins with the magic number of ELF."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_header(file: BinaryIO) -> ElfHeader:
    """The header at the start of `file`; ElfError if it is not one that Ingot reads."""
    data = read_at(file, 0, HEADER_SIZE)
    if len(data) < HEADER_SIZE or data[:4] != MAGIC:
        raise ElfError("it is too short to be an ELF file")
    if data[4] != _CLASS_64 or data[5] != _LITTLE_ENDIAN:
        raise ElfError("it is not a 64-bit little-endian ELF file")
    return ElfHeader(*_FORM.unpack(data))


def machine_of(head: bytes) -> int | None:
    """The machine that an ELF file of any class is for, by its first bytes; None if it is not one.

    All machines of interest here are little-endian.
    """
    if not head.startswith(MAGIC) or len(head) < _MACHINE_AT + _MACHINE.size:
        return None
    (machine,) = _MACHINE.unpack_from(head, _MACHINE_AT)
    return int(machine)


def read_segments(file: BinaryIO, header: ElfHeader) -> list[Segment]:
    """The program headers, in their order; ElfError if some are missing."""
    size, count = header.segment_size, header.segments
    if size != SEGMENT_SIZE or not count:
        raise ElfError(f"it has {count} program headers of {size} bytes")
    table = read_at(file, header.segments_offset, size * count)
    if len(table) < size * count:
        raise ElfError("its program headers are cut off")
    return [Segment(*_SEGMENT.unpack_from(table, at)) for at in range(0, len(table), size)]


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Up to `size` bytes from `offset` on, fewer if the file ends.

    The numbers can be any that a file claims: no more is read than the file has.
    """
    file.seek(0, os.SEEK_END)
    end = file.tell()
    if offset >= end:
        return b""
    file.seek(offset)
    return file.read(min(size, end - offset))
