"""Kconfig's expressions: parsed, evaluated with a config, and rendered as text.

Grammar and the three values are those of the kernel's Documentation/kbuild/kconfig-language.rst,
"Menu dependencies": `n` < `m` < `y`, `!A` is 2-A, `A && B` the smaller, `A || B` the larger,
and a comparison is `y` or `n`. A name that a config lacks is `n`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ingot.errors import UserError

Tristate = Literal["n", "m", "y"]

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[\w.-]+)|\"(?P<text>(?:[^\"\\]|\\.)*)\"|'(?P<quoted>(?:[^'\\]|\\.)*)'"
    r"|(?P<mark>&&|\|\||!=|<=|>=|[!=<>()]))"
)
_DEEPEST = 100
"""The most nested parentheses and negations; kernels have fewer than 20."""
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_ORDER: tuple[Tristate, ...] = ("n", "m", "y")


@dataclass(frozen=True, slots=True)
class OptionSymbol:
    """The value of an option; its name is without `CONFIG_`."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: `y`, `m` or `n`, a number, or text without its quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`, the operator one of = != < <= > >=."""

    operator: str
    left: OptionSymbol | Constant
    right: OptionSymbol | Constant


Expression = OptionSymbol | Constant | Not | And | Or | Compare


@lru_cache(maxsize=65536)
def parse(text: str) -> Expression:
    """Parse an expression; a UserError shows the part that is not valid."""
    return _Parser(text).whole()


class _Parser:
    """Recursive descent over the tokens of one expression, a method per level of binding."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    @contextlib.contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error()
        yield
        self._depth -= 1

    def whole(self) -> Expression:
        result = self._alternatives()
        if self._at < len(self._tokens):
            raise self._error()
        return result

    def _alternatives(self) -> Expression:
        operands = [self._conjunction()]
        while self._take("||"):
            operands.append(self._conjunction())
        return operands[0] if len(operands) == 1 else Or(_flat(Or, operands))

    def _conjunction(self) -> Expression:
        operands = [self._negation()]
        while self._take("&&"):
            operands.append(self._negation())
        return operands[0] if len(operands) == 1 else And(_flat(And, operands))

    def _negation(self) -> Expression:
        if self._take("!"):
            with self._deeper():
                return Not(self._negation())
        if self._take("("):
            with self._deeper():
                inner = self._alternatives()
            if not self._take(")"):
                raise self._error()
            return inner
        left = self._operand()
        for operator in _COMPARISONS:
            if self._take(operator):
                return Compare(operator, left, self._operand())
        return left

    def _operand(self) -> OptionSymbol | Constant:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if not isinstance(token, str):
                self._at += 1
                return token
        raise self._error()

    def _take(self, mark: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == mark:
            self._at += 1
            return True
        return False

    def _error(self) -> UserError:
        return _unreadable(self._text)


def _flat(kind: type[And] | type[Or], operands: list[Expression]) -> tuple[Expression, ...]:
    """Nested operands of the same kind, flattened."""
    flat: list[Expression] = []
    for operand in operands:
        flat += operand.operands if isinstance(operand, kind) else [operand]
    return tuple(flat)


def _tokens(text: str) -> Iterator[str | OptionSymbol | Constant]:
    """The tokens: operators as text, operands as expressions."""
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if not match:
            raise _unreadable(text)
        at = match.end()
        if match["mark"]:
            yield match["mark"]
        elif match["word"] is not None:
            yield _word(match["word"])
        else:
            quoted = match["text"] if match["text"] is not None else match["quoted"]
            yield Constant(re.sub(r"\\(.)", r"\1", quoted))


def _word(word: str) -> OptionSymbol | Constant:
    """`y`, `m`, `n` and numbers are constants; any other bare word names an option."""
    name = word.removeprefix("CONFIG_")
    if word in _ORDER or _number(word) is not None or not re.fullmatch(r"\w+", name):
        return Constant(word)
    return OptionSymbol(name)


def _unreadable(text: str) -> UserError:
    return UserError(
        f"'{text}' is not a Kconfig expression",
        hint='an expression looks like A && (!B || C = "text")',
    )


def evaluate(expression: Expression | None, config: Mapping[str, str]) -> Tristate:
    """The value of an expression, `config` being the options of a `Config`; None is `y`."""
    if expression is None:
        return "y"
    return _ORDER[_level(expression, config)]


def _level(expression: Expression, config: Mapping[str, str]) -> int:
    match expression:
        case OptionSymbol(name):
            return level(config.get(name, "n"))
        case Constant(value):
            return level(value)
        case Not(operand):
            return 2 - _level(operand, config)
        case And(operands):
            return min(_level(operand, config) for operand in operands)
        case Or(operands):
            return max(_level(operand, config) for operand in operands)
        case Compare():
            return 2 if _holds(expression, config) else 0


def level(value: str) -> int:
    """0, 1 or 2 for `n`, `m` and `y`; numbers and text count as `n`, as they do for Kconfig."""
    return {"y": 2, "m": 1}.get(value, 0)


def _holds(comparison: Compare, config: Mapping[str, str]) -> bool:
    left, right = _value(comparison.left, config), _value(comparison.right, config)
    left = _absent(right) if left is None else left
    right = _absent(left) if right is None else right
    a, b = _rank(left), _rank(right)
    if a is None or b is None:
        a, b = (left > right), (right > left)
    order = a - b
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[comparison.operator]


def _value(operand: OptionSymbol | Constant, config: Mapping[str, str]) -> str | None:
    """The value of an operand, without quotes; None for an option that the config lacks."""
    if isinstance(operand, Constant):
        return operand.value
    value = config.get(operand.name)
    if value is not None and value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _absent(other: str | None) -> str:
    """The value of an absent option when compared with `other`: off, or empty for text."""
    return "n" if other is None or other in _ORDER else ""


def _rank(value: str) -> int | None:
    """The order of the three values and of numbers, for `<`; None for other text."""
    return ("n", "m", "y").index(value) if value in _ORDER else _number(value)


def _number(word: str) -> int | None:
    try:
        return int(word, 16 if word[:2] in ("0x", "0X") else 10)
    except ValueError:
        return None


def symbols(expression: Expression | None) -> tuple[str, ...]:
    """The names of the options in an expression, each once, in its order."""
    return tuple(dict.fromkeys(_symbols(expression))) if expression else ()


def _symbols(expression: Expression) -> Iterator[str]:
    match expression:
        case OptionSymbol(name):
            yield name
        case Not(operand):
            yield from _symbols(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _symbols(operand)
        case Compare(_, left, right):
            yield from _symbols(left)
            yield from _symbols(right)


def render(expression: Expression, config: Mapping[str, str] | None = None) -> str:
    """The expression in Kconfig's syntax; with a config, each option with its value: A (=n)."""
    match expression:
        case OptionSymbol(name):
            return name if config is None else f"{name} (={config.get(name, 'n')})"
        case Constant(value):
            plain = value in _ORDER or _number(value) is not None
            return value if plain else '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
        case Not(operand):
            return f"!{_bracketed(operand, config, And, Or, Compare)}"
        case And(operands):
            return " && ".join(_bracketed(operand, config, Or) for operand in operands)
        case Or(operands):
            return " || ".join(render(operand, config) for operand in operands)
        case Compare(operator, left, right):
            return f"{render(left, config)} {operator} {render(right, config)}"


def _bracketed(
    expression: Expression, config: Mapping[str, str] | None, *kinds: type[Expression]
) -> str:
    text = render(expression, config)
    return f"({text})" if isinstance(expression, kinds) else text
