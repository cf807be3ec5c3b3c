"""Resolved configs: read and compared."""

from __future__ import annotations

from ingot.kconfig import Difference, diff, parse_config
from ingot.kconfig.config import config_lines
from tests.unit.kconfig.sample import table


def test_a_resolved_config_is_read_as_what_is_set() -> None:
    text = '#\n# Linux\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x=y"\nCONFIG_D=0x10\n'
    assert parse_config(text) == {"A": "y", "C": '"x=y"', "D": "0x10"}


def test_its_lines_are_counted_and_an_option_that_is_not_set_is_off() -> None:
    text = "# Title\n\nCONFIG_A=m\r\n# CONFIG_B is not set\n#CONFIG_C=y\nCONFIG_D=n\n"
    assert list(config_lines(text)) == [(3, "A", "m"), (4, "B", "n"), (6, "D", "n")]


def test_two_configs_differ_in_what_one_has_otherwise_or_not_at_all() -> None:
    before = {"GONE": "y", "SAME": "y", "CHANGED": "m", "SIZE": "8"}
    after = {"SAME": "y", "CHANGED": "y", "SIZE": "16", "NEW": "m"}
    assert diff(before, after) == (
        Difference("CHANGED", "m", "y"),
        Difference("GONE", "y", "n"),
        Difference("NEW", "n", "m"),
        Difference("SIZE", "8", "16"),
    )


def test_differences_stand_by_the_top_two_menus_if_there_is_a_table() -> None:
    known = table(
        {
            "VETH": {"menu": ["Drivers", "Network", "Core"]},
            "EXT4": {"menu": ["File systems"]},
            "ACPI": {"menu": []},
        }
    )
    after = dict.fromkeys(("VETH", "UNKNOWN", "EXT4", "ACPI"), "y")
    assert [(each.menu, each.option) for each in diff({}, after, known)] == [
        ((), "ACPI"),
        ((), "UNKNOWN"),
        (("Drivers", "Network"), "VETH"),
        (("File systems",), "EXT4"),
    ]
