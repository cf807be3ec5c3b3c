"""The header of an ELF file: 64-bit, little-endian, as all kernels here are.

Source: System V ABI, chapter 4 "Object Files" (generic ABI), "ELF Header".
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"\x7fELF"
_CLASS_64, _LITTLE_ENDIAN = 2, 1
_FORM = struct.Struct("<16sHHIQQQIHHHHHH")


class ElfError(ValueError):
    """A file is not the ELF file it was taken for; the text says why."""


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


def is_elf(path: Path) -> bool:
    """Whether the file begins as an ELF file does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_header(file: BinaryIO) -> ElfHeader:
    """The header at the start of `file`; ElfError if there is none that Ingot reads."""
    data = read_at(file, 0, HEADER_SIZE)
    if len(data) < HEADER_SIZE or data[:4] != MAGIC:
        raise ElfError("it is too short to be an ELF file")
    if data[4] != _CLASS_64 or data[5] != _LITTLE_ENDIAN:
        raise ElfError("it is not a 64-bit little-endian ELF file")
    return ElfHeader(*_FORM.unpack(data))


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """The bytes from `offset` on, `size` of them or as many as there are.

    The numbers may be any that a file claims: no more is read than the file has.
    """
    end = file.seek(0, os.SEEK_END)
    if offset >= end:
        return b""
    file.seek(offset)
    return file.read(min(size, end - offset))
