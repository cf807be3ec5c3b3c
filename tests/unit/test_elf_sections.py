"""Sections and symbols of ELF files: read as they are, and never beyond the file."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.elf import ElfError, defined_symbols, read_content, read_sections
from tests.support.object_files import (
    ALLOC,
    EXEC,
    GLOBAL,
    LOCAL,
    MERGE,
    NOBITS,
    STRINGS,
    WEAK,
    Part,
    make_object,
)

PARTS = [
    Part(".text", b"code" * 4, ALLOC | EXEC, alignment=16),
    Part(".bss", kind=NOBITS, size=1 << 40),
    Part(".rodata.str1.8", b"text\0", ALLOC | MERGE | STRINGS, width=1, alignment=8),
    Part(".comment", b"compiler", 0),
]
OBJECT = make_object(PARTS, {"start": 16, "helper": (LOCAL, 4), "spare": (WEAK, 8)})
SECTIONS_AT, SECTION_COUNT, NAMES = 40, 60, 62
"""Where the header of an ELF file has the numbers that matter here."""


def file(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


def patched(data: bytes, at: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def section_at(number: int) -> int:
    """Where the header of a section is in `OBJECT`."""
    start: int = struct.unpack_from("<Q", OBJECT, SECTIONS_AT)[0]
    return start + 64 * number


def test_sections_are_read_as_they_are() -> None:
    sections = read_sections(file(OBJECT))
    assert [section.name for section in sections] == [
        *("", ".text", ".bss", ".rodata.str1.8", ".comment"),
        *(".symtab", ".strtab", ".shstrtab"),
    ]
    text, bss, strings, comment = sections[1:5]
    assert (text.size, text.alignment, text.loaded, text.empty) == (16, 16, True, False)
    assert (bss.size, bss.loaded, bss.empty, bss.merged) == (1 << 40, True, True, False)
    assert (strings.merged, strings.strings, strings.entry_size) == (True, True, 1)
    assert not comment.loaded


def test_content_is_the_sections_bytes_and_none_where_it_has_none() -> None:
    sections = read_sections(file(OBJECT))
    assert read_content(file(OBJECT), sections[1]) == b"code" * 4
    assert read_content(file(OBJECT), sections[2]) == b""


def test_symbols_are_those_the_file_defines() -> None:
    told = {symbol.name: symbol for symbol in defined_symbols(file(OBJECT), _sections(OBJECT))}
    assert {name: symbol.size for name, symbol in told.items()} == {
        "start": 16,
        "helper": 4,
        "spare": 8,
    }
    assert [name for name, symbol in told.items() if symbol.strong] == ["start"]


def test_a_file_without_symbols_defines_none() -> None:
    bare = make_object(PARTS)
    assert list(defined_symbols(file(bare), _sections(bare))) == []


def test_a_file_without_sections_has_none() -> None:
    assert read_sections(file(patched(OBJECT, SECTIONS_AT, "<Q", 0))) == ()


def test_more_sections_than_the_header_can_count_are_counted_in_the_first() -> None:
    data = patched(OBJECT, SECTION_COUNT, "<HH", 0, 0xFFFF)
    data = patched(data, section_at(0) + 32, "<QI", 8, 7)
    assert read_sections(file(data))[1:] == read_sections(file(OBJECT))[1:]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short"),
        (OBJECT[:40], "too short"),
        (b"\x7fELF\x01\x01" + OBJECT[6:], "not a 64-bit"),
        (OBJECT[:-1], "cut off"),
        (patched(OBJECT, SECTIONS_AT, "<Q", 1 << 63), "cut off"),
        (patched(OBJECT, SECTION_COUNT, "<H", 0xFF00), "cut off"),
        (patched(OBJECT, 58, "<H", 40), "section headers are of 40 bytes"),
        (patched(OBJECT, NAMES, "<H", 99), "no names"),
        (patched(OBJECT, section_at(7) + 24, "<Q", 1 << 62), "cut off"),
        (patched(OBJECT, section_at(7) + 32, "<Q", 1 << 62), "cut off"),
        (patched(OBJECT, section_at(1), "<I", 0xFFFFFFFF), "a name is cut off"),
    ],
)
def test_what_is_no_whole_file_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(ElfError, match=why):
        read_sections(file(data))


def test_content_and_symbols_that_are_not_there_are_refused() -> None:
    far = patched(OBJECT, section_at(1) + 32, "<Q", 1 << 60)
    with pytest.raises(ElfError, match=r"section \.text is cut off"):
        read_content(file(far), read_sections(file(far))[1])
    nameless = patched(OBJECT, section_at(5) + 40, "<I", 99)
    with pytest.raises(ElfError, match="no names"):
        list(defined_symbols(file(nameless), _sections(nameless)))


@given(st.binary(max_size=300))
def test_any_bytes_are_sections_or_an_error(data: bytes) -> None:
    _read_all(b"\x7fELF\x02\x01" + data)


@given(st.integers(0, len(OBJECT) - 1), st.binary(min_size=1, max_size=16))
def test_any_damage_is_told_or_does_no_harm(at: int, damage: bytes) -> None:
    _read_all(OBJECT[:at] + damage + OBJECT[at + len(damage) :])


@given(st.integers(0, len(OBJECT)))
def test_any_cut_is_told(at: int) -> None:
    if at < len(OBJECT):
        with pytest.raises(ElfError):
            read_sections(file(OBJECT[:at]))


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=20),
        st.tuples(st.sampled_from([LOCAL, GLOBAL, WEAK]), st.integers(0, (1 << 64) - 1)),
        max_size=8,
    )
)
def test_any_symbols_come_back(symbols: dict[str, tuple[int, int]]) -> None:
    data = make_object([], symbols)
    told = {s.name: s for s in defined_symbols(file(data), _sections(data))}
    assert {name: (s.strong, s.size) for name, s in told.items()} == {
        name: (binding == GLOBAL, size) for name, (binding, size) in symbols.items()
    }


def _sections(data: bytes):  # type: ignore[no-untyped-def]
    return read_sections(file(data))


def _read_all(data: bytes) -> None:
    try:
        sections = read_sections(file(data))
        for section in sections:
            read_content(file(data), section)
        list(defined_symbols(file(data), sections))
    except ElfError:
        pass
