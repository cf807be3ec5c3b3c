"""The PVH note of an x86_64 vmlinux: the entry address for VMMs such as QEMU.

Sources: Xen, docs/misc/pvh.pandoc; ELF specification, "Note Section".

    size of the name, size of the value, kind
    name ("Xen"), value (the address), each padded to the segment's alignment
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

from ingot.elf import PT_NOTE, Segment, read_at

_HEADER = struct.Struct("<III")
_ADDRESS = struct.Struct("<Q")
_OWNER = b"Xen\0"
_PHYS32_ENTRY = 18  # XEN_ELFNOTE_PHYS32_ENTRY
_NOTES_BYTES = 64 << 10
"""The limit of bytes of notes that are read; a kernel has less than 1 KiB."""


def pvh_note(entry: int) -> bytes:
    """The note that names the address `entry`, for a segment that is aligned to 4 bytes."""
    return _HEADER.pack(len(_OWNER), _ADDRESS.size, _PHYS32_ENTRY) + _OWNER + _ADDRESS.pack(entry)


def has_pvh_note(file: BinaryIO, segments: Sequence[Segment]) -> bool:
    """Whether an ELF file with these program headers has the note."""
    left = _NOTES_BYTES
    for segment in segments:
        if segment.kind != PT_NOTE:
            continue
        notes = read_at(file, segment.offset, min(segment.file_size, left))
        left -= len(notes)
        if _names_entry(notes, segment.alignment):
            return True
    return False


def _names_entry(notes: bytes, alignment: int) -> bool:
    step = max(alignment, 4)
    at = 0
    while at + _HEADER.size <= len(notes):
        name_size, size, kind = _HEADER.unpack_from(notes, at)
        name_at = at + _HEADER.size
        if kind == _PHYS32_ENTRY and notes[name_at : name_at + name_size] == _OWNER:
            return True
        at = name_at + _padded(name_size, step) + _padded(size, step)
    return False


def _padded(size: int, step: int) -> int:
    return size + -size % step
