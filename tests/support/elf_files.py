"""Small ELF files."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
LOAD, NOTE, STACK = 1, 4, 0x6474E551
TWO_MIB = 2 << 20


@dataclass(frozen=True)
class Segment:
    """What a test knows of a segment: `data` is where it lies in the file."""

    kind: int
    offset: int
    virtual: int
    data: bytes
    memory_size: int
    alignment: int = TWO_MIB

    def pack(self) -> bytes:
        sizes = (len(self.data), max(self.memory_size, len(self.data)))
        return PROGRAM_HEADER.pack(
            self.kind, 5, self.offset, self.virtual, self.virtual, *sizes, self.alignment
        )


def elf(segments: list[Segment], sections: bytes = b"symbols" * 1000) -> bytes:
    count = len(segments)
    end = max((s.offset + len(s.data) for s in segments), default=0)
    image = bytearray(max(end, HEADER.size + count * PROGRAM_HEADER.size)) + sections
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    fields = (2, 62, 1, 0x1000000, HEADER.size, len(image) - 64, 0, 64, 56, count, 64, 1, 0)
    HEADER.pack_into(image, 0, ident, *fields)
    for number, segment in enumerate(segments):
        at = HEADER.size + number * PROGRAM_HEADER.size
        image[at : at + PROGRAM_HEADER.size] = segment.pack()
        image[segment.offset : segment.offset + len(segment.data)] = segment.data
    return bytes(image)


KERNEL = [
    Segment(LOAD, TWO_MIB, 0x1000000, b"text" * 3000 + b"NOTE", 0),
    Segment(LOAD, 2 * TWO_MIB, 0x1200000, b"data" * 100, 1 << 20),
    Segment(LOAD, 3 * TWO_MIB, 0, b"percpu", 64),
    Segment(NOTE, TWO_MIB + 12000, 0x1002EE0, b"NOTE", 0, 4),
    Segment(STACK, 0, 0, b"", 0, 16),
]
