"""Releases as numbers, and ranges of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.cves.release_ranges import (
    END,
    NotAReleaseError,
    Range,
    all_but,
    end_of,
    joined,
    number_of,
    release_number,
    version_of,
    without,
)
from ingot.version import KernelVersion, Series

ORDER = ("0", "2.6.12", "2.6.32", "2.6.32.5", "2.6.33", "3.0", "3.0.1", "5.10", "5.10.262", "6.1")


def test_releases_sort_like_their_numbers() -> None:
    numbers = [release_number(text) for text in ORDER]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "text", ["", "6.", "6.x", "6.1-rc1", "v6.1", "1.2.3.4.5", "6.1.*", "-1", "99999.1", "६.1"]
)
def test_other_texts_are_not_releases(text: str) -> None:
    with pytest.raises(NotAReleaseError):
        release_number(text)


@pytest.mark.parametrize("text", ["", "**", "6.*.*", "x.*", ".*", "1.2.3.4.*", "32767.*"])
def test_other_texts_are_not_ends(text: str) -> None:
    with pytest.raises(NotAReleaseError):
        end_of(text)


@pytest.mark.parametrize(
    ("text", "last", "after"),
    [
        ("6.1.*", "6.1.999", "6.2"),
        ("2.6.32.*", "2.6.32.71", "2.6.33"),
        ("6.*", "6.99", "7.0"),
        ("6.1.5", "6.1.5", "6.1.6"),
    ],
)
def test_an_end_is_after_its_last_release(text: str, last: str, after: str) -> None:
    assert release_number(last) < end_of(text) <= release_number(after)


def test_all_releases_have_an_end() -> None:
    assert end_of("*") == END > release_number("32767.9.9.9")


def test_the_number_of_a_version() -> None:
    assert number_of(KernelVersion.parse("6.1")) == release_number("6.1.0")
    assert number_of(KernelVersion.parse("6.1.176")) == release_number("6.1.176")
    assert number_of(KernelVersion.parse("6.19-rc1")) == release_number("6.19")


def test_the_version_of_a_number() -> None:
    series = Series(6, 1)
    assert str(version_of(release_number("6.1.180"), series)) == "6.1.180"
    assert version_of(release_number("6.2"), series) is None
    assert version_of(release_number("6.0.9"), series) is None
    assert version_of(END, series) is None


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)))


def contains(ranges: list[Range], number: int) -> bool:
    return any(first <= number < after for first, after in ranges)


@given(RANGES)
def test_joined_ranges_contain_the_same_releases(ranges: list[Range]) -> None:
    found = joined(ranges)
    assert all(contains(found, n) == contains(ranges, n) for n in range(42))
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))


@given(RANGES)
def test_the_other_releases_are_those_in_no_range(ranges: list[Range]) -> None:
    found = all_but(ranges)
    assert all(contains(found, n) != contains(ranges, n) for n in range(42))


@given(RANGES, RANGES)
def test_ranges_without_others_contain_what_is_only_in_them(
    ranges: list[Range], others: list[Range]
) -> None:
    found = without(ranges, others)
    for n in range(42):
        assert contains(found, n) == (contains(ranges, n) and not contains(others, n))
