"""From a full config to what it asks for beyond a catalog."""

from __future__ import annotations

from typing import Any

from ingot.kconfig.adoption import (
    Adopted,
    AdoptedLine,
    adopted_lines,
    coverage,
    explained_difference,
    fragment_text,
    intent,
)
from tests.support.configs import config_of
from tests.support.option_tables import asked, table

OPTIONS: dict[str, dict[str, Any]] = {
    "EXPERT": {},
    "NET": {"menu": ["Networking"], "help": "Sockets and protocols.\n\nMore of it."},
    "VETH": {"type": "tristate", "depends": "NET", "menu": ["Drivers", "Network"]},
    "LIB": {"type": "tristate", "selected_by": [["VETH", None]]},
    "NAMESPACES": {"visible": "EXPERT", "defaults": [["y", None]]},
    "FW_LOADER": {"visible": "EXPERT", "defaults": [["y", None]]},
    "CPUS": {"type": "int", "defaults": [["8", None]]},
    "HZ_100": {"choice": ["HZ_100", "HZ_250"]},
    "HZ_250": {"choice": ["HZ_100", "HZ_250"]},
    "SOUND": {"places": ["sound/Kconfig:1"]},
    "EXTRA_FIRMWARE": {"type": "string", "defaults": [['""', None]]},
    "DERIVED": {"prompts": []},
}
TABLE = table(OPTIONS)
THEIRS = config_of(
    {
        "NET": "y", "VETH": "m", "LIB": "m", "NAMESPACES": "y", "FW_LOADER": "y", "CPUS": "128",
        "HZ_100": "y", "SOUND": "y", "EXTRA_FIRMWARE": '"a.bin"', "DERIVED": "y",
    }
)  # fmt: skip
BASE = """\
CONFIG_EXPERT=y
CONFIG_NET=y
CONFIG_FW_LOADER=n
CONFIG_CPUS=64
CONFIG_HZ_250=y
"""


def adopted() -> Adopted:
    requests = asked(BASE, "base/linux.config")
    return adopted_lines(intent(THEIRS, TABLE), THEIRS, requests, TABLE)


def test_what_follows_from_other_options_is_no_intent() -> None:
    assert sorted(intent(THEIRS, TABLE)) == [
        *("CPUS", "EXTRA_FIRMWARE", "FW_LOADER", "HZ_100", "NAMESPACES", "NET", "SOUND", "VETH")
    ]


def test_what_the_catalog_does_not_ask_for_becomes_lines() -> None:
    assert [line.text("") for line in adopted().lines] == [
        "CONFIG_CPUS=128  # instead of base/linux",
        "CONFIG_HZ_250=n  # instead of base/linux",
        "CONFIG_HZ_100=y",
        "CONFIG_NAMESPACES=y",
        "CONFIG_VETH=m",
    ]


def test_what_is_left_out_has_its_reason() -> None:
    assert dict(adopted().left_out) == {
        "SOUND": "no VMM has such hardware, or no guest such a file system",
        "FW_LOADER": "it was on by default, and base/linux.config has it off",
        "EXTRA_FIRMWARE": "it names a file of another machine",
    }


def test_the_fragment_is_by_menu_with_the_first_line_of_help() -> None:
    found = Adopted((*adopted().lines[-1:],), {"SOUND": "no sound"})
    assert fragment_text("theirs", found, TABLE, "x86_64") == (
        "# Feature: theirs\n\n# Drivers > Network.\n\n# veth\nCONFIG_VETH=m\n\n"
        "# Left out: no sound:\n#   SOUND\n"
    )


def test_a_line_for_an_option_of_one_arch_is_limited_to_it() -> None:
    options = table({"MTRR": {"places": ["arch/x86/Kconfig:1"]}})
    text = fragment_text("theirs", Adopted((AdoptedLine("MTRR", "y"),), {}), options, "x86_64")
    assert "CONFIG_MTRR=y  # on x86_64\n" in text


def test_coverage_counts_what_a_config_has_of_a_fragment() -> None:
    requests = asked("CONFIG_NET=y\nCONFIG_VETH=y\nCONFIG_SOUND=n\nCONFIG_HZ_250=y\n")
    found = coverage("feature/mine", requests, THEIRS)
    assert (found.asked, [each.option for each in found.missing]) == (3, ["HZ_250"])
    assert not found.whole
    assert not found.taken
    assert coverage("feature/mine", asked("CONFIG_NET=y\n"), THEIRS).whole
    assert not coverage("feature/mine", {}, THEIRS).taken, "a fragment that asks for nothing"


def test_every_difference_has_a_reason() -> None:
    after = config_of({"EXPERT": "y", "NET": "y", "VETH": "m", "LIB": "m", "CPUS": "128"})
    requests = asked(BASE, "base/linux.config")
    found = explained_difference(THEIRS, after, requests, adopted(), TABLE)
    reasons = {each.option: each.reason for each in found}
    assert set(reasons) == {
        *("DERIVED", "EXPERT", "EXTRA_FIRMWARE", "FW_LOADER", "HZ_100", "NAMESPACES", "SOUND")
    }
    assert reasons["EXPERT"] == "base/linux.config requests y"
    assert reasons["DERIVED"] == "it has no prompt, and follows from others"
    assert reasons["SOUND"].startswith("left out: no VMM")
