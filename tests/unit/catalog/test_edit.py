"""Adding to a catalog's file: the lines that are new, and not one other that changes."""

from __future__ import annotations

import datetime
import difflib
import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.catalog.catalog_edit import add_feature, add_version
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.version import KernelVersion
from tests.support.catalogs import PIN, SMALL, changed
from tests.support.places import REPOSITORY

NEW = "cd" * 32
PINS = {"debian": Digest(NEW)}


def added(
    text: str,
    version: str,
    pins: Mapping[str, Digest] = PINS,
    end_of_life: datetime.date | None = None,
) -> list[str]:
    """The lines that adding a version adds (+) and removes (-)."""
    after = add_version(text, KernelVersion.parse(version), pins, end_of_life)
    lines = difflib.ndiff(text.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def following(text: str, line: str) -> str:
    """The line behind the first one that is this, and behind the empty ones after it."""
    rows = text.splitlines()
    return next(row for row in rows[rows.index(line) + 1 :] if row)


def test_a_version_goes_below_those_of_its_series() -> None:
    assert added(SMALL, "5.10.263") == [
        '+ [series."5.10".versions."5.10.263".sha256]',
        f'+ debian = "{NEW}"',
        "+ ",
    ]
    after = add_version(SMALL, KernelVersion.parse("5.10.263"), PINS)
    assert following(after, f'debian = "{PIN}"').startswith('[series."5.10".versions."5.10.263"')
    assert following(after, f'debian = "{NEW}"') == "# The newest."


def test_a_version_needs_no_pins() -> None:
    assert added(SMALL, "6.1.177", {}) == ["+ ", '+ [series."6.1".versions."6.1.177"]']


def test_a_new_series_goes_where_its_number_belongs() -> None:
    day = datetime.date(2026, 12, 31)
    assert added(SMALL, "5.15.2", PINS, day) == [
        '+ [series."5.15"]',
        "+ end_of_life = 2026-12-31",
        "+ ",
        '+ [series."5.15".versions."5.15.2".sha256]',
        f'+ debian = "{NEW}"',
        "+ ",
    ]
    after = add_version(SMALL, KernelVersion.parse("5.15.2"), PINS, day)
    assert following(after, f'debian = "{PIN}"') == '[series."5.15"]'
    assert following(after, f'debian = "{NEW}"') == "# The newest."


def test_a_series_of_which_no_end_is_known_needs_no_table() -> None:
    assert added(SMALL, "7.0", {}) == ["+ ", '+ [series."7.0".versions."7.0"]']


def test_a_series_that_is_there_keeps_its_end_of_life() -> None:
    assert len(added(SMALL, "5.10.263", PINS, datetime.date(2099, 1, 1))) == 3


def test_a_version_that_is_there_gets_its_pins() -> None:
    new = added(SMALL, "4.19.325", {"kernel.org": Digest(NEW), **PINS})
    assert [line for line in new if line != "+ "] == [
        '+ [series."4.19".versions."4.19.325".sha256]',
        f'+ "kernel.org" = "{NEW}"',
        f'+ debian = "{NEW}"',
    ]
    assert added(SMALL, "5.10.262", {"kernel.org": Digest(NEW)}) == [f'+ "kernel.org" = "{NEW}"']
    replaced = add_version(SMALL, KernelVersion.parse("5.10.262"), PINS)
    assert replaced == SMALL.replace(PIN, NEW)


def test_what_is_there_already_changes_nothing() -> None:
    for version, pins in (("5.10.262", {"debian": Digest(PIN)}), ("5.10.9", {})):
        assert add_version(SMALL, KernelVersion.parse(version), pins) == SMALL


@pytest.mark.parametrize("text", ["", "a = 1", "a = 1\n", "[series]\n", "# nothing but this\n"])
def test_a_file_with_no_series_gets_its_first(text: str) -> None:
    after = add_version(text, KernelVersion.parse("6.1.1"), PINS)
    pinned = {"6.1": {"versions": {"6.1.1": {"sha256": {"debian": NEW}}}}}
    assert tomllib.loads(after)["series"] == pinned
    assert after.endswith("\n")


@pytest.mark.parametrize(
    "text",
    [
        '[series."6.1"]\nversions = { "6.1.1" = {} }\n',
        '[series]\n"6.1" = { versions = { "6.1.1" = {} } }\n',
        'series."6.1".versions."6.1.1" = {}\n',
    ],
)
@pytest.mark.parametrize("version", ["6.1.1", "6.1.2"])
def test_a_table_within_braces_is_left_to_a_person(text: str, version: str) -> None:
    with pytest.raises(UserError) as caught:
        add_version(text, KernelVersion.parse(version), PINS)
    assert f'[series."6.1".versions."{version}".sha256]; debian = "{NEW}"' in caught.value.hint


def test_a_feature_goes_below_the_others() -> None:
    after = add_feature(SMALL, "mine", 'what "I" want')
    assert following(after, 'needs = ["landlock"]') == "[features.mine]"
    assert tomllib.loads(after)["features"]["mine"] == {"about": 'what "I" want'}


def test_the_first_feature_goes_below_the_vmms() -> None:
    text = '[vmms.qemu]\n[flavors.default]\nvmms = ["qemu"]\n'
    assert following(add_feature(text, "mine", ""), "[vmms.qemu]") == "[features.mine]"


_VERSIONS = st.builds("{}.{}.{}".format, st.integers(4, 7), st.integers(0, 20), st.integers(1, 400))


@settings(max_examples=30, deadline=None)
@given(st.lists(_VERSIONS, max_size=6), st.dates())
def test_whatever_is_added_to_our_own_file_is_there_and_all_else_stays(
    versions: list[str], day: datetime.date
) -> None:
    before = (REPOSITORY / "kernels" / "kernels.toml").read_text()
    text = before
    for version in versions:
        text = add_version(text, KernelVersion.parse(version), PINS, day)
    left = iter(text.splitlines())
    known = [line for line in before.splitlines() if "debian = " not in line]
    assert all(line in left for line in known)  # each, in their order
    series = tomllib.loads(text)["series"]
    for version in versions:
        name = version.rpartition(".")[0]
        assert series[name]["versions"][version]["sha256"]["debian"] == NEW


def test_a_comment_at_the_end_of_a_line_stays_there() -> None:
    text = changed(f'debian = "{PIN}"', f'debian = "{PIN}"  # from the archive')
    after = add_version(text, KernelVersion.parse("5.10.262"), PINS)
    assert f'debian = "{NEW}"  # from the archive' in after


def test_a_feature_may_need_others_and_begin_with_a_series() -> None:
    after = add_feature(SMALL, "mine", "x", ["containers", "bpf"], "6.1")
    assert tomllib.loads(after)["features"]["mine"] == {
        "about": "x",
        "needs": ["containers", "bpf"],
        "since": "6.1",
    }
