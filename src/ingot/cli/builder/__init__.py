"""`ingot builder`: the environments that compile kernels. A file per verb."""

from __future__ import annotations

from typing import Any

import typer

from ingot.cli.shared.verb_group import Verb, VerbCode, VerbGroup


class _BuilderVerbs(VerbGroup):
    """The verbs of `ingot builder`. Without a verb, `make` is meant."""

    verbs = (
        Verb("make", "Make builders."),
        Verb("show", "Show the packages and digests of builders."),
        Verb("update", "Make builders from the newest packages, and write their lock files."),
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
    help="Make, show and update the builders that compile kernels.\n\n"
    "`ingot builder` without a command is `ingot builder make`.",
    rich_markup_mode="markdown",
)
