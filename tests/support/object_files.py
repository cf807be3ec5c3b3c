"""Object files and thin archives, made by hand: what a test wants to be in them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
PROGBITS, SYMTAB, STRTAB, NOBITS = 1, 2, 3, 8
WRITE, ALLOC, EXEC, MERGE, STRINGS = 1, 2, 4, 0x10, 0x20
LOCAL, GLOBAL, WEAK = 0, 1, 2


@dataclass(frozen=True)
class Part:
    """A section: its bytes, or for NOBITS its size."""

    name: str
    data: bytes = b""
    flags: int = ALLOC
    kind: int = PROGBITS
    size: int | None = None
    width: int = 0
    alignment: int = 1
    link: int = 0


def make_object(
    parts: Sequence[Part], symbols: Mapping[str, int | tuple[int, int]] | None = None
) -> bytes:
    """An ELF file with these sections. `symbols`: size by name, or binding and size."""
    everything = [Part("", kind=0, flags=0), *parts]
    if symbols is not None:
        strings, rows = bytearray(1), [SYMBOL.pack(0, 0, 0, 0, 0, 0)]
        for name, told in symbols.items():
            binding, size = told if isinstance(told, tuple) else (GLOBAL, told)
            rows.append(SYMBOL.pack(len(strings), binding << 4, 0, 1, 0, size))
            strings += name.encode() + b"\0"
        link = len(everything) + 1
        everything.append(Part(".symtab", b"".join(rows), 0, SYMTAB, width=24, link=link))
        everything.append(Part(".strtab", bytes(strings), 0, STRTAB))
    names = bytearray()
    for part in everything:
        names += part.name.encode() + b"\0"
    names += b".shstrtab\0"
    everything.append(Part(".shstrtab", bytes(names), 0, STRTAB))
    body, headers, name_at = bytearray(HEADER.size), [], 0
    for part in everything:
        size = len(part.data) if part.size is None else part.size
        fields = (name_at, part.kind, part.flags, 0, len(body), size)
        headers.append(SECTION.pack(*fields, part.link, 0, part.alignment, part.width))
        body += part.data
        name_at += len(part.name) + 1
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    numbers = (1, 62, 1, 0, 0, len(body), 0, 64, 0, 0, 64, len(headers), len(headers) - 1)
    HEADER.pack_into(body, 0, ident, *numbers)
    return bytes(body) + b"".join(headers)


def make_archive(names: Sequence[str]) -> bytes:
    """A thin archive of files with these names, as ar(1) writes it."""
    table, starts = bytearray(), []
    for name in names:
        starts.append(len(table))
        table += name.encode() + b"/\n"
    table += b"\n" * (len(table) % 2)
    members = [_member(f"/{start}", 1234) for start in starts]
    return b"!<thin>\n" + _member("//", len(table)) + bytes(table) + b"".join(members)


def _member(name: str, size: int) -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{size:<10}`\n".encode()
