"""An ELF kernel cut down: the memory that comes of it stays the same, the rest goes."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.elf import is_elf, write_loadable
from ingot.errors import BuildError
from tests.support.elf_files import (
    HEADER,
    KERNEL,
    LOAD,
    NOTE,
    PROGRAM_HEADER,
    TWO_MIB,
    Segment,
    elf,
)


def read(data: bytes) -> tuple[tuple[int, ...], list[Segment]]:
    """The header's numbers, and the segments with the bytes they point at."""
    fields = HEADER.unpack_from(data)[1:]
    segments = []
    for number in range(fields[9]):
        kind, _, offset, virtual, _, size, memory, alignment = PROGRAM_HEADER.unpack_from(
            data, fields[4] + number * PROGRAM_HEADER.size
        )
        held = data[offset : offset + size]
        segments.append(Segment(kind, offset, virtual, held, memory, alignment))
    return fields, segments


def far(data: bytes, at: int) -> bytes:
    """A file with an offset no file has, where the header keeps one."""
    return data[:at] + struct.pack("<Q", 1 << 63) + data[at + 8 :]


def cut(tmp_path: Path, data: bytes) -> bytes:
    source, target = tmp_path / "vmlinux", tmp_path / "cut"
    source.write_bytes(data)
    write_loadable(source, target)
    return target.read_bytes()


def test_segments_keep_their_bytes_and_addresses_and_lose_the_gaps(tmp_path: Path) -> None:
    data = cut(tmp_path, elf(KERNEL))
    fields, segments = read(data)
    assert len(data) < 40_000  # 12.8 kB of content, where the original has 6 MiB
    assert fields[3] == 0x1000000  # the entry
    assert [(s.kind, s.virtual, s.data) for s in segments] == [
        (s.kind, s.virtual, s.data) for s in KERNEL
    ]
    assert [s.memory_size for s in segments][1:3] == [1 << 20, 64]


def test_no_section_is_left_and_no_header_points_at_one(tmp_path: Path) -> None:
    data = cut(tmp_path, elf(KERNEL))
    fields, _ = read(data)
    assert b"symbols" not in data
    assert (fields[5], fields[10], fields[11], fields[12]) == (0, 0, 0, 0)


def test_offset_and_address_agree_modulo_the_alignment(tmp_path: Path) -> None:
    _, segments = read(cut(tmp_path, elf(KERNEL)))
    for segment in segments:
        if segment.kind == LOAD:
            assert segment.offset % segment.alignment == segment.virtual % segment.alignment


def test_a_segment_that_is_not_loaded_goes(tmp_path: Path) -> None:
    stray = Segment(NOTE, 3 * TWO_MIB + 4096, 0, b"stray", 0, 4)
    fields, segments = read(cut(tmp_path, elf([*KERNEL, stray])))
    assert fields[9] == len(segments) == len(KERNEL)
    assert b"stray" not in {s.data for s in segments}


@given(
    st.lists(
        st.tuples(st.binary(max_size=9000), st.integers(0, 1 << 20), st.integers(0, 1 << 20)),
        min_size=1,
        max_size=5,
    )
)
def test_any_set_of_segments_survives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bytes, int, int]]
) -> None:
    segments, offset = [], 4096
    for data, virtual, more in rows:
        segments.append(Segment(LOAD, offset, virtual, data, len(data) + more, 1 << 16))
        offset += len(data) + 123
    _, found = read(cut(tmp_path_factory.mktemp("elf"), elf(segments)))
    assert [(s.virtual, s.data) for s in found] == [(s.virtual, s.data) for s in segments]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short"),
        (b"\x7fELF", "too short"),
        (b"MZ" + bytes(100), "too short"),
        (b"\x7fELF\x01\x01" + bytes(100), "not a 64-bit"),
        (elf([]), "0 program headers"),
        (elf([Segment(NOTE, 200, 0, b"x", 0)]), "no segment to load"),
        (elf(KERNEL, b"")[: 2 * TWO_MIB + 10], "cut off"),
        (elf(KERNEL)[:100], "cut off"),
        (far(elf(KERNEL), 32), "program headers are cut off"),
        (far(elf(KERNEL[:1]), HEADER.size + 8), "a segment is cut off"),
    ],
)
def test_what_is_no_such_kernel_is_refused_with_the_reason(
    tmp_path: Path, data: bytes, why: str
) -> None:
    with pytest.raises(BuildError) as caught:
        cut(tmp_path, data)
    assert why in caught.value.why


def test_an_elf_file_is_told_from_others(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data, answer in ((elf(KERNEL), True), (b"MZ\0\0", False), (b"", False)):
        path.write_bytes(data)
        assert is_elf(path) is answer


def test_segments_that_share_bytes_do_not_make_a_larger_file(tmp_path: Path) -> None:
    """64 KiB, claimed a thousand times."""
    shared = Segment(LOAD, 0x20000, 0x1000000, bytes(0x10000), 0)
    (tmp_path / "vmlinux").write_bytes(elf([shared] * 1000))
    with pytest.raises(BuildError) as caught:
        write_loadable(tmp_path / "vmlinux", tmp_path / "shipped")
    assert "more bytes than the file" in caught.value.why
    assert not (tmp_path / "shipped").exists()
