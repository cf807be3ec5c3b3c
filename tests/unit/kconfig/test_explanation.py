"""All there is to say of one option."""

from __future__ import annotations

import pytest

from ingot.errors import UserError
from ingot.kconfig.explanation import explain
from tests.support.configs import config_of
from tests.support.option_tables import asked, table

TABLE = table(
    {
        "MODULES": {},
        "NET": {"places": ["net/Kconfig:6"]},
        "VETH": {
            "type": "tristate",
            "prompts": ["Virtual ethernet"],
            "menu": ["Drivers", "Network"],
            "depends": "NET && !UML",
            "help": "Pairs.\n\nOf links.",
            "places": ["drivers/net/Kconfig:404"],
        },
        "CRC32": {"type": "tristate", "selected_by": [["VETH", None]]},
        "HZ": {"type": "int", "prompts": [], "defaults": [["250", "NET"], ["100", None]]},
        "CC_HAS_SLS": {"prompts": [], "defaults": [["y", None]], "tests": ["$(cc-option,-msls)"]},
    },
    {"PPC": ["arch/powerpc/Kconfig"]},
)
OPTIONS = {"MODULES": "y", "NET": "y", "VETH": "m", "CRC32": "m", "HZ": "250", "CC_HAS_SLS": "y"}
ASKED = asked("CONFIG_NET=y\nCONFIG_VETH=m\n")


def told(name: str, config: dict[str, str] | None = None) -> list[str]:
    chosen = config_of(OPTIONS if config is None else config)
    return str(explain(name, chosen, TABLE, ASKED)).splitlines()


def test_an_option_that_is_on_says_who_asked_and_what_it_needs() -> None:
    assert told("VETH") == [
        "CONFIG_VETH=m  (tristate: Virtual ethernet)",
        "  menu: Drivers > Network",
        "  defined: drivers/net/Kconfig:404",
        "  requested: m (feature/mine.config:2)",
        "  needs: NET (=y) && !UML (=n)",
        "",
        "  Pairs.",
        "",
        "  Of links.",
    ]


def test_an_option_that_is_selected_says_by_whom() -> None:
    assert "  VETH selects it (feature/mine.config:2)" in told("CRC32")


def test_an_option_that_is_off_says_what_would_turn_it_on() -> None:
    lines = told("VETH", {"MODULES": "y"})
    assert lines[0].startswith("CONFIG_VETH=n")
    at = lines.index("  it is off:")
    assert (
        lines[at + 1] == "    needs NET, which is n although requested: see feature/mine.config:1"
    )


def test_an_option_that_nobody_wants_says_so() -> None:
    assert told("CRC32", {})[-2:] == ["  it is off:", "    nothing requests it"]


def test_an_option_without_a_prompt_says_what_sets_it() -> None:
    assert told("HZ")[-1] == "  default 250 if NET"
    assert told("CC_HAS_SLS")[-2:] == [
        "  by default",
        "  tests the toolchain: $(cc-option,-msls)",
    ]


@pytest.mark.parametrize(
    ("name", "why"), [("VETHH", "did you mean VETH?"), ("PPC", "only powerpc has it, not x86")]
)
def test_an_option_that_is_not_there_says_what_may_be_meant(name: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        explain(name, config_of(OPTIONS), TABLE, ASKED)
    assert name in caught.value.what
    assert caught.value.why.startswith(why)
