"""All there is to say of one option of one config."""

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
    """One option: what it is, what it came out as, and why.

    `asked` is the line that asks for it, if any does. `selectors` are those that set it now,
    each with who asks for them; `default` what sets it if it is neither. `needs` is what its prompt
    needs, with the values of all it looks at; empty if nothing, and None if it has no prompt.
    `missing` says what stands in the way of an option that is off, and what would help.
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
    """Explain an option, by its name without `CONFIG_`; a UserError if there is none such."""
    option = table.options.get(name)
    causes = Causes(config.options, table, requests, "this kernel")
    asked = requests.get(name)
    if option is None:
        raise UserError(f"this kernel has no option {name}", why="\n".join(causes.instead_of(name)))
    value = config.value(name)
    selectors = tuple(Selectors(config.options, table, requests).told(name))
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


def _lines(told: Explanation) -> Iterator[str]:
    option = told.option
    title = f": {option.prompts[0]}" if option.prompts else ", without a prompt"
    yield f"CONFIG_{option.name}={told.value}  ({option.type}{title})"
    if option.menu:
        yield f"  menu: {' > '.join(option.menu)}"
    yield f"  defined: {', '.join(option.places)}"
    if told.asked:
        yield f"  asked for: {told.asked.value} ({told.asked.place})"
    for selector in told.selectors:
        yield f"  {selector}"
    if told.default:
        yield f"  {told.default}"
    for test in option.tests:
        yield f"  tests the toolchain: {test}"
    if told.needs:
        yield f"  needs: {told.needs}"
    if told.missing:
        yield "  it is off:"
    for line in told.missing:
        yield f"    {line}"
    if option.help:
        yield ""
        for line in option.help.splitlines():
            yield f"  {line}".rstrip()
