"""Commands whose help shows operands and options as people write them.

typer shows a required operand as `{KERNEL}`, and the Python type of every operand and flag.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _PlainParameters:
    """The parts that commands and groups have in common."""

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if parameter.param_type_name == "argument":
                parameter.display_type_rich = _no_type
            elif parameter.is_flag:
                parameter.metavar = ""
        return parameters

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [
            piece[1:-1] if piece.startswith("{") and piece.endswith("}") else piece
            for piece in pieces
        ]


class PlainCommand(_PlainParameters, TyperCommand):
    """A command with plain help."""


class PlainGroup(_PlainParameters, TyperGroup):
    """A group of commands with plain help."""


def _no_type(_ctx: Any = None, **_: Any) -> None:
    """An operand has a name, which says more than its type."""
