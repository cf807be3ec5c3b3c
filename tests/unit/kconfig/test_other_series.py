"""Advice for an option that the series does not have: what other series know of it."""

from __future__ import annotations

import pytest

from ingot import kconfig
from ingot.kconfig.other_series import OtherSeries, following, preceding
from ingot.version import Series
from tests.support.option_tables import table

HOTPLUG = """\
CONFIG_HOTPLUG=y
CONFIG_DEFAULT_ONLINE=y  # on x86_64 until 6.13
CONFIG_DEFAULT_ONLINE=y  # on arm64 since 5.1 until 6.13
CONFIG_ONLINE_AUTO=y  # since 6.14
"""
MITIGATIONS = """\
CONFIG_RETPOLINE=y  # until 6.8
CONFIG_SLS=y  # since 5.10 until 6.8
CONFIG_MITIGATION_RETPOLINE=y  # since 6.9
CONFIG_MITIGATION_SLS=y  # since 6.9
"""


def advice(line: str, series: str, catalog: str = "", **tables: list[str]) -> list[str]:
    """`tables` has the options of series, such as `v6_12=["A"]`."""
    (request,) = kconfig.parse_fragment(line, "feature/mine.config")
    known = {
        Series(*map(int, name.removeprefix("v").split("_"))): table({each: {} for each in options})
        for name, options in tables.items()
    }
    options = ("ONLINE_AUTO", "MITIGATION_RETPOLINE", "MITIGATION_SLS")
    others = OtherSeries(
        Series.parse(series), kconfig.parse_fragment(catalog, "feature/ours.config"), lambda: known
    )
    return list(others.advice(request, table({each: {} for each in options})))


def test_an_option_of_a_newer_series_at_hand_is_limited_to_it() -> None:
    assert advice("CONFIG_KMS=n", "6.1", v5_10=[], v6_12=["KMS"], v6_18=["KMS"]) == [
        "6.12 has it: limit the line: '# since 6.12'"
    ]


def test_an_option_of_an_older_series_at_hand_is_limited_to_it() -> None:
    assert advice("CONFIG_OLD=y  # on arm64", "6.1", v4_19=["OLD"], v5_10=["OLD"]) == [
        "5.10 has it: limit the line: '# on arm64 until 5.10'"
    ]


def test_a_renamed_option_is_named_as_the_catalog_does() -> None:
    assert advice("CONFIG_DEFAULT_ONLINE=y", "6.18", HOTPLUG, v6_12=["DEFAULT_ONLINE"]) == [
        "since 6.14 it is ONLINE_AUTO (feature/ours.config:4): request CONFIG_ONLINE_AUTO",
        "6.13 has it: limit the line: '# until 6.13'",
    ]


@pytest.mark.parametrize("name", ["RETPOLINE", "SLS"])
def test_of_several_new_options_the_similar_one_is_named(name: str) -> None:
    (first, _) = advice(f"CONFIG_{name}=y", "6.12", MITIGATIONS)
    assert first.startswith(f"since 6.9 it is MITIGATION_{name} ")


@pytest.mark.parametrize(
    ("series", "since", "until"),
    [
        ("6.1", "6.2", "6.0"),
        ("6.0", "6.1", "5.19"),
        ("5.19", "6.0", "5.18"),
        ("5.0", "5.1", "4.20"),
    ],
)
def test_a_limit_that_is_not_known_leaves_this_series_out(
    series: str, since: str, until: str
) -> None:
    (line,) = advice("CONFIG_NONE=y", series)
    assert f"'# since {since}'" in line
    assert f"'# until {until}'" in line


def test_a_limit_that_the_line_has_is_kept() -> None:
    line = "CONFIG_A=y  # on x86_64 since 5.4 unless B instead of base"
    (text,) = advice(line, "6.1", v5_10=["A"])
    assert text.endswith("'# on x86_64 since 5.4 until 5.10 unless B instead of base'")


@pytest.mark.parametrize("text", ["4.19", "4.20", "5.0", "6.19", "7.0"])
def test_series_follow_each_other(text: str) -> None:
    series = Series.parse(text)
    assert preceding(following(series)) == series
