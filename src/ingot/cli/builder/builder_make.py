"""`ingot builder make`: make the builders without building a kernel."""

from __future__ import annotations

from typing import Annotated

import typer

from ingot import pipeline, tools
from ingot.cli.builder.builder_names import builders_named, builders_of
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, make_setting
from ingot.cli.shared.completion import complete_builders
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_line
from ingot.operands import begins_with_version


def make(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|KERNEL",
            help="Builders of the catalog, or kernels (6.1), for their builders. Without any: the"
            " builders of every maintained series.",
            show_default=False,
            autocompletion=complete_builders,
        ),
    ] = None,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Make builders.

    A builder is the environment that compiles kernels. Existing builders are kept. Prints the name
    of each builder and the digest of its package list, which is part of the recipe of every kernel
    that it compiles.
    """
    setting = make_setting(catalog, cache)
    kernels = [name for name in names or () if begins_with_version(name)]
    builders = [name for name in names or () if name not in kernels]
    chosen = builders_named(setting, builders) if builders else []
    chosen += builders_of(setting, kernels) if kernels or not builders else []
    progress = make_progress(Terminal(stderr=True))
    for spec in dict.fromkeys(chosen):
        tools.require_all(kind=spec.kind)
        made = pipeline.ensure_builder(setting, spec, progress)
        print_line(f"{spec.name}  {made.digest}")
