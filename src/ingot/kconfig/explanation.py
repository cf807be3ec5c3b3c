"""Explains one option of one config: its value, its definition, and the reasons for its value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingot.errors import UserError
from ingot.kconfig.causes import Causes
from ingot.kconfig.config import Config
from ingot.kconfig.expression import Expression, render
from ingot.kconfig.fragment import OptionRequest
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.selectors import Selectors


@dataclass(frozen=True, slots=True)
class Explanation:
    """One option: its definition, its value, and why.

    `asked` is the line that requests it, if any. `selectors` are the options that select it now,
    each with the line that requests it; `default` is its default if it has neither. `needs` is the
    condition of its prompt, with the values in it: empty if it has none, None without a prompt.
    `missing` lists the obstacles of an option that is off, and remedies.
    """

    option: Option
    value: str
    asked: OptionRequest | None
    selectors: tuple[str, ...]
    default: str
    needs: str | None
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def explain(
    name: str,
    config: Config,
    table: OptionTable,
    requests: Mapping[str, OptionRequest],
) -> Explanation:
    """Explain an option, by its name without `CONFIG_`; a UserError if it does not exist."""
    option = table.options.get(name)
    causes = Causes(config.options, table, requests, "this kernel")
    asked = requests.get(name)
    if option is None:
        raise UserError(f"this kernel has no option {name}", why="\n".join(causes.instead_of(name)))
    value = config.value(name)
    selectors = tuple(Selectors(config.options, table, requests).explained(name))
    by_itself = value != "n" and not asked and not selectors
    return Explanation(
        option=option,
        value=value,
        asked=asked,
        selectors=selectors,
        default=causes.default(option) or "by default" if by_itself else "",
        needs=_rendered(option.visible, config.options) if option.prompts else None,
        missing=causes.of_off(option) if value == "n" else (),
    )


def _rendered(expression: Expression | None, config: Mapping[str, str]) -> str:
    return render(expression, config) if expression else ""


def _lines(explanation: Explanation) -> Iterator[str]:
    option = explanation.option
    title = f": {option.prompts[0]}" if option.prompts else ", without a prompt"
    yield f"CONFIG_{option.name}={explanation.value}  ({option.type}{title})"
    if option.menu:
        yield f"  menu: {' > '.join(option.menu)}"
    yield f"  defined: {', '.join(option.places)}"
    if explanation.asked:
        yield f"  requested: {explanation.asked.value} ({explanation.asked.place})"
    for selector in explanation.selectors:
        yield f"  {selector}"
    if explanation.default:
        yield f"  {explanation.default}"
    for test in option.tests:
        yield f"  tests the toolchain: {test}"
    if explanation.needs:
        yield f"  needs: {explanation.needs}"
    if explanation.missing:
        yield "  it is off:"
    for line in explanation.missing:
        yield f"    {line}"
    if option.help:
        yield ""
        for line in option.help.splitlines():
            yield f"  {line}".rstrip()
