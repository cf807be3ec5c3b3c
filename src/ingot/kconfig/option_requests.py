"""The option requests that lead from one config to another."""

from __future__ import annotations

from collections.abc import Mapping

from ingot.kconfig.config import Config
from ingot.kconfig.expression import And, OptionSymbol, evaluate, level
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.values import default_value


def requests_between(before: Config, after: Config, table: OptionTable) -> dict[str, str]:
    """Option -> value of every change that a user can have made, sorted by option.

    Consequences of other changes are left out: options without a prompt, those whose prompt is
    now hidden, those that another option selects, and numbers and text that have their default.
    """
    names = {*before.options, *after.options}
    changed = (name for name in names if before.value(name) != after.value(name))
    return {
        name: after.value(name)
        for name in sorted(changed)
        if name in table.options and _is_answer(table.options[name], after.options)
    }


def _is_answer(option: Option, config: Mapping[str, str]) -> bool:
    if not option.prompts or evaluate(option.visible, config) == "n":
        return False
    value = config.get(option.name, "n")
    if option.type in ("bool", "tristate"):
        return value == "n" or _selected(option, config) < level(value)
    return value != default_value(option, config)


def _selected(option: Option, config: Mapping[str, str]) -> int:
    """The level to which other options select this one."""
    forces = (
        evaluate(And((OptionSymbol(name), *((condition,) if condition else ()))), config)
        for name, condition in option.selected_by
    )
    return max((level(force) for force in forces), default=0)
