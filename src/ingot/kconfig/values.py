"""Values of options: whether two are the same, and whether an option can have a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingot.kconfig.expression import Constant, Expression, OptionSymbol, evaluate

if TYPE_CHECKING:
    from ingot.kconfig.option_table import Option

_FORMS = {
    "int": (re.compile(r"-?\d+"), "a number"),
    "hex": (re.compile(r"(?:0[xX])?[0-9a-fA-F]+"), "a hexadecimal number such as 0x1000"),
    "string": (re.compile(r'".*"', re.DOTALL), "text in double quotes"),
}
_TRISTATE = ("y", "m", "n")


def same_value(wanted: str, got: str, option: Option) -> bool:
    """Whether Kconfig set the requested value; it formats hexadecimal numbers in its own way."""
    if option.type == "hex" and "n" not in (wanted, got):
        return _hex(wanted) == _hex(got)
    return wanted == got


def serves(wanted: str, got: str) -> bool:
    """Whether the value `got` satisfies the request: built in also satisfies a module."""
    return got == wanted or (wanted, got) == ("m", "y")


def _hex(text: str) -> int | str:
    try:
        return int(text, 16)
    except ValueError:
        return text


def type_mistake(value: str, option: Option) -> str | None:
    """Why an option of this type can never have the value, and what to write; None if it can.

    `n` is valid for any type: it requests that the option is absent.
    """
    name = f"CONFIG_{option.name}"
    if option.type == "bool" and value == "m":
        return f"it is a bool, never a module: write {name}=y"
    if option.type in ("bool", "tristate"):
        if value in _TRISTATE:
            return None
        values = "y or =n" if option.type == "bool" else "y, =m or =n"
        return f"it is a {option.type}: write {name}={values}"
    if option.type not in _FORMS or value == "n":
        return None
    form, words = _FORMS[option.type]
    if form.fullmatch(value):
        return None
    return f"its value must be {words}"


def broken_range(value: str, option: Option, config: Mapping[str, str]) -> str | None:
    """The range that excludes the value of a number, as text; None if there is none.

    Of several ranges the first whose condition holds counts (symbol.c, sym_get_range_prop).
    """
    base = 16 if option.type == "hex" else 10
    for low, high, condition in option.ranges:
        if evaluate(condition, config) == "n":
            continue
        ends = [_plain(end, config) for end in (low, high)]
        if int(ends[0], base) <= int(value, base) <= int(ends[1], base):
            return None
        return f"its range is {ends[0]} to {ends[1]}"
    return None


def default_value(option: Option, config: Mapping[str, str]) -> str | None:
    """The default of a number or text, as in a `.config`; None if none applies."""
    for value, condition in option.defaults:
        if evaluate(condition, config) != "n":
            plain = _plain(value, config)
            return f'"{plain}"' if option.type == "string" and '"' not in plain else plain
    return None


def _plain(operand: Expression, config: Mapping[str, str]) -> str:
    """The value of a constant or an option; ends of ranges and defaults are one or the other."""
    match operand:
        case Constant(value):
            return value
        case OptionSymbol(name):
            return config.get(name, "0")
    return "0"
