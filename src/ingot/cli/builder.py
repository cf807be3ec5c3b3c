"""`ingot builder`: make the builders without building a kernel."""

from __future__ import annotations

from rich.console import Console

from ingot import pipeline, tools
from ingot.builder.rootfs import tag_of
from ingot.cli.options import CacheFolder, CatalogFolder, Kernels, choose, make_setting
from ingot.cli.render import make_progress


def builder(
    kernels: Kernels = None, catalog: CatalogFolder = None, cache: CacheFolder = None
) -> None:
    """Make the builder images.

    Kernels are compiled in them; those that exist are kept.
    """
    setting = make_setting(catalog, cache)
    tools.require_all()
    progress = make_progress(Console(stderr=True))
    selected = choose(setting, kernels, maintained=True)
    for spec in dict.fromkeys(kernel.builder for kernel in selected):
        made = pipeline.ensure_builder(setting, spec, progress)
        print(f"{tag_of(spec)}  {made.digest}")
