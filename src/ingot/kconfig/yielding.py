"""Requests that are not met as they are written, and need no change: they yield.

- A module that something built in needs is built in: `y` satisfies a request for `m`.
- An `n` of base yields to what another fragment needs.
- A line of base yields to an override of another one (`# instead of base`) that it depends on.
- With `CONFIG_MODULES=n  # instead of base`, what is requested as a module is built in.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ingot.kconfig.fragment import FragmentLine, OptionRequest
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.selectors import Selectors
from ingot.kconfig.unmet_dependencies import Search


class Yielding:
    """The requests that yield in one resolved config."""

    def __init__(
        self, config: Mapping[str, str], table: OptionTable, requests: Mapping[str, OptionRequest]
    ) -> None:
        self._config = config
        self._table = table
        self._requests = requests
        self._search = Search(config, table, requests)
        self._selectors = Selectors(config, table, requests)

    def reasons(self, request: OptionRequest, option: Option, got: str) -> tuple[str, ...]:
        """Why a request need not be met as it is written; empty if it must be."""
        if (request.value, got) == ("m", "y"):
            return self._of_module(option)
        if not request.of_base:
            return ()
        if request.value == "n":
            return self._of_absent(option)
        if self._yields_to_override(request, option):
            return ("it depends on a line that is overridden on purpose",)
        return ()

    def _of_module(self, option: Option) -> tuple[str, ...]:
        modules = self._requests.get("MODULES")
        if modules and modules.replaced and self._config.get("MODULES") != "y":
            return (f"it is built in, since {modules.place} requests a kernel without modules",)
        if selectors := self._selectors.explained(option.name, "m"):
            return (*selectors, "a module that something built in needs is built in")
        return ()

    def _of_absent(self, option: Option) -> tuple[str, ...]:
        """Only if each selector follows from a line of another fragment than base."""
        roots = self._selectors.roots(option.name, "n")
        if not roots or any(place.fragment.startswith("base/") for place in roots):
            return ()
        return (*self._selectors.explained(option.name), "an n of base yields to what needs it")

    def _yields_to_override(
        self, request: OptionRequest, option: Option, trail: tuple[str, ...] = ()
    ) -> bool:
        """Whether overrides, and nothing else, are in the way of a line of base."""
        if not self._overrides or option.name in trail:
            return False
        way = self._search.to_dependency(option)
        way = way if way.steps else self._search.to_prompt(option, request.value)
        behind = [
            self._requests[name]
            for name, value in way.given.items()
            if name in self._requests and self._config.get(name, "n") != value
        ]
        if not (way.drop or behind) or not self._overrides.issuperset(way.drop):
            return False
        asked = {name for name in way.ask if name not in self._requests}
        return not asked and all(
            each.of_base
            and self._yields_to_override(
                each, self._table.options[each.option], (*trail, option.name)
            )
            for each in behind
        )

    @cached_property
    def _overrides(self) -> set[FragmentLine]:
        """The lines that override one of base."""
        return {
            each.place
            for each in self._requests.values()
            if each.replaced and each.replaced.of_base
        }
