"""Thin archives: their names, in order; and hostile ones end in an error, soon."""

from __future__ import annotations

import contextlib
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.elf.thin_archive import ThinArchiveError, members
from tests.support.object_files import make_archive

names = st.from_regex(r"[a-z0-9_.-]{1,30}(/[a-z0-9_-]{1,30}){0,3}\.o", fullmatch=True)


def header(name: bytes, size: bytes = b"0", end: bytes = b"`\n") -> bytes:
    return name.ljust(16) + b"0".ljust(12) + bytes(b" " * 20) + size.ljust(10) + end


def test_names_come_in_their_order() -> None:
    archive = make_archive(["open.o", "ext4/super.o", "ext4/inode.o"])
    assert members(archive) == ("open.o", "ext4/super.o", "ext4/inode.o")


@pytest.mark.parametrize("magic", [b"!<thin>\n", b"!<arch>\n"])
def test_an_empty_archive_has_none(magic: bytes) -> None:
    """Without members, `ar cDPrST` writes an ordinary archive: drivers/video/fbdev/core of 5.10."""
    assert members(magic) == ()


def test_the_index_of_symbols_is_passed_over() -> None:
    archive = make_archive(["a.o"])
    index = header(b"/", b"5") + b"12345\n"  # what follows begins at an even offset
    assert members(b"!<thin>\n" + index + archive[8:]) == ("a.o",)
    index = header(b"/SYM64/", b"4") + b"1234"
    assert members(b"!<thin>\n" + index + archive[8:]) == ("a.o",)


def test_a_short_name_stands_in_its_header() -> None:
    assert members(b"!<thin>\n" + header(b"a.o/", b"99")) == ("a.o",)


def test_a_field_may_end_with_a_slash_of_its_own() -> None:
    table = header(b"//", b"12") + b"ab.o/\ncd.o/\n"
    archive = b"!<thin>\n" + table + header(b"/0") + header(b"/6            /")
    assert members(archive) == ("ab.o", "cd.o")


def test_names_are_normal_paths() -> None:
    assert members(make_archive(["./a.o", "x/../b.o", "../c.o"])) == ("a.o", "b.o", "../c.o")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a thin archive"),
        (b"!<arch>\n" + header(b"a.o/"), "not a thin archive"),
        (b"!<thin>\n" + header(b"a.o/")[:-1], "cut off"),
        (b"!<thin>\n" + header(b"a.o/", end=b"xx"), "not a member"),
        (b"!<thin>\n" + header(b"a.o/", b"-1"), "not a member"),
        (b"!<thin>\n" + header(b"a.o/", b"x"), "not a member"),
        (b"!<thin>\n" + header(b"//", b"9999999999"), "cut off"),
        (b"!<thin>\n" + header(b"/", b"1") + b"", "cut off"),
        (b"!<thin>\n" + header(b"/0"), "no name at 0"),
        (b"!<thin>\n" + header(b"//", b"6") + b"ab.o/\n" + header(b"/7"), "no name at 7"),
        (b"!<thin>\n" + header(b"//", b"2") + b"/\n" + header(b"/0"), "a member's name"),
        (b"!<thin>\n" + header(b"//", b"8") + b"/a.o\0/\n\n" + header(b"/0"), "a member's name"),
        (b"!<thin>\n" + header(b""), "a member's name"),
    ],
)
def test_what_is_no_whole_thin_archive_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ThinArchiveError, match=why):
        members(data)


@given(st.lists(names, max_size=20))
def test_any_names_come_back(given: list[str]) -> None:
    assert members(make_archive(given)) == tuple(map(posixpath.normpath, given))


@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_damage_is_an_error_or_names(damage: bytes, at: int) -> None:
    archive = make_archive(["drivers/net/veth.o", "drivers/net/tun.o", "a.o"])
    for data in (b"!<thin>\n" + damage, archive[:at] + damage + archive[at + len(damage) :]):
        with contextlib.suppress(ThinArchiveError):
            members(data)
