"""The differences of two configs, as text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from ingot.cli.shared.terminal import Terminal, styled
from ingot.kconfig import Difference


def print_names(console: Terminal, before: str, after: str) -> None:
    """Print the two compared names, as the header of diff(1) does."""
    for mark, style, name in (("-", "red", before), ("+", "green", after)):
        console.say((mark, style), " ", name)


def option_groups(changes: Sequence[Difference]) -> Iterator[tuple[str, Table]]:
    """A table for each menu with options that differ; the menu is empty if it is not known."""
    for menu, group in itertools.groupby(changes, lambda change: change.menu):
        table = Table.grid(padding=(0, 2))
        for change in group:
            table.add_row(_mark(change), change.option, _value(change))
        yield " > ".join(menu), table


def option_counts(changes: Sequence[Difference]) -> str:
    """`12 options differ: 9 more, 2 less, 1 changed`."""
    more = sum(change.before == "n" for change in changes)
    less = sum(change.after == "n" for change in changes)
    return (
        f"{len(changes)} options differ: {more} more, {less} less,"
        f" {len(changes) - more - less} changed"
    )


def _mark(change: Difference) -> Text:
    if change.before == "n":
        return styled("+", "green")
    return styled("-", "red") if change.after == "n" else styled("~", "yellow")


def _value(change: Difference) -> str:
    if change.before == "n":
        return change.after
    return change.before if change.after == "n" else f"{change.before} -> {change.after}"
