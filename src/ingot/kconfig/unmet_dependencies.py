"""Looks for the way from a resolved config to an option that it does not have as wanted.

The search walks from the option to what it needs, as Kconfig evaluates it (kernel:
Documentation/kbuild/kconfig-language.rst): of `A && B` everything that is not met, of `A || B`
what is the least to ask for. Each step says why the option is not there yet: nobody asked for
it, a fragment asks for the contrary, only others can set it, the toolchain lacks something, the
arch does not have it. The walk goes by the resolved config; what is asked for on the way counts
as given further on.
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
"""Makes drivers compile that the arch cannot use: no way to get one."""
_NAMED = 3
_LONGEST = 12
_ROUNDS = 3
"""How often a way is gone again, since what one option needs may be lost by what another does."""
_LOOKS = 3000
"""How many options one search looks at, so that Kconfig's larger knots end in time."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a search is: the options it came through, and the values with what it asks for."""

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
    """Looks for ways in one resolved config."""

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
        """What the option needs to be there to ask for, as high as `wanted`."""
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
        """The way to all of them; what one asks for is given for the next.

        Where some cannot be had, it does not matter what the others need.
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
        """The way to the one of them that asks for least."""
        ways = []
        for operand in operands:
            way = find(operand, value, walk)
            if way.short:
                return way
            ways.append(way)
        best = min(ways, key=lambda way: way.cost, default=closed())
        return replace(best, never=bool(ways) and all(way.never for way in ways))

    def _any(self, operands: tuple[Expression, ...], want: int, walk: _Walk) -> Remedy:
        """The way to the least of them; its first step names others that would do as well."""
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
        """`A = y` and the like are put as what A has to be; of any other the values are told."""
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
        return closed(f"needs {render(comparison)}", f", which is not so: {values}")

    def _raise(self, name: str, want: int, walk: _Walk) -> Remedy:
        """What gets an option to at least `want`; the first step is the option itself."""
        option = self._table.options.get(name)
        needs = f"needs {name}"
        if option is None:
            return self._absent([name])
        if name == _COMPILE_TEST and name not in self._requests:
            return never(needs, ", which is there to compile things, not to use them")
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
        """The way to an option with a prompt, and who asks for it already, or does not."""
        request, rival = self._requests.get(option.name), self.rival(option)
        if request and level(request.value) >= want:
            text = f"{step.told} though asked for: see {request.place}"
            return Remedy((replace(step, told=text),), given={option.name: request.value})
        way = self._to_prompt(option, want, walk.through(option.name))
        value = "y" if want == 2 or not self._modules else "m"
        way = replace(way, ask={**way.ask, option.name: value})
        if request:
            reason = f"{request.place} asks for {request.value}"
            way = replace(way, drop=(*way.drop, request.place)) if request.value == "n" else way
        elif rival:
            reason = f"its choice takes one member, and {rival.place} asks for {rival.option}"
            way = replace(way, drop=(*way.drop, rival.place))
        else:
            reason = "nobody asked for it" + (f" ({option.places[0]})" if option.places else "")
        return way.behind(replace(step, told=f"{step.told}: {reason}"))

    def _to_prompt(self, option: Option, want: int, walk: _Walk) -> Remedy:
        """A prompt that is there at all is one for `y`, except that of a tristate (symbol.c)."""
        enough = want if option.type == "tristate" and self._modules else 1
        return self._need(option.visible, enough, walk)

    def _to_be_set(self, option: Option, want: int, walk: _Walk) -> Remedy:
        """The best of what selects the option and what it is by default."""
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
        reasons = [f"{place} asks for it" for place in asked]
        if selectors := self._selectors.told(name, wanted, most=1):
            roots = self._selectors.roots(name, wanted)
            told = replace(step, told=step.told + ", and ".join([*reasons, *selectors]))
            return Remedy((told,), drop=(*asked, *roots), given={name: wanted}, open=bool(roots))
        if asked:
            told = replace(step, told=step.told + reasons[0])
            return Remedy((told,), drop=asked, given={name: wanted})
        told = replace(step, told=step.told + "nobody asked for it, that is its default")
        if option and can_be_asked(option, walk.values):
            return Remedy((told,), {name: wanted})
        return Remedy((told,), open=False)

    # Words

    def setters(self, option: Option) -> str:
        """Who could set an option that has no prompt."""
        if listed := self._selectors.listed(option):
            return f"it has no prompt; {listed}"
        if any(value != Constant("n") for value, _ in option.defaults):
            return "it has no prompt, what it depends on decides"
        if option.tests:
            return f"it has no prompt, and {_fails(option)}"
        return f"it has no prompt, and nothing on {self._table.arch} sets it"

    def _fixed(self, value: str, walk: _Walk) -> Remedy:
        """A literal stands in the way: `m`, or what a test of the toolchain came out as."""
        option = self._table.options.get(walk.trail[-1])
        if value == "m":
            return never(f"{walk.trail[-1]} can only be a module")
        if option and option.tests:
            return never("needs what is not there", f": {_fails(option)}")
        return never("needs what this kernel never has")

    def _absent(self, names: list[str]) -> Remedy:
        """Some names are not in the table, any of which would do."""
        needs = f"needs {' or '.join(names[:_NAMED])}" + (" or ..." if len(names) > _NAMED else "")
        for name in names:
            if files := self._table.elsewhere.get(name):
                return never(needs, f", which {self._table.arch} does not have (see {files[0]})")
        return never(needs, ", which no Kconfig file of this kernel defines")

    def rival(self, option: Option) -> OptionRequest | None:
        """Who asked for another member of the option's choice, and has it."""
        for member in option.choice:
            request = self._requests.get(member)
            if member != option.name and self._config.get(member) == "y" and request:
                return request
        return None


def _fails(option: Option) -> str:
    which = "the test" if len(option.tests) == 1 else "one of the tests"
    return f"the builder's toolchain fails {which} {shortened(' and '.join(option.tests))}"


def shortened(text: str, width: int = 80) -> str:
    """The text, or as much of its beginning as has room."""
    return text if len(text) <= width else text[: width - 3] + "..."
