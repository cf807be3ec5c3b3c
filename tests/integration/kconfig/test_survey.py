"""The survey, run as it is in a builder: what it writes down of a tree's options."""

from __future__ import annotations

import pytest

from ingot import configure
from ingot.arch import arch
from ingot.builder.sandbox import Sandbox
from ingot.errors import BuildError
from ingot.kconfig import merge, parse_fragment
from ingot.kconfig.expression import Constant, OptionSymbol, parse, render
from ingot.kconfig.findings import check
from ingot.kconfig.option_table import OptionTable
from ingot.version import Series
from tests.support.configs import config_of


def text(surveyed: OptionTable, name: str, field: str) -> str | None:
    expression = getattr(surveyed.options[name], field)
    return render(expression) if expression else None


def test_an_option_is_written_down_whole(surveyed: OptionTable) -> None:
    veth = surveyed.options["VETH"]
    assert (veth.type, veth.prompts, veth.help) == (
        "tristate",
        ("Virtual ethernet",),
        "Pairs\nof links.",
    )
    assert veth.menu == ("Networking", "Devices")
    assert veth.places == ("net/Kconfig:9",)


def test_what_stands_around_an_option_is_part_of_what_it_needs(surveyed: OptionTable) -> None:
    assert text(surveyed, "VETH", "depends") == "!UML && NET"
    assert set(str(text(surveyed, "VETH", "visible")).split(" && ")) == {"!UML", "NET", "EXPERT"}
    assert text(surveyed, "BRIDGE", "depends") == "m && MODULES && NET"
    assert text(surveyed, "NET", "depends") is None


def test_who_selects_and_who_implies_is_written_to_the_other(surveyed: OptionTable) -> None:
    assert [name for name, _ in surveyed.options["CRC32"].selected_by] == ["VETH"]
    assert [name for name, _ in surveyed.options["BRIDGE"].implied_by] == ["VETH"]
    assert surveyed.options["CRC32"].prompts == ()


def test_numbers_and_text_have_their_defaults_and_ranges(surveyed: OptionTable) -> None:
    speed = surveyed.options["SPEED"]
    assert speed.ranges[0][:2] == (Constant("1"), OptionSymbol("MOST"))
    assert speed.defaults == ((Constant("10"), OptionSymbol("EXPERT")), (Constant("5"), None))
    assert surveyed.options["LEVEL"].defaults == ((Constant('a "b"'), OptionSymbol("GZIP")),)


def test_members_of_a_choice_know_each_other_and_need_what_it_needs(surveyed: OptionTable) -> None:
    assert surveyed.options["XZ"].choice == ("GZIP", "XZ")
    assert surveyed.options["XZ"].menu == ("Compression",)
    assert text(surveyed, "XZ", "visible") == "CC_HAS_OLD && NET"


def test_tests_of_the_toolchain_are_kept_as_written(surveyed: OptionTable) -> None:
    new, old = (surveyed.options[name] for name in ("CC_HAS_NEW", "CC_HAS_OLD"))
    assert new.tests == ("$(cc-option,-mnew)",)
    assert new.defaults == ((Constant("n"), None),)
    assert old.defaults == ((Constant("y"), None),)


def test_words_that_are_newer_than_kconfiglib_are_read(surveyed: OptionTable) -> None:
    assert surveyed.options["MODULES"].help.splitlines()[1] == "modules"
    assert surveyed.options["OLD_NAME"].transitional
    assert not surveyed.options["NEW_NAME"].transitional
    assert surveyed.options["LATER"].depends == parse("VETH || !BRIDGE")


def test_options_of_other_arches_are_named_with_their_files(surveyed: OptionTable) -> None:
    assert surveyed.elsewhere == {
        "ARM64": ["arch/arm64/Kconfig"],
        "TAPE": ["drivers/s390/Kconfig.tape"],
    }


def test_a_finding_is_explained_from_a_survey(surveyed: OptionTable) -> None:
    requests = merge(parse_fragment("CONFIG_VETH=m\n", "mine"), Series(6, 1), "x86_64")
    (finding,) = check(requests, config_of({"MODULES": "y", "EXPERT": "y"}), surveyed, "6.1")
    assert finding.lines == (
        "needs NET, which is n: nothing requests it (net/Kconfig:1)",
        "CONFIG_NET=y would do it",
    )


def test_a_tree_that_cannot_be_read_says_where(sandbox: Sandbox) -> None:
    (sandbox.source / "net/Kconfig").write_text("config X\n\tnonsense\n")
    with pytest.raises(BuildError) as caught:
        configure.survey(sandbox, arch("x86_64"), sandbox.build / "log")
    assert "net/Kconfig:2" in caught.value.why
