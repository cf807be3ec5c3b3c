"""Configs: the full `.config` that Kconfig writes, as one value, and the difference of two.

A config is read by the caller that has the file, the image or the sandbox, and is passed on as a
`Config`.

Source of the format: the kernel's Documentation/kbuild/kconfig.rst and scripts/kconfig/confdata.c.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingot.digest import Digest

if TYPE_CHECKING:
    from ingot.kconfig.option_table import OptionTable

_UNSET = re.compile(r"# CONFIG_(\w+) is not set\s*")
_GROUP_LEVELS = 2


@dataclass(frozen=True)  # not slotted: cached properties need a __dict__
class Config:
    """A `.config`: its text, as it was read, and the value of each option.

    Two configs are equal if their texts are.
    """

    text: str

    @functools.cached_property
    def options(self) -> Mapping[str, str]:
        """Option -> value, as the text writes it; options that are not set are left out."""
        found = {option: value for _, option, value in self.lines() if value != "n"}
        return MappingProxyType(found)

    @functools.cached_property
    def digest(self) -> Digest:
        """The sha256 of the text in UTF-8: what a recipe and an image name a config by."""
        return Digest.of(self.text.encode())

    def value(self, option: str) -> str:
        """The value of an option, by its name without `CONFIG_`; `n` if it is not set."""
        return self.options.get(option, "n")

    def lines(self) -> Iterator[tuple[int, str, str]]:
        """Line number, option and value of every line that gives one.

        `n` is the value of an option that is written as not set.
        """
        for number, line in enumerate(self.text.splitlines(), start=1):
            if line.startswith("CONFIG_"):
                option, given, value = line.removeprefix("CONFIG_").partition("=")
                if given:  # Kconfig ignores a line without a value
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


def diff(before: Config, after: Config, table: OptionTable | None = None) -> tuple[Difference, ...]:
    """What differs between two configs, sorted by menu and option."""
    found = (
        Difference(option, before.value(option), after.value(option), _menu(option, table))
        for option in {*before.options, *after.options}
        if before.value(option) != after.value(option)
    )
    return tuple(sorted(found, key=lambda each: (each.menu, each.option)))


def _menu(option: str, table: OptionTable | None) -> tuple[str, ...]:
    known = table.options.get(option) if table else None
    return known.menu[:_GROUP_LEVELS] if known else ()
