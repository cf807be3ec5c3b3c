"""Fragments: their grammar, and how they merge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import kconfig
from ingot.errors import UserError
from ingot.kconfig import FragmentLine, OptionRequest
from ingot.version import Series

SERIES = Series(6, 1)
ARCH = "x86_64"


def ask(option: str, value: str, line: int = 1, fragment: str = "f.config") -> OptionRequest:
    return OptionRequest(option, value, FragmentLine(fragment, line))


def parse_one(line: str) -> OptionRequest:
    (request,) = kconfig.parse_fragment(line, "f.config")
    return request


# Grammar


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("CONFIG_VETH=m", "VETH", "m"),
        ("  CONFIG_VETH=y  ", "VETH", "y"),
        ("CONFIG_64BIT=y", "64BIT", "y"),
        ("CONFIG_NR_CPUS=64", "NR_CPUS", "64"),
        ("CONFIG_PANIC_TIMEOUT=-1", "PANIC_TIMEOUT", "-1"),
        ("CONFIG_PHYSICAL_START=0x1000000", "PHYSICAL_START", "0x1000000"),
        ('CONFIG_LOCALVERSION=""', "LOCALVERSION", '""'),
        ('CONFIG_CMDLINE="a=b # \\"c\\" d"', "CMDLINE", '"a=b # \\"c\\" d"'),
        ("CONFIG_UEVENT_HELPER=n", "UEVENT_HELPER", "n"),
        ("# CONFIG_UEVENT_HELPER is not set", "UEVENT_HELPER", "n"),
        ("CONFIG_VETH=m # links of containers", "VETH", "m"),
        ("CONFIG_VETH=m#links", "VETH", "m"),
        ("CONFIG_VETH=m #", "VETH", "m"),
    ],
)
def test_a_line_asks_for_an_option(line: str, option: str, value: str) -> None:
    assert parse_one(line) == ask(option, value)


def test_comments_and_empty_lines_ask_for_nothing_and_are_counted() -> None:
    text = "# Feature: x.\n\n#CONFIG_OLD=y\n\t\r\nCONFIG_A=y\r\n# CONFIG_B is not set\n"
    assert kconfig.parse_fragment(text, "f.config") == (ask("A", "y", 5), ask("B", "n", 6))


@pytest.mark.parametrize(
    ("note", "arch", "since", "until"),
    [
        ("since 5.17", None, Series(5, 17), None),
        ("until 6.8", None, None, Series(6, 8)),
        ("until 6.8: renamed", None, None, Series(6, 8)),
        ("since 5.10 until 6.1", None, Series(5, 10), Series(6, 1)),
        ("since 5.10 until 6.1: for a while", None, Series(5, 10), Series(6, 1)),
        ("on arm64", "arm64", None, None),
        ("on x86_64: where it is", "x86_64", None, None),
        ("on arm64 since 5.18 until 6.8: why", "arm64", Series(5, 18), Series(6, 8)),
        ("on arm64 until 6.8 unless B: why", "arm64", None, Series(6, 8)),
        ("the since of it", None, None, None),
        ("Since 5.17 was released, on by default", None, None, None),
        ("only for a test", None, None, None),
        ("one of two", None, None, None),
    ],
)
def test_a_comment_may_bound_an_option_to_an_arch_and_to_series(
    note: str, arch: str | None, since: Series | None, until: Series | None
) -> None:
    request = parse_one(f"CONFIG_A=y  # {note}")
    assert (request.arch, request.since, request.until) == (arch, since, until)


@pytest.mark.parametrize(
    "line",
    [
        "CONFIG_A=y  # since 5.17, on by default",
        "CONFIG_A=y  # until 5.16 always on",
        "CONFIG_A=y  # since v5.17",
        "CONFIG_A=y  # until 6.1 since 5.10",
        "CONFIG_A=y  # since 6.1 until 5.10",
        "CONFIG_A=y  # since 6.1 on arm64",
        "CONFIG_A=y  # on by default",
        "CONFIG_A=y  # on arm65",
        "CONFIG_A=y  # on arm64, and elsewhere",
        "CONFIG_A=y  # unless that is so",
        "CONFIG_A=y  # unless B or C",
        "CONFIG_A=y  # unless B since 6.1",
    ],
)
def test_a_bound_that_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(UserError, match=r"f\.config:1") as caught:
        parse_one(line)
    assert caught.value.hint


def test_an_option_that_is_off_can_be_bounded_or_is_refused() -> None:
    try:
        requests = kconfig.parse_fragment("# CONFIG_A is not set  # until 6.1", "f.config")
    except UserError:
        return
    assert [request.option for request in requests] == ["A"]


@pytest.mark.parametrize(
    "line",
    [
        "VETH=m",
        "CONFIG_VETH",
        "CONFIG_VETH=",
        "CONFIG_VETH=yes",
        "CONFIG_VETH=Y",
        "CONFIG_VETH = m",
        "CONFIG_=y",
        "CONFIG_A-B=y",
        'CONFIG_A="open',
        "CONFIG_A=y CONFIG_B=y",
        "CONFIG_A=0x",
        "CONFIG_A=m*",
    ],
)
def test_a_bad_line_is_refused_with_its_place_and_its_text(line: str) -> None:
    with pytest.raises(UserError) as caught:
        kconfig.parse_fragment(f"CONFIG_OK=y\n\n{line}\n", "vmm/qemu.config")
    assert caught.value.what.startswith("vmm/qemu.config:3: ")
    assert f"'{line}'" in caught.value.what
    assert caught.value.hint


def test_all_bad_lines_are_listed() -> None:
    text = "CONFIG_OK=y\nCONFIG_A = y\nCONFIG_B=y # until 5.1 since 6.1\nB=n\n"
    with pytest.raises(UserError, match="3 lines of base/linux") as caught:
        kconfig.parse_fragment(text, "base/linux.config")
    assert [line.split(": ")[0] for line in caught.value.why.splitlines()] == [
        f"base/linux.config:{line}" for line in (2, 3, 4)
    ]
    assert "CONFIG_NAME=y" in caught.value.hint


def test_a_bound_to_an_arch_leaves_the_others_out() -> None:
    request = parse_one("CONFIG_A=y # on arm64")
    assert request.applies_to(SERIES, "arm64")
    assert not request.applies_to(SERIES, "x86_64")


@pytest.mark.parametrize(
    ("series", "applies"),
    [("5.9", False), ("5.10", True), ("6.0", True), ("6.1", True), ("6.2", False), ("6.10", False)],
)
def test_bounds_include_both_ends(series: str, applies: bool) -> None:
    request = parse_one("CONFIG_A=y # since 5.10 until 6.1")
    assert request.applies_to(Series.parse(series), ARCH) is applies


def test_a_fragment_file_is_read_under_the_name_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "x.config"
    path.write_text("CONFIG_A=y\n")
    assert kconfig.load_fragment(path, "base/x.config") == (ask("A", "y", 1, "base/x.config"),)


def test_a_fragment_that_is_not_there_is_named_with_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        kconfig.load_fragment(tmp_path / "x.config", "vmm/x.config")
    assert "'vmm/x.config'" in caught.value.what
    assert str(tmp_path / "x.config") in caught.value.why


def test_a_fragment_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.config"
    path.write_bytes(b"CONFIG_A=\xff\n")
    with pytest.raises(UserError, match="not UTF-8"):
        kconfig.load_fragment(path, "vmm/x.config")


# Merging


def merged_values(values: Sequence[str]) -> str | None:
    """What the option comes out as when it is asked for with each value; None: refused."""
    requests = [ask("A", value, line) for line, value in enumerate(values, start=1)]
    try:
        return kconfig.merge(requests, SERIES, ARCH)["A"].value
    except UserError:
        return None


@given(st.lists(st.sampled_from(["y", "m", "n", "64"]), min_size=1, max_size=5))
def test_built_in_meets_the_wish_for_a_module_and_nothing_else_can_disagree(
    values: list[str],
) -> None:
    asked = set(values)
    expected = "y" if asked == {"y", "m"} else asked.pop() if len(asked) == 1 else None
    assert merged_values(values) == expected


def test_a_contradiction_names_the_option_both_places_and_both_values() -> None:
    requests = [ask("A", "n", 3, "base/linux.config"), ask("A", "y", 7, "vmm/qemu.config")]
    with pytest.raises(UserError) as caught:
        kconfig.merge(requests, SERIES, ARCH)
    assert "CONFIG_A" in caught.value.what
    assert "base/linux.config:3 requests n" in caught.value.why
    assert "vmm/qemu.config:7 requests y" in caught.value.why


def test_all_contradictions_are_told_at_once() -> None:
    requests = [ask("A", "n", 1), ask("B", "1", 2), ask("A", "y", 3), ask("B", "2", 4)]
    with pytest.raises(UserError) as caught:
        kconfig.merge(requests, SERIES, ARCH)
    assert caught.value.what.startswith("2 options")
    assert caught.value.why.splitlines() == [
        "CONFIG_A: f.config:1 requests n, f.config:3 requests y",
        "CONFIG_B: f.config:2 requests 1, f.config:4 requests 2",
    ]


def test_the_same_option_may_be_asked_for_per_arch_and_series() -> None:
    requests = kconfig.parse_fragment(
        "CONFIG_A=y # on arm64\nCONFIG_A=n # on x86_64 until 6.1\n"
        "CONFIG_A=m # on x86_64 since 6.2\n",
        "f.config",
    )
    values = [
        kconfig.merge(requests, Series(6, minor), arch)["A"].value
        for minor, arch in ((1, "arm64"), (1, "x86_64"), (2, "x86_64"))
    ]
    assert values == ["y", "n", "m"]


def test_a_monolithic_kernel_builds_in_what_is_asked_for_as_a_module() -> None:
    requests = [ask("A", "m", 1), ask("B", "n", 2), ask("C", "y", 3), ask("D", '"m"', 4)]
    merged = kconfig.merge(requests, SERIES, ARCH, monolithic=True)
    assert {o: r.value for o, r in merged.items()} == {"A": "y", "B": "n", "C": "y", "D": '"m"'}
    assert [o for o, r in merged.items() if r.built_in] == ["A"]


def test_a_module_contradicts_its_absence_in_a_monolithic_kernel_too() -> None:
    with pytest.raises(UserError):
        kconfig.merge([ask("A", "m", 1), ask("A", "n", 2)], SERIES, ARCH, monolithic=True)


def merge_text(text: str) -> dict[str, str]:
    merged = kconfig.merge(kconfig.parse_fragment(text, "f.config"), Series(6, 1), "x86_64")
    return {option: request.value for option, request in merged.items()}


USUAL = "CONFIG_GUESS=y  # unless EXACT\n"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ("", {"GUESS": "y"}),
        ("CONFIG_EXACT=y\n", {"EXACT": "y"}),
        ("CONFIG_EXACT=m\n", {"EXACT": "m"}),
        ("CONFIG_EXACT=n\n", {"EXACT": "n", "GUESS": "y"}),
        ("CONFIG_EXACT=y\nCONFIG_GUESS=n\n", {"EXACT": "y", "GUESS": "n"}),
        ("CONFIG_EXACT=y  # on arm64\n", {"GUESS": "y"}),
        ("CONFIG_EXACT=y  # until 5.10\n", {"GUESS": "y"}),
        ("CONFIG_EXACT=y\nCONFIG_GUESS=y\n", {"EXACT": "y", "GUESS": "y"}),
    ],
)
def test_a_usual_answer_gives_way_to_whoever_asks_for_another(
    others: str, expected: dict[str, str]
) -> None:
    assert merge_text(USUAL + others) == merge_text(others + USUAL) == expected


def test_two_usual_answers_that_name_each_other_do_not_both_vanish() -> None:
    text = "CONFIG_A=y  # unless B\nCONFIG_B=y  # unless A\n"
    assert merge_text(text) == {"A": "y", "B": "y"}


def test_what_other_series_ask_for_is_neither_merged_nor_a_contradiction() -> None:
    requests = kconfig.parse_fragment(
        "CONFIG_A=y # until 6.0\nCONFIG_A=n # since 6.1\nCONFIG_B=y # since 6.2\n", "f.config"
    )
    assert {o: r.value for o, r in kconfig.merge(requests, SERIES, ARCH).items()} == {"A": "n"}


def test_the_place_of_the_winner_is_kept() -> None:
    merged = kconfig.merge([ask("A", "m", 1), ask("A", "y", 2), ask("A", "m", 3)], SERIES, ARCH)
    assert merged["A"].place.line == 2


options = st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True)


@given(st.dictionaries(options, st.sampled_from(["y", "m", "n", "64", '"a b"']), max_size=8))
def test_what_is_rendered_reads_back_in_one_order(wanted: dict[str, str]) -> None:
    forward = kconfig.merge([ask(o, v) for o, v in wanted.items()], SERIES, ARCH)
    backward = kconfig.merge([ask(o, v) for o, v in reversed(wanted.items())], SERIES, ARCH)
    text = kconfig.render(forward)
    assert text == kconfig.render(backward)
    assert {r.option: r.value for r in kconfig.parse_fragment(text, "f")} == wanted
    assert kconfig.Config(text).options == {o: v for o, v in wanted.items() if v != "n"}
