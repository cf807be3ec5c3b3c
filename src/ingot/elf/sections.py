"""The sections and symbols of an ELF file, which the linker uses.

Source: System V ABI, chapter 4 "Object Files" (generic ABI), "Sections", "String Table" and
"Symbol Table". Object files can come from any compile: every offset and size is checked against the
file before it is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from ingot.elf.header import ElfError, ElfHeader, read_at, read_header

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SYMTAB, _NOBITS = 2, 8
_ALLOC, _MERGE, _STRINGS = 0x2, 0x10, 0x20
_UNDEFINED, _EXTENDED = 0, 0xFFFF
_GLOBAL = 1
_LONGEST_NAME = 4096
_MOST_SECTIONS = 500_000
"""The limit of sections: with one for each function, a kernel's objects have some 150,000."""
_NAMES_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Section:
    """A section (Elf64_Shdr). `size` and `offset` are in bytes; an `empty` section has a size in
    memory and no bytes in the file.
    """

    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    alignment: int
    entry_size: int

    @property
    def empty(self) -> bool:
        return self.kind == _NOBITS

    @property
    def loaded(self) -> bool:
        """Whether it is in memory when the program runs."""
        return bool(self.flags & _ALLOC)

    @property
    def merged(self) -> bool:
        """Whether the linker merges equal entries."""
        return bool(self.flags & _MERGE) and not self.empty

    @property
    def strings(self) -> bool:
        """Whether its entries are strings that end with a zero of `entry_size` bytes."""
        return bool(self.flags & _STRINGS)


class ElfSymbol(NamedTuple):
    """A symbol that the file defines; a `strong` one is global and defined by only one file."""

    name: str
    size: int
    strong: bool


def read_sections(file: BinaryIO) -> tuple[Section, ...]:
    """All sections of a file, in its order; ElfError if it is not a whole ELF file."""
    header = read_header(file)
    if not header.sections_offset:
        return ()
    if header.section_size != _SECTION.size:
        raise ElfError(f"its section headers are of {header.section_size} bytes")
    rows = _rows(file, header)
    names = _names(file, header, rows)
    left, sections = _NAMES_BYTES, []
    for row in rows:
        name = _string(names, row[0])
        left -= len(name)
        if left < 0:
            raise ElfError("the names of its sections have no end")
        sections.append(_section(name, row))
    return tuple(sections)


def _section(name: str, row: tuple[int, ...]) -> Section:
    _, kind, flags, _, offset, size, link, _, alignment, entry_size = row
    return Section(
        name=name,
        kind=kind,
        flags=flags,
        offset=offset,
        size=size,
        link=link,
        alignment=alignment,
        entry_size=entry_size,
    )


def read_content(file: BinaryIO, section: Section) -> bytes:
    """The bytes of a section; ElfError if the file ends before it does."""
    data = b"" if section.empty else read_at(file, section.offset, section.size)
    if not section.empty and len(data) < section.size:
        raise ElfError(f"its section {section.name} is cut off")
    return data


def defined_symbols(file: BinaryIO, sections: Sequence[Section]) -> Iterator[ElfSymbol]:
    """The named symbols that a file defines; `sections` are its own. None if it is stripped."""
    for table in sections:
        if table.kind != _SYMTAB:
            continue
        if table.link >= len(sections):
            raise ElfError("its symbols have no names")
        names = read_content(file, sections[table.link])
        data = read_content(file, table)
        for row in _SYMBOL.iter_unpack(data[: len(data) // _SYMBOL.size * _SYMBOL.size]):
            name, info, _, section, _, size = row
            if name and section != _UNDEFINED:
                yield ElfSymbol(_string(names, name), size, info >> 4 == _GLOBAL)


def _rows(file: BinaryIO, header: ElfHeader) -> list[tuple[int, ...]]:
    """The section headers as numbers; the first has the count if it is too large for the header."""
    first = read_at(file, header.sections_offset, _SECTION.size)
    if len(first) < _SECTION.size:
        raise ElfError("its section headers are cut off")
    count = header.sections or _SECTION.unpack(first)[5]
    if count > _MOST_SECTIONS:
        raise ElfError(f"it claims {count:,} sections")
    table = read_at(file, header.sections_offset, count * _SECTION.size)
    if len(table) < count * _SECTION.size:
        raise ElfError("its section headers are cut off")
    return list(_SECTION.iter_unpack(table))


def _names(file: BinaryIO, header: ElfHeader, rows: Sequence[tuple[int, ...]]) -> bytes:
    number = header.names
    if number == _EXTENDED and rows:
        number = rows[0][6]
    if number >= len(rows):
        raise ElfError("its sections have no names")
    _, _, _, _, offset, size = rows[number][:6]
    names = read_at(file, offset, size)
    if len(names) < size:
        raise ElfError("the names of its sections are cut off")
    return names


def _string(table: bytes, start: int) -> str:
    """The zero-terminated text at an offset of the string table."""
    end = table.find(b"\0", start, start + _LONGEST_NAME)
    if end < 0:
        raise ElfError("a name is cut off")
    return table[start:end].decode("utf-8", errors="replace")
