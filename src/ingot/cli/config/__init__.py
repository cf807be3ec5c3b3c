"""`ingot config`: what a kernel is configured with, and why. A file per verb."""

from __future__ import annotations

import typer

from ingot.cli.config.config_check import check
from ingot.cli.config.config_diff import diff
from ingot.cli.config.config_edit import edit
from ingot.cli.config.config_explain import explain
from ingot.cli.config.config_resolve import resolve
from ingot.cli.config.config_show import show

app = typer.Typer(
    name="config",
    help="Check, show, compare, explain and edit configs.\n\n"
    "A config is `allnoconfig` plus the fragments of the kernel's flavor, resolved by the kernel's"
    " own Kconfig in the builder; nothing is compiled.",
    no_args_is_help=True,
)
app.command()(check)
app.command()(show)
app.command()(diff)
app.command()(explain)
app.command()(edit)
app.command()(resolve)
