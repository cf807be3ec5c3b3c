"""Rules: read from a catalog's file, and held against configs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.kconfig import Config, Rule, load_rules
from ingot.kconfig.findings import FindingKind
from ingot.kconfig.rule_check import broken
from ingot.version import Series

RULES = """\
# why

[[rules]]
name = "acpi-needs-pci"
vmms = ["firecracker"]
arches = ["x86_64"]
since = "6.0"
until = "6.12"
when = "ACPI"
require = "PCI && !BROKEN"
reason = "ACPI without PCI panics"
source = "https://example.org/"

[[rules]]
name = "no-helper"
require = 'UEVENT_HELPER_PATH = ""'
reason = "costs boot time"
source = "drivers/base/Kconfig"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


def load(path: Path, text: str = RULES) -> tuple[Rule, ...]:
    path.write_text(text)
    return load_rules(path)


def names(rules: tuple[Rule, ...], config: str, **where: object) -> list[str]:
    values: dict[str, object] = {
        "series": Series(6, 1),
        "arch": "x86_64",
        "vmms": ["firecracker", "qemu"],
        **where,
    }
    found = broken(rules, Config(config), **values)  # type: ignore[arg-type]
    return [finding.option for finding in found]


def test_a_broken_rule_says_what_it_wants_what_it_got_and_why(path: Path) -> None:
    config = Config("CONFIG_ACPI=y\n")
    (finding,) = broken(load(path), config, Series(6, 1), "x86_64", ["firecracker"])
    assert finding.kind is FindingKind.RULE
    assert str(finding) == (
        "rules.toml:4: acpi-needs-pci: wants PCI && !BROKEN, got ACPI is y, PCI is n, BROKEN is n\n"
        "    ACPI without PCI panics\n"
        "    source: https://example.org/"
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", []),
        ("CONFIG_PCI=y\nCONFIG_ACPI=y\n", []),
        ("CONFIG_ACPI=y\n", ["acpi-needs-pci"]),
        ('CONFIG_UEVENT_HELPER_PATH="/sbin/hotplug"\n', ["no-helper"]),
        ('CONFIG_UEVENT_HELPER_PATH=""\n', []),
    ],
)
def test_a_rule_is_broken_where_its_condition_holds_and_its_wish_does_not(
    path: Path, config: str, expected: list[str]
) -> None:
    assert names(load(path), config) == expected


@pytest.mark.parametrize(
    "where",
    [
        {"vmms": ["qemu"]},
        {"arch": "arm64"},
        {"series": Series(5, 10)},
        {"series": Series(6, 18)},
    ],
)
def test_a_rule_may_be_for_some_vmms_arches_and_series(
    path: Path, where: dict[str, object]
) -> None:
    assert names(load(path), "CONFIG_ACPI=y\n", **where) == []


def test_a_file_without_rules_has_none(path: Path) -> None:
    assert load(path, "# none yet\n") == ()


def test_all_mistakes_are_told_with_their_lines(path: Path) -> None:
    text = """\
[[rules]]
name = "No Name"
require = "A &&"
reason = "x"
source = "y"

[[rules]]
name = "b"
arches = ["arm65"]
since = "six"
requires = "A"
reason = "x"
source = "y"
"""
    with pytest.raises(UserError) as caught:
        load(path, text)
    places = [line.split(": ")[:2] for line in caught.value.why.splitlines()]
    lines = [": ".join(place) for place in sorted(places, key=lambda at: int(at[0].split(":")[1]))]
    assert lines == [
        "rules.toml:2: rules.0.name",
        "rules.toml:3: rules.0.require",
        "rules.toml:7: rules.1.require",
        "rules.toml:9: rules.1.arches",
        "rules.toml:10: rules.1.since",
        "rules.toml:11: rules.1.requires",
    ]


def test_a_name_is_given_once(path: Path) -> None:
    again = RULES.replace("no-helper", "acpi-needs-pci")
    with pytest.raises(UserError, match=r"rules\.toml:15: .*acpi-needs-pci"):
        load(path, again)


@pytest.mark.parametrize("text", ["[[rules]\n", "[rules]\nname = 1\n", "rule = 1\n"])
def test_what_is_no_file_of_rules_is_told(path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"rules\.toml"):
        load(path, text)


def test_an_empty_file_has_no_rules_and_a_missing_one_is_an_error(path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        load_rules(path)
    path.touch()
    assert load_rules(path) == ()


def test_a_file_that_is_no_text_is_named(path: Path) -> None:
    path.write_bytes(b"# \xff")
    with pytest.raises(UserError, match=r"rules\.toml is not UTF-8 text"):
        load_rules(path)
