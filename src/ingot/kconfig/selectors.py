"""The options that select an option (Kconfig's `select`), back to the requests that cause it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from ingot.kconfig.expression import And, Expression, OptionSymbol, Tristate, evaluate, level
from ingot.kconfig.fragment import FragmentLine, OptionRequest
from ingot.kconfig.option_table import Option, OptionTable

_NAMED = 3
_FOLLOWED = 4
_LONGEST = 12


def force(selector: str, condition: Expression | None) -> Expression:
    """The level that a `select` forces: that of the selector and of its condition."""
    return And((OptionSymbol(selector), condition)) if condition else OptionSymbol(selector)


class Selectors:
    """The selects of one resolved config."""

    def __init__(
        self, config: Mapping[str, str], table: OptionTable, requests: Mapping[str, OptionRequest]
    ) -> None:
        self._config = config
        self._table = table
        self._requests = requests

    def of(self, name: str, above: Tristate = "n") -> list[str]:
        """The selectors that force an option to more than `above`, requested ones first."""
        option = self._table.options.get(name)
        found = [
            selector
            for selector, condition in (option.selected_by if option else ())
            if level(evaluate(force(selector, condition), self._config)) > level(above)
        ]
        return sorted(found, key=lambda selector: selector not in self._requests)

    def explained(self, name: str, above: Tristate = "n", most: int = _NAMED) -> list[str]:
        """The first `most` of them as text, each traced back to the line that requests it."""
        found = self.of(name, above)
        lines = [self._follow(selector, (name,)) for selector in islice(found, most)]
        return [*lines, f"so do {len(found) - most} more"] if len(found) > most else lines

    def _follow(self, selector: str, trail: tuple[str, ...]) -> str:
        text = f"{selector} selects it" if len(trail) == 1 else f"which {selector} selects"
        if request := self._requests.get(selector):
            return f"{text} ({request.place})"
        above = [name for name in self.of(selector) if name not in trail]
        if above and len(trail) < _FOLLOWED:
            return f"{text}, {self._follow(above[0], (*trail, selector))}"
        return text if above else f"{text} (on by default)"

    def roots(
        self, name: str, above: Tristate, trail: tuple[str, ...] = ()
    ) -> tuple[FragmentLine, ...]:
        """The lines whose removal would end all selects of an option; empty if it would not."""
        places: list[FragmentLine] = []
        for selector in self.of(name, above):
            request = self._requests.get(selector)
            found: tuple[FragmentLine, ...] = (request.place,) if request else ()
            if not found and selector not in trail and len(trail) < _LONGEST:
                found = self.roots(selector, "n", (*trail, name))
            if not found:
                return ()
            places += found
        return tuple(dict.fromkeys(places))

    def possible(self, option: Option) -> list[tuple[str, Expression | None]]:
        """All options that could select an option: the nearest first, then those with a prompt."""

        near = self.near(option)

        def far(selector: tuple[str, Expression | None]) -> tuple[bool, bool]:
            found = self._table.options.get(selector[0])
            return (selector not in near, found is None or not can_be_asked(found, self._config))

        return sorted(option.selected_by, key=far)

    def near(self, option: Option) -> list[tuple[str, Expression | None]]:
        """The selectors that are defined in the same directory: the likely users of the option."""
        directories = {_directory(place) for place in option.places}
        return [
            (name, condition)
            for name, condition in option.selected_by
            if name in self._table.options
            and any(_directory(place) in directories for place in self._table.options[name].places)
        ]

    def listed(self, option: Option) -> str:
        """All options that could select an option, as text; empty if there are none."""
        names = [selector for selector, _ in self.possible(option)]
        if not names:
            return ""
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        verb = "selects" if len(names) == 1 else "select"
        return f"{', '.join(names[:_NAMED])}{more} {verb} it"


def can_be_asked(option: Option, config: Mapping[str, str]) -> bool:
    """Whether an option has a prompt, and the config shows it."""
    return bool(option.prompts) and evaluate(option.visible, config) != "n"


def _directory(place: str) -> str:
    return place.rpartition("/")[0]
