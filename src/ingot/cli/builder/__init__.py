"""`ingot builder`: what kernels are compiled in. A file per verb."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from ingot.cli.builder.builder_make import make
from ingot.cli.builder.builder_show import show
from ingot.cli.builder.builder_update import update


class _MakesUnlessToldOtherwise(TyperGroup):
    """`ingot builder`, alone or with kernels and options, is `ingot builder make`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="builder",
    cls=_MakesUnlessToldOtherwise,
    help="Make, show and update what kernels are compiled in.\n\n"
    "Without a command, as `ingot builder make`.",
)
app.command()(make)
app.command()(show)
app.command()(update)
