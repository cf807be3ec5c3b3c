"""`ingot config diff`: compare the configs of kernels, images and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingot.cli.documents.parts import option_change_parts
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    Insecure,
    Json,
    make_setting,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.config_differences import (
    option_counts,
    option_groups,
    print_names,
)
from ingot.cli.shared.config_operands import OperandConfig, read_operand_config
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import Offline
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.kconfig import Difference
from ingot.kconfig import diff as difference

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ConfigDiffDocument

_OPERAND = (
    "A kernel (6.1, 6.1-minimal, 6.12-arm64), a .config, a kernel file, an image of the store"
    " (kernel-bin:6.1.176) or of a registry (docker.io/foobar/kernel-bin:6.1.176)."
)


def diff(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help=_OPERAND, autocompletion=complete_kernels_and_images),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="The config to compare with; same forms.",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    offline: Offline = False,
    insecure: Insecure = False,
    as_json: Json = False,
) -> None:
    """Compare two configs.

    Shows the options that differ. If A or B is a kernel of the catalog, they are grouped by menu.
    """
    setting = make_setting(catalog, cache, offline=offline)
    progress = make_progress(Terminal(stderr=True))
    one, two = (read_operand_config(setting, name, progress, insecure=insecure) for name in (a, b))
    changes = difference(one.config.config, two.config.config, one.table or two.table)
    if as_json:
        print_json(_document(one, two, changes))
    else:
        _print(one, two, changes)


def _print(one: OperandConfig, two: OperandConfig, changes: Sequence[Difference]) -> None:
    console = make_console()
    print_names(console, one.config.name, two.config.name)
    for menu, table in option_groups(changes):
        console.print()
        if menu:
            console.say(menu, style="bold")
        console.print(table)
    console.print()
    console.say(option_counts(changes))


def _document(
    one: OperandConfig, two: OperandConfig, changes: Sequence[Difference]
) -> ConfigDiffDocument:
    return {
        "a": {"config": one.config.name},
        "b": {"config": two.config.name},
        "options": option_change_parts(changes),
    }
