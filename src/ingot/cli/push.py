"""`ingot push`: send built images to a registry."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ingot import registry as registries
from ingot.cli.lookup import find_image
from ingot.cli.options import Arches, CatalogFolder, Flavors, Kernels, choose, make_setting
from ingot.cli.render import make_progress
from ingot.images import KERNEL_IMAGES

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

    All of each kernel; what is not built yet must be built first.

    Credentials are those of docker or skopeo (`skopeo login`); Ingot keeps none.
    """
    setting = make_setting(catalog, None)
    selected = choose(setting, kernels, arches, flavors, maintained=True)
    names = [f"{name}:{kernel.tag}" for kernel in selected for name in KERNEL_IMAGES]
    tags = [find_image(setting, name)[0] for name in names]
    for name in registries.push(
        setting.layout, tags, registry, make_progress(Console(stderr=True))
    ):
        print(name)
