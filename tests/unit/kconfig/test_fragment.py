"""Fragments: their grammar, how they merge, and whether a resolved config gives what they ask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import kconfig
from ingot.errors import UserError
from ingot.kconfig import Mismatch, Place, Request
from ingot.version import Series

SERIES = Series(6, 1)


def ask(option: str, value: str, line: int = 1, fragment: str = "f.config") -> Request:
    return Request(option, value, Place(fragment, line))


def parse_one(line: str) -> Request:
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
    ("note", "since", "until"),
    [
        ("since 5.17", Series(5, 17), None),
        ("until 6.8", None, Series(6, 8)),
        ("until 6.8: renamed", None, Series(6, 8)),
        ("since 5.10 until 6.1", Series(5, 10), Series(6, 1)),
        ("since 5.10 until 6.1: for a while", Series(5, 10), Series(6, 1)),
        ("the since of it", None, None),
        ("Since 5.17 was released, on by default", None, None),
    ],
)
def test_a_comment_may_bound_an_option_to_series(
    note: str, since: Series | None, until: Series | None
) -> None:
    request = parse_one(f"CONFIG_A=y  # {note}")
    assert (request.since, request.until) == (since, until)


@pytest.mark.parametrize(
    "line",
    [
        "CONFIG_A=y  # since 5.17, on by default",
        "CONFIG_A=y  # until 5.16 always on",
        "CONFIG_A=y  # since v5.17",
        "CONFIG_A=y  # until 6.1 since 5.10",
        "CONFIG_A=y  # since 6.1 until 5.10",
    ],
)
def test_a_bound_that_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(UserError, match=r"f\.config:1"):
        parse_one(line)


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


@pytest.mark.parametrize(
    ("series", "applies"),
    [("5.9", False), ("5.10", True), ("6.0", True), ("6.1", True), ("6.2", False), ("6.10", False)],
)
def test_bounds_include_both_ends(series: str, applies: bool) -> None:
    request = parse_one("CONFIG_A=y # since 5.10 until 6.1")
    assert request.applies_to(Series.parse(series)) is applies


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
        return kconfig.merge(requests, SERIES)["A"].value
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
        kconfig.merge(requests, SERIES)
    assert "CONFIG_A" in caught.value.what
    assert "base/linux.config:3 wants n" in caught.value.why
    assert "vmm/qemu.config:7 wants y" in caught.value.why


def test_what_other_series_ask_for_is_neither_merged_nor_a_contradiction() -> None:
    requests = kconfig.parse_fragment(
        "CONFIG_A=y # until 6.0\nCONFIG_A=n # since 6.1\nCONFIG_B=y # since 6.2\n", "f.config"
    )
    assert {o: r.value for o, r in kconfig.merge(requests, SERIES).items()} == {"A": "n"}


def test_the_place_of_the_winner_is_kept() -> None:
    merged = kconfig.merge([ask("A", "m", 1), ask("A", "y", 2), ask("A", "m", 3)], SERIES)
    assert merged["A"].place.line == 2


options = st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True)


@given(st.dictionaries(options, st.sampled_from(["y", "m", "n", "64", '"a b"']), max_size=8))
def test_what_is_rendered_reads_back_in_one_order(wanted: dict[str, str]) -> None:
    forward = kconfig.merge([ask(o, v) for o, v in wanted.items()], SERIES)
    backward = kconfig.merge([ask(o, v) for o, v in reversed(wanted.items())], SERIES)
    text = kconfig.render(forward)
    assert text == kconfig.render(backward)
    assert {r.option: r.value for r in kconfig.parse_fragment(text, "f")} == wanted
    assert kconfig.parse_config(text) == wanted


# Comparing


def test_a_resolved_config_is_read_as_what_is_set() -> None:
    text = '#\n# Linux\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x=y"\nCONFIG_D=0x10\n'
    assert kconfig.parse_config(text) == {"A": "y", "C": '"x=y"', "D": "0x10"}


def test_what_came_out_as_asked_is_no_mismatch() -> None:
    merged = kconfig.merge([ask("A", "y"), ask("B", "n"), ask("C", "m")], SERIES)
    assert kconfig.compare(merged, {"A": "y", "C": "m", "D": "y"}) == []


@pytest.mark.parametrize(
    ("wanted", "got"), [("y", "m"), ("y", "n"), ("m", "y"), ("n", "y"), ("n", "m"), ("64", "8")]
)
def test_every_difference_is_a_mismatch(wanted: str, got: str) -> None:
    request = ask("A", wanted)
    assert kconfig.compare({"A": request}, {"A": got}) == [Mismatch(request, got)]


def test_an_absent_option_is_off() -> None:
    request = ask("A", "y")
    assert kconfig.compare({"A": request}, {}) == [Mismatch(request, "n")]


# Looking for causes

KCONFIG = """\
menu "Network"
\tdepends on MENU

config VETH
\ttristate "Virtual ethernet pair device"
\tdepends on NET_CORE && \\
\t\t(INET || IPV6)
\tdepends on !UML
\thelp
\t  It depends on nothing:
\t  depends on NOTHING

menuconfig NET_CORE
\tbool "Network core driver support"

config VETH_EXTRA
\tbool
\tdepends on VETH
endmenu
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "drivers/net").mkdir(parents=True)
    (tmp_path / "Kconfig").write_text('source "drivers/net/Kconfig"\n')
    (tmp_path / "drivers/net/Kconfig").write_text(KCONFIG)
    (tmp_path / "drivers/net/Kconfig.extra").write_text("config EXTRA\n\tdepends on A\n")
    (tmp_path / "drivers/net/notes").write_text("config NOTES\n\tdepends on A\n")
    return tmp_path


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("VETH", ["NET_CORE && (INET || IPV6)", "!UML"]),
        ("NET_CORE", []),
        ("VETH_EXTRA", ["VETH"]),
        ("EXTRA", ["A"]),
        ("VET", None),
        ("V.TH", None),
        ("NOTES", None),
    ],
)
def test_what_an_option_depends_on_is_found_in_the_tree(
    tree: Path, option: str, found: list[str] | None
) -> None:
    assert kconfig.find_dependencies(tree, option) == found


def test_other_arches_say_nothing_of_an_option(tree: Path) -> None:
    for name, needs in (("arm64", "OF"), ("x86", "X86_LOCAL_APIC")):
        (tree / "arch" / name / "kvm").mkdir(parents=True)
        path = tree / "arch" / name / "kvm" / "Kconfig"
        path.write_text(f'config KVM\n\tbool "KVM"\n\tdepends on {needs}\n')
    found = kconfig.find_dependencies(tree, "KVM")
    assert found in (["OF"], ["X86_LOCAL_APIC"])
