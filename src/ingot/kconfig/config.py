"""Resolved configs: the full `.config` that Kconfig writes, read and compared.

Source of the format: the kernel's Documentation/kbuild/kconfig.rst and scripts/kconfig/confdata.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingot.kconfig.option_table import OptionTable

_UNSET = re.compile(r"# CONFIG_(\w+) is not set\s*")
_GROUP_LEVELS = 2


def parse_config(text: str) -> dict[str, str]:
    """Option -> value of a resolved `.config`; options that are not set are left out."""
    return {option: value for _, option, value in config_lines(text) if value != "n"}


def config_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, option and value of every line of a `.config` that gives one.

    `n` is the value of an option that is written as not set.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("CONFIG_"):
            option, given, value = line.removeprefix("CONFIG_").partition("=")
            if given:  # Kconfig passes over a line without
                yield number, option, value.strip()
        elif unset := _UNSET.fullmatch(line):
            yield number, unset[1], "n"


@dataclass(frozen=True, slots=True)
class Difference:
    """An option that two configs have differently; `n` is what an absent one has.

    `menu` is where Kconfig's menus have it, the top two levels, if that is known.
    """

    option: str
    before: str
    after: str
    menu: tuple[str, ...] = ()


def diff(
    before: Mapping[str, str], after: Mapping[str, str], table: OptionTable | None = None
) -> tuple[Difference, ...]:
    """What differs between two configs, sorted by menu and option."""
    found = (
        Difference(option, before.get(option, "n"), after.get(option, "n"), _menu(option, table))
        for option in {*before, *after}
        if before.get(option, "n") != after.get(option, "n")
    )
    return tuple(sorted(found, key=lambda each: (each.menu, each.option)))


def _menu(option: str, table: OptionTable | None) -> tuple[str, ...]:
    known = table.options.get(option) if table else None
    return known.menu[:_GROUP_LEVELS] if known else ()
