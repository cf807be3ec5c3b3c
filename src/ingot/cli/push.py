"""`ingot push`: send built images to a registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from ingot import registry as registries
from ingot.catalog import Kernel
from ingot.catalog.selection import ALL
from ingot.cli.lookup import find_image
from ingot.cli.options import Arches, CatalogFolder, Flavors, Kernels, choose, make_setting
from ingot.cli.render import make_progress
from ingot.errors import UserError
from ingot.images import BASE, KERNEL_IMAGES
from ingot.pipeline import Setting

DEFAULT_REGISTRY = "ghcr.io/weaveworks-liquidmetal"


def push(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    registry: Annotated[
        str,
        typer.Option(envvar="REGISTRY", metavar="HOST[/PATH]", help="Where the images go."),
    ] = DEFAULT_REGISTRY,
    catalog: CatalogFolder = None,
) -> None:
    """Push kernel images to a registry.

    All images of each kernel; without a name, of every kernel of the catalog that is built.

    Credentials are those of docker or skopeo (`skopeo login`); Ingot keeps none.
    """
    setting = make_setting(catalog, None)
    selected = (
        choose(setting, kernels, arches, flavors) if kernels else _built(setting, arches, flavors)
    )
    names = [f"{name}:{kernel.tag}" for kernel in selected for name in KERNEL_IMAGES]
    tags = [find_image(setting, name)[0] for name in names]
    for name in registries.push(
        setting.layout, tags, registry, make_progress(Console(stderr=True))
    ):
        print(name)


def _built(
    setting: Setting, arches: Sequence[str] | None, flavors: Sequence[str] | None
) -> list[Kernel]:
    """The kernels of the catalog that the store has; a UserError if there is none."""
    names = dict.fromkeys(str(kernel.version) for kernel in setting.catalog.kernels)
    offered = choose(setting, list(names), arches or [ALL], flavors or [ALL])
    tags = setting.layout.tags()
    built = [kernel for kernel in offered if f"{BASE}:{kernel.tag}" in tags]
    if not built:
        raise UserError(
            f"the store {setting.layout.root} has no kernel to push",
            hint="build one first: ingot build 6.1",
        )
    return built
