"""`ingot config diff`: two configs side by side, whatever they come from."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ingot.cli.operands import Operand, read_operand
from ingot.cli.options import CacheFolder, CatalogFolder, Json, make_setting
from ingot.cli.render import make_console, make_progress
from ingot.kconfig import Difference
from ingot.kconfig import diff as difference

_OPERAND = (
    "A kernel (6.1, 6.1-minimal, 6.12-arm64), a .config, a kernel file, an image of the store"
    " (kernel-bin:6.1.176) or of a registry (docker.io/foobar/kernel-bin:6.1.176)."
)


def diff(
    a: Annotated[str, typer.Argument(help=_OPERAND)],
    b: Annotated[str, typer.Argument(help="The same, to compare with.")],
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Compare two configs.

    Shows the options that differ, grouped as Kconfig's menus are where one of both is a kernel
    of the catalog.
    """
    setting = make_setting(catalog, cache)
    progress = make_progress(Console(stderr=True))
    one, two = (read_operand(setting, name, progress) for name in (a, b))
    changes = difference(one.config.values, two.config.values, one.table or two.table)
    if as_json:
        print(json.dumps(_document(one, two, changes), indent=2))
    else:
        _print(one, two, changes)


def _print(one: Operand, two: Operand, changes: Sequence[Difference]) -> None:
    console = make_console()
    more = sum(change.before == "n" for change in changes)
    less = sum(change.after == "n" for change in changes)
    console.print(f"[red]-[/] {escape(one.config.name)}", highlight=False, soft_wrap=True)
    console.print(f"[green]+[/] {escape(two.config.name)}", highlight=False, soft_wrap=True)
    for menu, group in itertools.groupby(changes, lambda change: change.menu):
        console.print()
        if title := " > ".join(menu):
            console.print(Text(title, "bold"))
        table = Table.grid(padding=(0, 2))
        for change in group:
            table.add_row(_mark(change), change.option, _value(change))
        console.print(table)
    console.print()
    console.print(
        f"{len(changes)} options differ: {more} more, {less} less,"
        f" {len(changes) - more - less} changed",
        highlight=False,
    )


def _mark(change: Difference) -> Text:
    if change.before == "n":
        return Text("+", "green")
    return Text("-", "red") if change.after == "n" else Text("~", "yellow")


def _value(change: Difference) -> Text:
    if change.before == "n":
        return Text(change.after)
    return Text(change.before if change.after == "n" else f"{change.before} -> {change.after}")


def _document(one: Operand, two: Operand, changes: Sequence[Difference]) -> dict[str, object]:
    return {
        "a": one.config.name,
        "b": two.config.name,
        "changes": [
            {
                "option": change.option,
                "a": change.before,
                "b": change.after,
                "menu": list(change.menu),
            }
            for change in changes
        ],
    }
