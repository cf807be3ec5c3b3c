"""The table of a kernel's options: read from what the survey wrote, kept, read again."""

from __future__ import annotations

from pathlib import Path

from ingot.kconfig.expression import Constant, OptionSymbol, parse
from ingot.kconfig.option_table import Option, OptionTable
from tests.support.option_tables import table

VETH = {
    "type": "tristate",
    "prompts": ["Virtual ethernet"],
    "menu": ["Drivers", "Network"],
    "depends": "NET_CORE && !UML",
    "visible": "NET_CORE && !UML && EXPERT",
    "selected_by": [["A", None], ["B", "C = y"]],
    "implied_by": [["D", None]],
    "defaults": [["m", "E"], ["y", None]],
    "help": "Pairs.",
    "places": ["drivers/net/Kconfig:404"],
}


def test_an_option_is_what_the_survey_says_of_it() -> None:
    assert table({"VETH": VETH}).options["VETH"] == Option(
        name="VETH",
        type="tristate",
        prompts=("Virtual ethernet",),
        menu=("Drivers", "Network"),
        depends=parse("NET_CORE && !UML"),
        visible=parse("NET_CORE && !UML && EXPERT"),
        selected_by=(("A", None), ("B", parse("C = y"))),
        implied_by=(("D", None),),
        defaults=((Constant("m"), OptionSymbol("E")), (Constant("y"), None)),
        help="Pairs.",
        places=("drivers/net/Kconfig:404",),
    )


def test_numbers_have_ranges_and_members_their_choice() -> None:
    known = table(
        {"N": {"type": "int", "ranges": [["1", "MOST", "SMP"]]}, "A": {"choice": ["A", "B"]}}
    )
    assert known.options["N"].ranges == (
        (Constant("1"), OptionSymbol("MOST"), OptionSymbol("SMP")),
    )
    assert known.options["A"].choice == ("A", "B")


def test_a_table_is_kept_and_read_again(tmp_path: Path) -> None:
    before = table({"VETH": VETH}, {"PPC": ["arch/powerpc/Kconfig"]})
    before.save(tmp_path / "table.options")
    after = OptionTable.load(tmp_path / "table.options")
    assert after.arch == "x86"
    assert list(after.options) == ["VETH"]
    assert after.options["VETH"] == before.options["VETH"]
    assert after.elsewhere == {"PPC": ["arch/powerpc/Kconfig"]}


def test_the_same_table_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        table({"VETH": VETH}).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_option_that_is_not_there_is_not_there() -> None:
    known = table({"VETH": VETH})
    assert known.options.get("VET") is None
    assert "VETH" in known.options
    assert len(known.options) == 1
