"""`ingot builder`: what kernels are compiled in. A file per verb."""

from __future__ import annotations

from typing import Any

import typer

from ingot.cli.shared.verb_group import Verb, VerbCode, VerbGroup


class _BuilderVerbs(VerbGroup):
    """`ingot builder`, alone or with kernels and options, is `ingot builder make`."""

    verbs = (
        Verb("make", "Make the builders."),
        Verb("show", "Show what builders are made of."),
        Verb("update", "Make builders of today's archive."),
    )

    @staticmethod
    def code_of(name: str) -> VerbCode:
        match name:
            case "make":
                from ingot.cli.builder.builder_make import make

                return make
            case "show":
                from ingot.cli.builder.builder_show import show

                return show
            case "update":
                from ingot.cli.builder.builder_update import update

                return update
        raise KeyError(name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="builder",
    cls=_BuilderVerbs,
    help="Make, show and update what kernels are compiled in.\n\n"
    "Without a command, as `ingot builder make`.",
    rich_markup_mode="markdown",
)
