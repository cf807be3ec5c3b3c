"""Explains why an option does not have its requested value, and what would change that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from ingot.kconfig.expression import Constant, Tristate, evaluate, level, render, symbols
from ingot.kconfig.fragment import FragmentLine, OptionRequest
from ingot.kconfig.obstacles import Obstacle, Remedy
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.other_series import OtherSeries
from ingot.kconfig.selectors import Selectors, can_be_asked
from ingot.kconfig.similar_names import similar
from ingot.kconfig.unmet_dependencies import Search, shortened
from ingot.kconfig.values import broken_range

_STEPS = 12
_DEAD_ENDS = 5
_NO_REQUEST = OptionRequest("", "m", FragmentLine("", 0))
_ARCHES = {"x86": "x86_64", "arm64": "arm64"}


class Causes:
    """Explains single requests against one resolved config.

    `series` is only used in texts; `others` is what is known about options in other series.
    """

    def __init__(
        self,
        config: Mapping[str, str],
        table: OptionTable,
        requests: Mapping[str, OptionRequest],
        series: str,
        others: OtherSeries | None = None,
    ) -> None:
        self._config = config
        self._table = table
        self._requests = requests
        self._series = series
        self._others = others
        self._search = Search(config, table, requests)
        self._selectors = Selectors(config, table, requests)

    def of_unknown(self, request: OptionRequest) -> tuple[str, ...]:
        """Why an option is not in the table: of another arch, renamed, misspelt or unknown."""
        advice = self.instead_of(request.option)
        if files := self._table.elsewhere.get(request.option):
            known = {
                _ARCHES[directory] for directory in _directories(files) if directory in _ARCHES
            }
            bound = f"limit the line: '# on {known.pop()}'" if len(known) == 1 else "drop the line"
            return (*advice, bound)
        return (
            f"{self._series} has no such option",
            *advice,
            *(self._others.advice(request, self._table) if self._others else ("drop the line",)),
        )

    def instead_of(self, name: str) -> tuple[str, ...]:
        """Advice for a name that is not in the table: the arches that have it, or similar names."""
        if files := self._table.elsewhere.get(name):
            directories = _directories(files)
            has = "has" if len(directories) == 1 else "have"
            arches = f"only {_list(directories[:4])} {has} it, not"
            return (f"{arches if directories else 'not for'} {self._table.arch} ({files[0]})",)
        names = similar(name, [*self._askable, *self._table.elsewhere])
        return (f"did you mean {' or '.join(map(self._labelled, names))}?",) if names else ()

    def _labelled(self, name: str) -> str:
        """A name, with its arches if it is only of others."""
        directories = _directories(self._table.elsewhere.get(name, ()))
        return f"{name} (of {_list(directories[:4])})" if directories else name

    def of(self, request: OptionRequest, option: Option, got: str) -> tuple[str, ...]:
        """Why a known option does not have the requested value, which its type allows."""
        if option.type not in ("bool", "tristate"):
            return tuple(self._of_text(request, option))
        if level(got) > level(request.value):
            return tuple(self._of_too_much(request, option, got))
        return tuple(self._of_too_little(request, option, got))

    def root(
        self, request: OptionRequest, option: Option, got: str, trail: tuple[str, ...] = ()
    ) -> str:
        """The line, or the missing option, behind `of`; empty if there is not a single one."""
        modules = self._requests.get("MODULES")
        if (request.value, got) == ("m", "y") and self._config.get("MODULES") != "y":
            return str(modules.place) if modules else "MODULES"
        if level(got) > level(request.value) or not option.prompts:
            return ""
        way = self._search.to_prompt(option, request.value)
        for name, value in way.given.items():
            asked, known = self._requests.get(name), self._table.options.get(name)
            is_off = asked and known and self._config.get(name, "n") != value
            if is_off and name not in trail and len(trail) < _STEPS:
                assert asked and known
                off = self._config.get(name, "n")
                return self.root(asked, known, off, (*trail, option.name)) or name
        return str(way.drop[0]) if way.drop else next(iter(way.ask), "")

    def of_off(self, option: Option) -> tuple[str, ...]:
        """Why an option is off, requested or not."""
        request = self._requests.get(option.name)
        if request and request.value == "n":
            return ()
        if request is None and can_be_asked(option, self._config):
            return ("nothing requests it",)
        if option.type in ("bool", "tristate"):
            wanted = replace(request or _NO_REQUEST, option=option.name)
            lines = self._of_too_little(wanted, option, "n")
        else:
            lines = _lines(self._search.to_prompt(option, "y"), "would do it")
        return tuple(lines)

    # Requested on, but off, or only a module

    def _of_too_little(self, request: OptionRequest, option: Option, got: str) -> list[str]:
        if option.transitional:
            return [f"it is an old name, kept for old configs: {self._replacing(option.name)}"]
        if not option.prompts:
            way = self._search.to_be_set(option, request.value)
            cannot = f"it cannot be requested: {self._search.setters(option)}"
            lines = _lines(way, f"would set it to {request.value}")
            return [cannot, *(lines[-1:] if len(way.steps) == 1 else lines)]
        if rival := self._search.rival(option):
            return [
                f"its choice allows one member, and {rival.place} requests {rival.option}",
                "drop one of the two lines",
            ]
        way = self._search.to_prompt(option, request.value)
        as_module = f"request CONFIG_{option.name}=m"
        if way.never and request.value == "y" and option.type == "tristate":
            module = self._search.to_prompt(option, "m")
            if not module.never:
                return [*map(str, way.steps), as_module, *_lines(module, "would then do it")]
        lines = _lines(way, "would do it")
        if (request.value, got) == ("y", "m"):
            lines.append(f"or {as_module}")
        lines += self._override_too(request, way)
        return lines or [self._without_cause(option)]

    def _override_too(self, request: OptionRequest, way: Remedy) -> list[str]:
        """How a fragment that overrides a line also overrides this one, which depends on it."""
        fragment = request.place.fragment
        for each in self._requests.values():
            if each.replaced and each.place in way.drop and each.place.fragment != fragment:
                name = fragment.removesuffix(".config")
                line = f"CONFIG_{request.option}=n  # instead of {name}"
                return [f"or override this line as well: write '{line}' in {each.place.fragment}"]
        return []

    def _replacing(self, name: str) -> str:
        heirs = [
            option.name
            for option in self._table.options.values()
            if any(name in symbols(value) for value, _ in option.defaults)
        ]
        return f"request {' or '.join(f'CONFIG_{heir}' for heir in heirs)}" if heirs else "drop it"

    def _without_cause(self, option: Option) -> str:
        """The text if all that the option needs is met."""
        for member in option.choice:
            if member != option.name and self._config.get(member) == "y":
                return f"its choice allows one member, and that is {member}"
        needs = f": {render(option.visible, self._config)}" if option.visible else ""
        return f"Kconfig did not set it, although its needs are met{shortened(needs, 200)}"

    # Requested off, or a module, but more

    def _of_too_much(self, request: OptionRequest, option: Option, got: str) -> list[str]:
        above: Tristate = "m" if request.value == "m" else "n"
        if selectors := self._selectors.explained(option.name, above):
            roots = _list(
                (str(place) for place in self._selectors.roots(option.name, above)), "and"
            )
            return [*selectors, "drop this line" + (f", or {roots}" if roots else "")]
        if request.value == "m" and self._config.get("MODULES") != "y":
            asked = self._requests.get("MODULES")
            reason = f"{asked.place} requests that" if asked else "nothing requests it"
            return [
                f"it cannot be a module, since MODULES is n: {reason}",
                "CONFIG_MODULES=y would do it, or y instead of m here; a flavor with"
                " `monolithic = true` builds in what its fragments request as modules",
            ]
        if option.choice:
            others = [name for name in option.choice if name != option.name]
            return [
                f"a choice needs one member: request another, such as {_list(others[:3], 'or')}"
            ]
        default = self.default(option)
        default = f": {default}" if default else ""
        if not option.prompts:
            return [f"it has no prompt, and is {got} by default{default}", "drop the line"]
        way = self._search.to_prompt(option, "y")
        if not way.steps:
            return [self._without_cause(option)]
        return [
            f"it is {got} by default{default}, and can only be changed if its prompt is visible",
            *_lines(way, "would show it"),
        ]

    def default(self, option: Option) -> str:
        """The default that set an option; empty if it is a plain `y`."""
        for value, condition in option.defaults:
            if evaluate(condition, self._config) != "n":
                if value == Constant("y") and condition is None:
                    return ""
                text = f"default {render(value)}"
                return shortened(text + (f" if {render(condition)}" if condition else ""), 100)
        return ""

    # Numbers and text

    def _of_text(self, request: OptionRequest, option: Option) -> list[str]:
        if request.value == "n":
            return [
                f"it needs a value ({option.type}) and cannot be off: set one, or drop the line"
            ]
        if not option.prompts:
            way = self._search.to_default(option, request.value.strip('"'))
            cannot = "it cannot be requested: it has no prompt, its defaults set it"
            lines = _lines(way, f"would set it to {request.value}") or ["drop the line"]
            return [cannot, *(lines if way.drop else lines[-1:])]
        if option.type != "string" and (words := broken_range(request.value, option, self._config)):
            return [words]
        way = self._search.to_prompt(option, "y")
        return _lines(way, "would do it") or [self._without_cause(option)]

    @cached_property
    def _askable(self) -> list[str]:
        """The options that have a prompt; parsing all of them takes less than a second."""
        return [option.name for option in self._table.options.values() if option.prompts]


def _directories(files: Iterable[str]) -> list[str]:
    """The directories below arch/ of Kconfig files."""
    return sorted({file.split("/")[1] for file in files if file.startswith("arch/")})


def _lines(way: Remedy, would: str) -> list[str]:
    """The steps of a remedy as lines, and the advice."""
    lines = [str(step) for step in _distinct(way.steps)]
    most = _DEAD_ENDS if way.never else _STEPS
    if len(lines) > most:
        lines = [*lines[:most], f"... and {len(lines) - most} more"]
    if not lines:
        return []
    advice = _advice(way, would)
    return [*lines, advice] if advice else lines


def _distinct(steps: Iterable[Obstacle]) -> Iterable[Obstacle]:
    """Each step once, even if several others need it."""
    first: dict[tuple[str, str], Obstacle] = {}
    for step in steps:
        first.setdefault((step.subject, step.state), step)
    return first.values()


def _advice(way: Remedy, would: str) -> str:
    """What to request or drop; empty if the remedy does not help."""
    if way.never:
        return (
            "no fragment can change that: drop the line, or limit it to series and arches that can"
        )
    if not way.open or not (way.ask or way.drop):
        return ""
    asked = _list(f"CONFIG_{option}={value}" for option, value in way.ask.items())
    dropped = _list(str(place) for place in way.drop)
    if not way.drop:
        return f"{asked} {'together ' if len(way.ask) > 1 else ''}{would}"
    if not way.ask:
        return f"drop {dropped}, or this line"
    return f"drop {dropped}; then {asked} {would}"


def _list(items: Iterable[str], word: str = "and") -> str:
    *most, last = [*items] or [""]
    return f"{', '.join(most)} {word} {last}" if most else last
