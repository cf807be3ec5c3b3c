"""Versions and series: what is one, what is not, and how they sort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.errors import UserError
from ingot.version import KernelVersion, Series

numbers = st.integers(min_value=0, max_value=999)
versions = st.builds(
    KernelVersion, st.builds(Series, numbers, numbers), st.integers(0, 9999), st.integers(0, 99)
)


@given(versions)
def test_what_a_version_is_written_as_reads_back(version: KernelVersion) -> None:
    assert KernelVersion.parse(str(version)) == version
    assert Series.parse(str(version.series)) == version.series


def test_patch_zero_may_be_written_and_is_left_out() -> None:
    assert KernelVersion.parse("6.1.0") == KernelVersion.parse("6.1")
    assert str(KernelVersion.parse("6.1.0")) == "6.1"


def test_a_candidate_of_patch_zero_is_written_short() -> None:
    assert str(KernelVersion.parse("6.19.0-rc1")) == "6.19-rc1"
    assert KernelVersion.parse("6.19-rc1").series == Series.parse("6.19")


def test_versions_sort_as_numbers() -> None:
    texts = ["5.10", "5.10.9", "5.10.262", "5.15.1", "6.1.176", "6.12.3"]
    texts += ["6.19-rc2", "6.19-rc10", "6.19", "6.19.1-rc1", "6.19.1"]
    assert [str(v) for v in sorted(map(KernelVersion.parse, reversed(texts)))] == texts
    assert Series.parse("5.4") < Series.parse("5.10") < Series.parse("6.1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6",
        "6.",
        ".1",
        "6.1.",
        "6.1.2.3",
        "v6.1",
        "6.1-rc",
        "6.1-rc0",
        "6.1-rc01",
        "6.1-rc100",
        "6.1rc1",
        "6.1~rc1",
        "6.1-minimal",
        " 6.1",
        "6.1\n",
        "6.1.x",
        "-6.1",
        "6.1.12345",
        "1000.1",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(UserError) as caught:
        KernelVersion.parse(text)
    assert f"'{text}'" in caught.value.what
    assert "6.1.176" in caught.value.hint


@pytest.mark.parametrize("text", ["6", "6.1.176", "6.1 ", "x.y", ""])
def test_a_series_is_two_numbers(text: str) -> None:
    with pytest.raises(UserError, match="is not a kernel series"):
        Series.parse(text)
