"""Searches for a remedy: what to request so that a resolved config gets an option as requested.

The search walks from the option to what it needs, as Kconfig evaluates it (kernel:
Documentation/kbuild/kconfig-language.rst): for `A && B` everything that is not met, for `A || B`
the smallest request. Each step says why the option is not set: nothing requests it, a fragment
requests the opposite, only other options can set it, the toolchain lacks something, the arch does
not have it. The search uses the values of the resolved config; what it finds to request counts as
set for the rest of the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ingot.kconfig.expression import (
    And,
    Compare,
    Constant,
    Expression,
    Not,
    OptionSymbol,
    Or,
    Tristate,
    evaluate,
    level,
    render,
)
from ingot.kconfig.fragment import OptionRequest
from ingot.kconfig.obstacles import Obstacle, Remedy, closed, never
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.selectors import Selectors, can_be_asked, force

_VALUES: tuple[Tristate, ...] = ("n", "m", "y")
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_COMPILE_TEST = "COMPILE_TEST"
"""Makes drivers compile that the arch cannot use: not a useful remedy."""
_NAMED = 3
_LONGEST = 12
_ROUNDS = 3
"""Rounds of a search: a request for one option can break what another one needs."""
_LOOKS = 3000
"""The most options that one search visits, which limits its time on complex dependencies."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """The state of a search: the options on its path, and the values with its requests."""

    trail: tuple[str, ...]
    values: Mapping[str, str]

    def through(self, name: str) -> _Walk:
        return replace(self, trail=(*self.trail, name))

    def given(self, values: Mapping[str, str]) -> _Walk:
        return replace(self, values={**self.values, **values}) if values else self

    def value(self, name: str) -> str:
        return self.values.get(name, "n")

    def level(self, expression: Expression) -> int:
        return level(evaluate(expression, self.values))


class Search:
    """Searches for remedies in one resolved config."""

    def __init__(
        self, config: Mapping[str, str], table: OptionTable, requests: Mapping[str, OptionRequest]
    ) -> None:
        self._config = config
        self._table = table
        self._requests = requests
        self._selectors = Selectors(config, table, requests)
        self._modules = config.get("MODULES") == "y"
        self._left = 0

    def to_prompt(self, option: Option, wanted: str) -> Remedy:
        """What makes the option's prompt visible, so that `wanted` can be requested."""
        walk = self._start(option)
        way = Remedy()
        for _ in range(_ROUNDS):
            then = walk.given({**way.given, **way.ask})
            more = self._to_prompt(option, level(wanted), then)
            if not more.steps:
                return way
            way += more
            if not way.open:
                break
        return replace(way, open=False)

    def to_dependency(self, option: Option) -> Remedy:
        """What meets the dependency of an option, whether its prompt is visible or not."""
        return self._need(option.depends, 1, self._start(option))

    def to_be_set(self, option: Option, wanted: str) -> Remedy:
        """What would set an option that has no prompt."""
        return self._to_be_set(option, level(wanted), self._start(option))

    def to_default(self, option: Option, wanted: str) -> Remedy:
        """What would make `wanted` the default of a number or text without a prompt."""
        walk = self._start(option)
        conditions = [each for value, each in option.defaults if value == Constant(wanted)]
        return self._best(conditions, 1, walk, self._need)

    def _start(self, option: Option) -> _Walk:
        self._left = _LOOKS
        return _Walk((option.name,), self._config)

    # Up: an expression has to be at least `want`

    def _need(self, expression: Expression | None, want: int, walk: _Walk) -> Remedy:
        if expression is None or walk.level(expression) >= want:
            return Remedy()
        match expression:
            case OptionSymbol(name):
                return self._raise(name, want, walk)
            case Not(operand):
                return self._need_at_most(operand, 2 - want, walk)
            case And(operands):
                return self._all(operands, want, walk, self._need)
            case Or(operands):
                return self._any(operands, want, walk)
            case Compare():
                return self._need_comparison(expression, walk)
            case Constant(value):
                return self._fixed(value, walk)

    def _need_at_most(self, expression: Expression | None, most: int, walk: _Walk) -> Remedy:
        if expression is None or walk.level(expression) <= most:
            return Remedy()
        match expression:
            case OptionSymbol(name):
                return self._lower(name, most, walk)
            case Not(operand):
                return self._need(operand, 2 - most, walk)
            case And(operands):
                return self._best(operands, most, walk, self._need_at_most)
            case Or(operands):
                return self._all(operands, most, walk, self._need_at_most)
            case Compare(operator, left, right):
                return self._need_comparison(Compare(_OPPOSITE[operator], left, right), walk)
            case Constant(value):
                return self._fixed(value, walk)

    @staticmethod
    def _all(
        operands: Iterable[Expression],
        value: int,
        walk: _Walk,
        find: Callable[[Expression, int, _Walk], Remedy],
    ) -> Remedy:
        """The remedy for all of them; what one requests is set for the next.

        If some cannot be met, the needs of the others are left out.
        """
        total, blocked = Remedy(), Remedy()
        for operand in operands:
            way = find(operand, value, walk.given({**total.ask, **total.given}))
            total += way
            blocked += Remedy() if way.open else way
        return total if total.open else blocked

    @staticmethod
    def _best(
        operands: Iterable[Expression | None],
        value: int,
        walk: _Walk,
        find: Callable[[Expression | None, int, _Walk], Remedy],
    ) -> Remedy:
        """The remedy for the one of them that requests the least."""
        ways = []
        for operand in operands:
            way = find(operand, value, walk)
            if way.short:
                return way
            ways.append(way)
        best = min(ways, key=lambda way: way.cost, default=closed())
        return replace(best, never=bool(ways) and all(way.never for way in ways))

    def _any(self, operands: tuple[Expression, ...], want: int, walk: _Walk) -> Remedy:
        """The smallest remedy for one of them; its first step names alternatives."""
        symbols = [operand.name for operand in operands if isinstance(operand, OptionSymbol)]
        absent = [name for name in symbols if name not in self._table.options]
        if len(absent) == len([each for each in operands if each != OptionSymbol(_COMPILE_TEST)]):
            return self._absent(absent)
        names = [name for name in symbols if self._at_hand(name, walk)]
        at_hand = [OptionSymbol(name) for name in names]
        others = [operand for operand in operands if operand not in at_hand]
        way = self._best([*at_hand, *others], want, walk, self._need)
        if not names or not way.ask or (last := list(way.ask)[-1]) not in names:
            return way
        names.remove(last)
        return way.beside(" or ".join(names[:_NAMED])) if names else way

    def _at_hand(self, name: str, walk: _Walk) -> bool:
        option = self._table.options.get(name)
        return option is not None and can_be_asked(option, walk.values)

    def _need_comparison(self, comparison: Compare, walk: _Walk) -> Remedy:
        """`A = y` and the like become a need for A; for other comparisons the values are shown."""
        match comparison:
            case Compare("=", OptionSymbol(name), Constant(value)) if value in _VALUES:
                up = walk.level(OptionSymbol(name)) < level(value)
                return (self._raise if up else self._lower)(name, level(value), walk)
            case Compare("!=", OptionSymbol(name), Constant("n")):
                return self._raise(name, 1, walk)
            case Compare("!=", OptionSymbol(name), Constant("y")):
                return self._lower(name, 1, walk)
            case Compare("!=", OptionSymbol(name), Constant("m")):
                return self._raise(name, 2, walk)
        sides = (comparison.left, comparison.right)
        names = [side.name for side in sides if isinstance(side, OptionSymbol)]
        values = ", ".join(f"{name} is {walk.values.get(name, 'not set')}" for name in names)
        return closed(f"needs {render(comparison)}", f", which is not met: {values}")

    def _raise(self, name: str, want: int, walk: _Walk) -> Remedy:
        """What sets an option to at least `want`; the first step is the option itself."""
        option = self._table.options.get(name)
        needs = f"needs {name}"
        if option is None:
            return self._absent([name])
        if name == _COMPILE_TEST and name not in self._requests:
            return never(needs, ", which is only for compile tests")
        value = f", which is {walk.value(name)}"
        if name in walk.trail or len(walk.trail) > _LONGEST or self._left <= 0:
            return closed(needs, value)
        self._left -= 1
        want = want if option.type == "tristate" else 2
        if option.prompts:
            return self._raise_by_asking(option, want, walk, Obstacle(0, needs, value))
        way = self._to_be_set(option, want, walk.through(name))
        if not way.open and option.tests:
            return never(needs, f"{value}: {_fails(option)}")
        way = replace(way, given={**way.given, name: _VALUES[want]})
        return way.behind(Obstacle(0, needs, f"{value}: {self.setters(option)}"))

    def _raise_by_asking(self, option: Option, want: int, walk: _Walk, step: Obstacle) -> Remedy:
        """The remedy for an option with a prompt, and the line that requests it, if any."""
        request, rival = self._requests.get(option.name), self.rival(option)
        if request and level(request.value) >= want:
            text = f"{step.state} although requested: see {request.place}"
            return Remedy((replace(step, state=text),), given={option.name: request.value})
        way = self._to_prompt(option, want, walk.through(option.name))
        value = "y" if want == 2 or not self._modules else "m"
        way = replace(way, ask={**way.ask, option.name: value})
        if request:
            reason = f"{request.place} requests {request.value}"
            way = replace(way, drop=(*way.drop, request.place)) if request.value == "n" else way
        elif rival:
            reason = f"its choice allows one member, and {rival.place} requests {rival.option}"
            way = replace(way, drop=(*way.drop, rival.place))
        else:
            reason = "nothing requests it" + (f" ({option.places[0]})" if option.places else "")
        return way.behind(replace(step, state=f"{step.state}: {reason}"))

    def _to_prompt(self, option: Option, want: int, walk: _Walk) -> Remedy:
        """A visible prompt allows `y`, except that of a tristate (symbol.c)."""
        enough = want if option.type == "tristate" and self._modules else 1
        return self._need(option.visible, enough, walk)

    def _to_be_set(self, option: Option, want: int, walk: _Walk) -> Remedy:
        """The best of the option's selectors and its defaults."""
        near = [force(name, condition) for name, condition in self._selectors.near(option)]
        if near and (way := self._best(near, want, walk, self._need)).open and not way.drop:
            return way
        wanted = [force(name, condition) for name, condition in self._selectors.possible(option)]
        for value, condition in option.defaults:
            if value != Constant("n"):
                parts = (value, condition, option.depends)
                wanted.append(And(tuple(part for part in parts if part is not None)))
        return self._best(wanted, want, walk, self._need) if wanted else never()

    # Down: an option has to be at most `most`

    def _lower(self, name: str, most: int, walk: _Walk) -> Remedy:
        option = self._table.options.get(name)
        wanted = _VALUES[most if option is None or option.type == "tristate" else 0]
        needs = f"needs {name} to be {'m or n' if wanted == 'm' else wanted}"
        step = Obstacle(0, needs, f", which is {walk.value(name)}: ")
        request = self._requests.get(name)
        asked = (request.place,) if request and level(request.value) > level(wanted) else ()
        reasons = [f"{place} requests it" for place in asked]
        if selectors := self._selectors.explained(name, wanted, most=1):
            roots = self._selectors.roots(name, wanted)
            found = replace(step, state=step.state + ", and ".join([*reasons, *selectors]))
            return Remedy((found,), drop=(*asked, *roots), given={name: wanted}, open=bool(roots))
        if asked:
            found = replace(step, state=step.state + reasons[0])
            return Remedy((found,), drop=asked, given={name: wanted})
        found = replace(step, state=step.state + "nothing requests it, it is on by default")
        if option and can_be_asked(option, walk.values):
            return Remedy((found,), {name: wanted})
        return Remedy((found,), open=False)

    # Texts

    def setters(self, option: Option) -> str:
        """Describes what could set an option that has no prompt."""
        if listed := self._selectors.listed(option):
            return f"it has no prompt; {listed}"
        if any(value != Constant("n") for value, _ in option.defaults):
            return "it has no prompt, its defaults depend on other options"
        if option.tests:
            return f"it has no prompt, and {_fails(option)}"
        return f"it has no prompt, and nothing on {self._table.arch} sets it"

    def _fixed(self, value: str, walk: _Walk) -> Remedy:
        """A literal cannot be changed: `m`, or the result of a toolchain test."""
        option = self._table.options.get(walk.trail[-1])
        if value == "m":
            return never(f"{walk.trail[-1]} can only be a module")
        if option and option.tests:
            return never("cannot be set", f": {_fails(option)}")
        return never("needs a condition that this kernel never meets")

    def _absent(self, names: list[str]) -> Remedy:
        """The names are not in the table; any of them would meet the need."""
        needs = f"needs {' or '.join(names[:_NAMED])}" + (" or ..." if len(names) > _NAMED else "")
        for name in names:
            if files := self._table.elsewhere.get(name):
                return never(needs, f", which {self._table.arch} does not have (see {files[0]})")
        return never(needs, ", which no Kconfig file of this kernel defines")

    def rival(self, option: Option) -> OptionRequest | None:
        """The effective request for another member of the option's choice, if there is one."""
        for member in option.choice:
            request = self._requests.get(member)
            if member != option.name and self._config.get(member) == "y" and request:
                return request
        return None


def _fails(option: Option) -> str:
    which = "the test" if len(option.tests) == 1 else "one of the tests"
    return f"the builder's toolchain fails {which} {shortened(' and '.join(option.tests))}"


def shortened(text: str, width: int = 80) -> str:
    """The text, cut to `width` characters."""
    return text if len(text) <= width else text[: width - 3] + "..."
