"""What stands between an option and the value somebody wants it to have, and what would help.

A `Way` is found by walking from the option to what it needs, as Kconfig evaluates it (kernel:
Documentation/kbuild/kconfig-language.rst): of `A && B` everything that is not met, of `A || B`
what is the least to ask for. Each step says why the option is not there yet: nobody asked for
it, a fragment asks for the contrary, only others can set it, the toolchain lacks something, the
arch does not have it. The walk goes by the resolved config; what is asked for on the way counts
as given further on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from ingot.kconfig.expression import (
    And,
    Compare,
    Constant,
    Expression,
    Not,
    Or,
    Symbol,
    evaluate,
    level,
    render,
)
from ingot.kconfig.fragment import Place, Request
from ingot.kconfig.options import Option, OptionTable

_VALUES = ("n", "m", "y")
_LONGEST = 12
_NAMED = 3
_LOOKS = 3000
"""How many options one search looks at, so that Kconfig's larger knots end in time."""

_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is not as it has to be; `depth` counts from what is needed first hand."""

    depth: int
    text: str

    def __str__(self) -> str:
        return "    " * self.depth + self.text


@dataclass(frozen=True, slots=True)
class Way:
    """What is not met, and what would meet it.

    `ask` is what to ask for as well, in the order of need; `drop` the lines that ask for the
    contrary; `due` what is asked for already and has findings of its own. One that is not
    `open` leads nowhere; if it is `never`, nothing that a fragment can say would do.
    """

    steps: tuple[Step, ...] = ()
    ask: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[Place, ...] = ()
    due: Mapping[str, str] = field(default_factory=dict)
    open: bool = True
    never: bool = False

    def __add__(self, other: Way) -> Way:
        return Way(
            (*self.steps, *other.steps),
            {**self.ask, **other.ask},
            tuple(dict.fromkeys((*self.drop, *other.drop))),
            {**self.due, **other.due},
            self.open and other.open,
            self.never or other.never,
        )

    @property
    def cost(self) -> tuple[bool, int, int, int]:
        """What makes another way the better one: this sorts first if it asks for less."""
        return (not self.open, len(self.drop), len(self.ask), len(self.steps))

    def behind(self, text: str) -> Way:
        """This way as what a first step needs in turn."""
        deeper = (replace(step, depth=step.depth + 1) for step in self.steps)
        return replace(self, steps=(Step(0, text), *deeper))


class Search:
    """Looks for ways in one resolved config."""

    def __init__(
        self,
        config: Mapping[str, str],
        table: OptionTable,
        requests: Mapping[str, Request],
    ) -> None:
        self._config = config
        self._table = table
        self._requests = requests
        self._left = _LOOKS
        self._modules = config.get("MODULES") == "y"

    def to_prompt(self, option: Option, wanted: str) -> Way:
        """What the option needs to be there to ask for, as high as `wanted`."""
        self._left = _LOOKS
        return self._to_prompt(option, level(wanted), _Walk((option.name,), self._config))

    def to_be_set(self, option: Option, wanted: str) -> Way:
        """What would set an option that has no prompt."""
        self._left = _LOOKS
        return self._to_be_set(option, level(wanted), _Walk((option.name,), self._config))

    # Up: an expression has to be at least `want`

    def _need(self, expression: Expression | None, want: int, walk: _Walk) -> Way:
        if expression is None or self._level(expression, walk) >= want:
            return Way()
        match expression:
            case Symbol(name):
                return self._raise(name, want, walk)
            case Not(operand):
                return self._need_at_most(operand, 2 - want, walk)
            case And(operands):
                return self._all(operands, want, walk, self._need)
            case Or(operands):
                return self._any([self._need(operand, want, walk) for operand in operands])
            case Compare():
                return self._need_comparison(expression, walk)
            case Constant(value):
                return _never(self._fixed(value, walk))

    def _need_at_most(self, expression: Expression, most: int, walk: _Walk) -> Way:
        if self._level(expression, walk) <= most:
            return Way()
        match expression:
            case Symbol(name):
                return self._lower(name, most, walk)
            case Not(operand):
                return self._need(operand, 2 - most, walk)
            case Or(operands):
                return self._all(operands, most, walk, self._need_at_most)
            case And(operands):
                return self._any([self._need_at_most(operand, most, walk) for operand in operands])
            case Compare(operator, left, right):
                return self._need_comparison(Compare(_OPPOSITE[operator], left, right), walk)
            case Constant(value):
                return _never(self._fixed(value, walk))

    @staticmethod
    def _all(
        operands: Iterable[Expression],
        value: int,
        walk: _Walk,
        find: Callable[[Expression, int, _Walk], Way],
    ) -> Way:
        """The way to all of them; what one asks for is given for the next.

        Where some cannot be had, it does not matter what the others need.
        """
        total, blocked = Way(), Way()
        for operand in operands:
            way = find(operand, value, walk.given({**total.ask, **total.due}))
            total += way
            blocked += way if not way.open else Way()
        return total if total.open else blocked

    def _any(self, ways: list[Way]) -> Way:
        """The cheapest way; its first step names the others that would do as well."""
        best = min(ways, key=lambda way: way.cost)
        asked = [list(way.ask)[-1] for way in ways if way.open and way.ask and way is not best]
        names = list(dict.fromkeys(asked))[:_NAMED]
        if not names or not best.steps or not best.ask:
            return best
        first, *rest = best.steps
        last = list(best.ask)[-1]
        text = first.text.replace(f"needs {last},", f"needs {last} (or {' or '.join(names)}),", 1)
        return replace(best, steps=(replace(first, text=text), *rest))

    def _need_comparison(self, comparison: Compare, walk: _Walk) -> Way:
        """`A = y` and the like are put as what A has to be; of any other the values are told."""
        match comparison:
            case Compare("=", Symbol(name), Constant(value)) if value in _VALUES:
                wanted = level(value)
                up = self._level(Symbol(name), walk) < wanted
                return (self._raise if up else self._lower)(name, wanted, walk)
            case Compare("!=", Symbol(name), Constant("n")):
                return self._raise(name, 1, walk)
            case Compare("!=", Symbol(name), Constant("y")):
                return self._lower(name, 1, walk)
            case Compare("!=", Symbol(name), Constant("m")):
                return self._raise(name, 2, walk)
        text = f"needs {render(comparison)}, which is not so: "
        values = (
            f"{side.name} is {self._value(side.name, walk) or 'not set'}"
            for side in (comparison.left, comparison.right)
            if isinstance(side, Symbol)
        )
        return _never(text + ", ".join(values))

    def _raise(self, name: str, want: int, walk: _Walk) -> Way:
        """What gets an option to at least `want`; the first step is the option itself."""
        option = self._table.options.get(name)
        if option is None:
            return _never(f"needs {name}, {self._absent(name)}")
        if name in walk.trail or len(walk.trail) > _LONGEST or self._left <= 0:
            return Way((Step(0, f"needs {name}, which is {self._value(name, walk)}"),), open=False)
        self._left -= 1
        if option.type == "bool":
            want = 2
        needs = f"needs {name}, which is {self._value(name, walk)}"
        if not option.prompts:
            way = self._to_be_set(option, want, walk.through(name))
            told = f"{needs}: {self.setters(option, way)}"
            return replace(way, steps=()).behind(told) if self._untold(option, way) else way.behind(told)
        way = self._to_prompt(option, want, walk.through(name))
        return self._with_request(option, want, way, needs)

    def _with_request(self, option: Option, want: int, way: Way, needs: str) -> Way:
        """The way to an option with a prompt, and who asks for it already, or does not."""
        wanted = "y" if want == 2 or not self._modules else "m"
        asking = replace(way, ask={**way.ask, option.name: wanted})
        request = self._requests.get(option.name)
        rival = self.rival(option)
        if request is None and rival:
            text = f"{needs}: its choice takes one, and {rival.place} asks for {rival.option}"
            return replace(asking, drop=(*way.drop, rival.place)).behind(text)
        if request is None:
            return asking.behind(f"{needs}: nobody asked for it{_at(option)}")
        if level(request.value) < want:
            text = f"{needs}: {request.place} asks for {request.value}"
            drop = (*way.drop, request.place) if request.value == "n" else way.drop
            return replace(asking, drop=drop).behind(text)
        text = f"{needs} though asked for: see {request.place}"
        return Way((Step(0, text),), due={option.name: request.value})

    def _to_prompt(self, option: Option, want: int, walk: _Walk) -> Way:
        """A prompt that is there at all is one for `y`, except that of a tristate (symbol.c)."""
        enough = want if option.type == "tristate" and self._modules else 1
        return self._need(option.visible, enough, walk)

    def _to_be_set(self, option: Option, want: int, walk: _Walk) -> Way:
        """The cheapest of what selects the option and what it is by default."""
        if len(walk.trail) > _LONGEST:
            return Way(open=False)
        wanted = [_both(Symbol(name), condition) for name, condition in self._handy(option)]
        wanted += [
            _both(_both(value, condition), option.depends)
            for value, condition in option.defaults
            if not isinstance(value, Constant) or value.value == "y"
        ]
        ways = [self._need(each, want, walk) for each in wanted]
        return min(ways, key=lambda way: way.cost, default=Way(open=False))

    def _handy(self, option: Option) -> list[tuple[str, Expression | None]]:
        """The selectors of an option, those first that could be asked for as things are."""

        def far(selector: tuple[str, Expression | None]) -> bool:
            found = self._table.options.get(selector[0])
            return not (found and found.prompts and evaluate(found.visible, self._config) != "n")

        return sorted(option.selected_by, key=far)

    # Down: an option has to be at most `most`

    def _lower(self, name: str, most: int, walk: _Walk) -> Way:
        needs = f"needs {name} to be {_VALUES[most]}, which is {self._value(name, walk)}"
        request = self._requests.get(name)
        if request and level(request.value) > most:
            text = f"{needs}: {request.place} asks for it"
            return Way((Step(0, text),), drop=(request.place,))
        if selectors := self.selectors(name, _VALUES[most]):
            drop = self._roots(name, _VALUES[most], (name,))
            return Way((Step(0, f"{needs}: {'; '.join(selectors)}"),), drop=drop, open=bool(drop))
        option = self._table.options.get(name)
        if option is None or not option.prompts or evaluate(option.visible, walk.values) == "n":
            return Way((Step(0, f"{needs} by default"),), open=False)
        return Way((Step(0, f"{needs} by default"),), {name: _VALUES[most]})

    # Words

    def selectors(self, name: str, above: str = "n") -> list[str]:
        """Who selects an option to more than `above`, and who asks for these; empty if none."""
        found = self._selecting(name, above)
        told = [self._told(selector, (name,)) for selector in islice(found, _NAMED)]
        return [*told, f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else told

    def _selecting(self, name: str, above: str) -> list[str]:
        option = self._table.options.get(name)
        found = [
            selector
            for selector, condition in (option.selected_by if option else ())
            if level(evaluate(_both(Symbol(selector), condition), self._config)) > level(above)
        ]
        return sorted(found, key=lambda selector: selector not in self._requests)

    def _roots(self, name: str, above: str, trail: tuple[str, ...]) -> tuple[Place, ...]:
        """The lines without which nobody would select an option; empty if there are others."""
        places: list[Place] = []
        for selector in self._selecting(name, above):
            request = self._requests.get(selector)
            found: tuple[Place, ...] = (request.place,) if request else ()
            if not found and selector not in trail and len(trail) < _LONGEST:
                found = self._roots(selector, "n", (*trail, selector))
            if not found:
                return ()
            places += found
        return tuple(dict.fromkeys(places))

    def _told(self, selector: str, trail: tuple[str, ...]) -> str:
        """A selector, followed back to somebody who asked."""
        text = f"{selector} selects it" if len(trail) == 1 else f"which {selector} selects"
        if request := self._requests.get(selector):
            return f"{text} ({request.place})"
        above = [name for name in self._selecting(selector, "n") if name not in trail]
        if above and len(trail) < 4:
            return f"{text}, {self._told(above[0], (*trail, selector))}"
        return f"{text} (on by default)"

    def setters(self, option: Option, way: Way) -> str:
        """Who can set an option that has no prompt; `way` is what was found to set it."""
        if option.tests and not way.open:
            which = "the test" if len(option.tests) == 1 else "one of the tests"
            return f"the builder's toolchain fails {which} {shortened(' and '.join(option.tests))}"
        names = [selector for selector, _ in self._handy(option)]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            verb = "selects" if len(names) == 1 else "select"
            return f"it has no prompt; {', '.join(names[:_NAMED])}{more} {verb} it"
        if any(value != Constant("n") for value, _ in option.defaults):
            return "it has no prompt; what it depends on decides"
        return f"it has no prompt, and nothing on {self._table.arch} sets it"

    @staticmethod
    def _untold(option: Option, way: Way) -> bool:
        """Whether the words on an option's setters say it all."""
        return not way.open and bool(option.tests)

    def _fixed(self, value: str, walk: _Walk) -> str:
        """Why a literal stands in the way: `m`, or what a test of the toolchain came out as."""
        option = self._table.options.get(walk.trail[-1])
        if value == "m":
            return "can only be a module"
        if option and option.tests:
            return f"needs what the builder's toolchain lacks: {shortened(option.tests[0])}"
        return "needs what this kernel does not have"

    def _absent(self, name: str) -> str:
        """Why a name is not in the table."""
        files = self._table.elsewhere.get(name)
        if files is None:
            return "which no Kconfig file of this kernel defines"
        return f"which {self._table.arch} does not have (see {files[0]})"

    def rival(self, option: Option) -> Request | None:
        """Who asked for another member of the option's choice, and has it."""
        for member in option.choice:
            request = self._requests.get(member)
            if member != option.name and self._config.get(member) == "y" and request:
                return request
        return None

    @staticmethod
    def _value(name: str, walk: _Walk) -> str:
        return walk.values.get(name, "n")

    @staticmethod
    def _level(expression: Expression, walk: _Walk) -> int:
        return level(evaluate(expression, walk.values))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a search is: the options it came through, and the values with what it asks for."""

    trail: tuple[str, ...]
    values: Mapping[str, str]

    def through(self, name: str) -> _Walk:
        return replace(self, trail=(*self.trail, name))

    def given(self, values: Mapping[str, str]) -> _Walk:
        return replace(self, values={**self.values, **values}) if values else self


def _both(a: Expression | None, b: Expression | None) -> Expression:
    given = [each for each in (a, b) if each is not None]
    return And(tuple(given)) if len(given) == 2 else given[0] if given else Constant("y")


def _at(option: Option) -> str:
    return f" ({option.places[0]})" if option.places else ""


def shortened(text: str, width: int = 70) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
