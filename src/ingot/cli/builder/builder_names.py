"""Which builders a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ingot.catalog import BuilderSpec
from ingot.cli.shared.common_options import choose
from ingot.errors import UserError
from ingot.setting import Setting

Builders = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Builders of the catalog. Without any: those of every series that is maintained.",
        show_default=False,
    ),
]


def used(setting: Setting, kernels: Sequence[str] = ()) -> list[BuilderSpec]:
    """The builders of these kernels, each once; of all that are maintained if none is named."""
    selected = choose(setting, kernels, maintained=True)
    return list(dict.fromkeys(kernel.builder for kernel in selected))


def named(setting: Setting, names: Sequence[str] | None) -> list[BuilderSpec]:
    """The builders with these names; those of all maintained kernels if there are none."""
    builders = setting.project.catalog.builders
    if unknown := [name for name in names or () if name not in builders]:
        raise UserError(
            f"there is no builder '{unknown[0]}'", hint=f"the catalog has {', '.join(builders)}"
        )
    return [builders[name] for name in dict.fromkeys(names or ())] or used(setting)
