"""Downloads what a build needs, without building: see `RunOptions.offline`."""

from __future__ import annotations

from dataclasses import dataclass

from ingot import tools
from ingot.builder.sandbox import Builder
from ingot.catalog import Kernel
from ingot.pipeline.builders import builder_for
from ingot.pipeline.inputs import obtain_source
from ingot.pipeline.registry_cache import fetch_builder
from ingot.progress import Progress
from ingot.setting import Setting, in_use
from ingot.source.origin import Source
from ingot.source.trees.source_cache import SourceCache


@dataclass(frozen=True, slots=True)
class FetchedInputs:
    """The inputs of one kernel, all available locally.

    `size` is the size of the source in the cache, in bytes; 0 for the user's own tree, which is
    not copied.
    """

    kernel: Kernel
    source: Source
    size: int
    builder: Builder


def fetch(setting: Setting, kernel: Kernel, progress: Progress) -> FetchedInputs:
    """Make the kernel's verified source and its builder available for a build without network.

    Nothing that is already available is downloaded again. Raises an IngotError for anything that
    would stop the later build, such as a missing program.
    """
    tools.require_all(kernel.arch.name, kind=kernel.builder.kind)
    with in_use(setting.project, progress):
        source = obtain_source(setting, kernel, progress)
        fetch_builder(setting, kernel.builder, progress)
        builder = builder_for(setting, kernel, progress)
    size = SourceCache(setting.project.workspace.sources).size(source)
    return FetchedInputs(kernel, source, size, builder)
