"""Resolved configs: read and compared."""

from __future__ import annotations

import pytest

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.kconfig import Config, Difference, diff
from ingot.kconfig.config_mistakes import require_values
from tests.support.configs import config_of
from tests.support.option_tables import table

CONFIG = "CONFIG_A=y\n# CONFIG_B is not set\n"


def test_a_resolved_config_is_read_as_what_is_set() -> None:
    text = '#\n# Linux\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x=y"\nCONFIG_D=0x10\n'
    assert Config(text).options == {"A": "y", "C": '"x=y"', "D": "0x10"}


def test_an_option_that_is_not_set_has_the_value_n() -> None:
    config = Config(CONFIG)
    assert [config.value(option) for option in ("A", "B", "C")] == ["y", "n", "n"]


def test_a_config_is_known_by_its_text() -> None:
    config = Config(CONFIG)
    assert config.digest == Digest.of(CONFIG.encode())
    assert config == Config(CONFIG)
    assert config != Config(f"# another comment\n{CONFIG}")
    assert len({config, Config(CONFIG)}) == 1


def test_a_config_is_parsed_once_and_its_options_cannot_be_changed() -> None:
    config = Config(CONFIG)
    assert config.options is config.options
    with pytest.raises(TypeError):
        config.options["A"] = "n"  # type: ignore[index]


def test_its_lines_are_counted_and_an_option_that_is_not_set_is_off() -> None:
    text = "# Title\n\nCONFIG_A=m\r\n# CONFIG_B is not set\n#CONFIG_C=y\nCONFIG_D=n\n"
    assert list(Config(text).lines()) == [(3, "A", "m"), (4, "B", "n"), (6, "D", "n")]


def test_two_configs_differ_in_what_one_has_otherwise_or_not_at_all() -> None:
    before = {"GONE": "y", "SAME": "y", "CHANGED": "m", "SIZE": "8"}
    after = {"SAME": "y", "CHANGED": "y", "SIZE": "16", "NEW": "m"}
    assert diff(config_of(before), config_of(after)) == (
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
    assert [(each.menu, each.option) for each in diff(Config(""), config_of(after), known)] == [
        ((), "ACPI"),
        ((), "UNKNOWN"),
        (("Drivers", "Network"), "VETH"),
        (("File systems",), "EXT4"),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CONFIG_NR_CPUS=64 # enough", "has a comment behind its value 64"),
        ("CONFIG_PRINTK_TIME=y # stamps", "has a comment behind its value y"),
        ('CONFIG_CMDLINE="a # b" # c', 'has a comment behind its value "a # b"'),
        ("CONFIG_NR_CPUS=64k", "has the value 64k, which is none"),
        ("CONFIG_NR_CPUS=", "has no value"),
        ("CONFIG_PRINTK=on", "has the value on"),
        ('CONFIG_CMDLINE="a" b"', "text is in double quotes"),
    ],
)
def test_a_value_that_is_none_is_found_with_its_line(line: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        require_values(Config(f"# a comment\nCONFIG_NET=y\n{line}\n"), "mine.config")
    assert caught.value.why.startswith("mine.config:3: CONFIG_")
    assert told in caught.value.why


def test_values_of_every_type_are_accepted() -> None:
    lines = ["A=y", "B=mCore Netfilter", "C=-1", "D=0xFf", 'E="a \\"#\\" b"', "F=ff", "H=n", "I"]
    text = "".join(f"CONFIG_{line}\n" for line in lines)
    require_values(Config(f"{text}# CONFIG_G is not set\n"), "mine.config")
