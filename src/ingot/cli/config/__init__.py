"""`ingot config`: what a kernel is configured with, and why. A file per verb."""

from __future__ import annotations

import typer

from ingot.cli.config import check, diff, edit, explain, resolve, show

app = typer.Typer(
    name="config",
    help="Check, show, compare, explain and edit configs.\n\n"
    "A config is `allnoconfig` plus the fragments of the kernel's flavor, resolved by the kernel's"
    " own Kconfig in the builder; nothing is compiled.",
    no_args_is_help=True,
)
app.command()(check.check)
app.command()(show.show)
app.command()(diff.diff)
app.command()(explain.explain)
app.command()(edit.edit)
app.command()(resolve.resolve)
