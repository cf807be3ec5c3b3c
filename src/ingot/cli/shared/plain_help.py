"""Commands whose help shows operands and options as people write them.

typer shows an operand as `{KERNEL}` or `[KERNEL]`, even if it can be repeated, and the Python type
of every operand (since 0.29, of every flag too).
"""

from __future__ import annotations

import copy
from typing import Any

from typer.core import TyperCommand, TyperGroup


class _PlainHelp:
    """The parts that commands and groups have in common."""

    def format_help(self: Any, ctx: Any, formatter: Any) -> None:
        for parameter in self.get_params(ctx):
            _hide_type(parameter)
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def collect_usage_pieces(self: Any, ctx: Any) -> list[str]:
        shown = {_typer_usage(each, ctx): _usage(each) for each in self.get_params(ctx)}
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [shown.get(piece, piece) for piece in pieces]


class PlainCommand(_PlainHelp, TyperCommand):
    """A command with plain help."""


class PlainGroup(_PlainHelp, TyperGroup):
    """A group of commands with plain help."""


def _typer_usage(parameter: Any, ctx: Any) -> str:
    return " ".join(parameter.get_usage_pieces(ctx))


def _usage(parameter: Any) -> str:
    """`KERNEL`, `[KERNEL]` or `[KERNEL]...`; empty for an option."""
    if parameter.param_type_name != "argument":
        return ""
    name = parameter.metavar if parameter.required else f"[{parameter.metavar}]"
    return name if parameter.nargs == 1 else f"{name}..."


def _hide_type(parameter: Any) -> None:
    """Show no type: an operand has a name, which says more, and a flag has no value."""
    if parameter.param_type_name == "argument":
        parameter.type = copy.copy(parameter.type)
        parameter.type.get_metavar = _nothing  # typer before 0.29
        parameter.display_type_rich = _nothing  # typer since 0.29
    elif parameter.is_flag:
        parameter.metavar = ""


def _nothing(*_: Any, **__: Any) -> str:
    return ""
