"""Texts and constants that the linker keeps once: who they count for, and how much is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.size_map.merged_sections import merge

pieces = st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=30)), max_size=6)


def test_a_string_of_several_counts_for_the_first() -> None:
    told = merge([("fs", b"one\0two\0"), ("mm", b"two\0three\0")], 1, strings=True)
    assert told == {"fs": 8, "mm": 6}


def test_a_string_that_ends_another_is_not_kept() -> None:
    told = merge([("fs", b"device\0vice\0"), ("mm", b"bad device\0ice\0ic\0")], 1, strings=True)
    assert told == {"mm": 14}


def test_wide_strings_end_with_a_wide_zero() -> None:
    told = merge([("a", b"x\0y\0\0\0"), ("b", b"y\0\0\0\0y\0\0")], 2, strings=True)
    assert told == {"a": 6, "b": 4}


def test_constants_are_alike_as_a_whole() -> None:
    told = merge([("a", b"\1\2\3\4"), ("b", b"\3\4\5\6")], 2, strings=False)
    assert told == {"a": 4, "b": 2}


def test_a_last_string_without_its_zero_counts_too() -> None:
    assert merge([("a", b"one\0tw")], 1, strings=True) == {"a": 6}
    assert merge([("a", b"o\0n\0e\0")], 4, strings=True) == {"a": 6}


@pytest.mark.parametrize("strings", [True, False])
@pytest.mark.parametrize("width", [1, 2, 8])
@given(pieces=pieces)
def test_never_more_is_left_than_there_was(
    pieces: list[tuple[str, bytes]], width: int, strings: bool
) -> None:
    told = merge(pieces, width, strings=strings)
    for owner, size in told.items():
        assert 0 < size <= sum(len(data) for name, data in pieces if name == owner)
    assert merge([*pieces, *pieces], width, strings=strings) == told


@given(pieces=pieces)
def test_every_string_is_in_what_is_left(pieces: list[tuple[str, bytes]]) -> None:
    whole = [(owner, data + b"\0") for owner, data in pieces]
    texts = {text + b"\0" for _, data in whole for text in data.split(b"\0")[:-1]}
    longest = {t for t in texts if not any(o != t and o.endswith(t) for o in texts)}
    assert sum(merge(whole, 1, strings=True).values()) == sum(map(len, longest))
