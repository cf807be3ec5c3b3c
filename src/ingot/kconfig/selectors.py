"""Who selects an option (Kconfig's `select`), and who is behind that."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from ingot.kconfig.expression import And, Expression, OptionSymbol, Tristate, evaluate, level
from ingot.kconfig.fragment import OptionRequest, Place
from ingot.kconfig.option_table import Option, OptionTable

_NAMED = 3
_FOLLOWED = 4
_LONGEST = 12


def force(selector: str, condition: Expression | None) -> Expression:
    """How high a `select` forces what it selects: as its selector is, and its condition."""
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
        """Who selects an option to more than `above`, those first that a fragment asks for."""
        option = self._table.options.get(name)
        found = [
            selector
            for selector, condition in (option.selected_by if option else ())
            if level(evaluate(force(selector, condition), self._config)) > level(above)
        ]
        return sorted(found, key=lambda selector: selector not in self._requests)

    def told(self, name: str, above: Tristate = "n", most: int = _NAMED) -> list[str]:
        """The same in words, each followed back to a line that asks; the first `most` of them."""
        found = self.of(name, above)
        told = [self._follow(selector, (name,)) for selector in islice(found, most)]
        return [*told, f"so do {len(found) - most} more"] if len(found) > most else told

    def _follow(self, selector: str, trail: tuple[str, ...]) -> str:
        text = f"{selector} selects it" if len(trail) == 1 else f"which {selector} selects"
        if request := self._requests.get(selector):
            return f"{text} ({request.place})"
        above = [name for name in self.of(selector) if name not in trail]
        if above and len(trail) < _FOLLOWED:
            return f"{text}, {self._follow(above[0], (*trail, selector))}"
        return text if above else f"{text} (on by default)"

    def roots(self, name: str, above: Tristate, trail: tuple[str, ...] = ()) -> tuple[Place, ...]:
        """The lines without which nobody would select an option; empty if that takes more."""
        places: list[Place] = []
        for selector in self.of(name, above):
            request = self._requests.get(selector)
            found: tuple[Place, ...] = (request.place,) if request else ()
            if not found and selector not in trail and len(trail) < _LONGEST:
                found = self.roots(selector, "n", (*trail, name))
            if not found:
                return ()
            places += found
        return tuple(dict.fromkeys(places))

    def possible(self, option: Option) -> list[tuple[str, Expression | None]]:
        """All who could select an option, the nearest first, then what can be asked for now."""

        near = self.near(option)

        def far(selector: tuple[str, Expression | None]) -> tuple[bool, bool]:
            found = self._table.options.get(selector[0])
            return (selector not in near, found is None or not can_be_asked(found, self._config))

        return sorted(option.selected_by, key=far)

    def near(self, option: Option) -> list[tuple[str, Expression | None]]:
        """Those selectors that are defined beside the option: what it is there for."""
        folders = {_folder(place) for place in option.places}
        return [
            (name, condition)
            for name, condition in option.selected_by
            if name in self._table.options
            and any(_folder(place) in folders for place in self._table.options[name].places)
        ]

    def listed(self, option: Option) -> str:
        """All who could select an option, in words; empty if there is nobody."""
        names = [selector for selector, _ in self.possible(option)]
        if not names:
            return ""
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        verb = "selects" if len(names) == 1 else "select"
        return f"{', '.join(names[:_NAMED])}{more} {verb} it"


def can_be_asked(option: Option, config: Mapping[str, str]) -> bool:
    """Whether an option has a prompt, and the config shows it."""
    return bool(option.prompts) and evaluate(option.visible, config) != "n"


def _folder(place: str) -> str:
    return place.rpartition("/")[0]
