"""The builders that the words of a command line name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ingot.catalog import BuilderSpec
from ingot.cli.shared.common_options import choose
from ingot.cli.shared.completion import complete_builders
from ingot.setting import Setting
from ingot.suggestions import unknown_name

Builders = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Builders of the catalog. Without any: the builders of every maintained series.",
        show_default=False,
        autocompletion=complete_builders,
    ),
]


def builders_of(setting: Setting, kernels: Sequence[str] = ()) -> list[BuilderSpec]:
    """The builders of these kernels, each once; without names, of all maintained kernels."""
    selected = choose(setting, kernels, maintained=True)
    return list(dict.fromkeys(kernel.builder for kernel in selected))


def builders_named(setting: Setting, names: Sequence[str] | None) -> list[BuilderSpec]:
    """The builders with these names; without names, the builders of all maintained kernels."""
    builders = setting.project.catalog.builders
    if unknown := [name for name in names or () if name not in builders]:
        what = f"there is no builder '{unknown[0]}'"
        raise unknown_name(what, unknown[0], builders, listed="the catalog has")
    return [builders[name] for name in dict.fromkeys(names or ())] or builders_of(setting)
