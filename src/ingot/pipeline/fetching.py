"""Getting what a build needs from the network, without building: see `RunOptions.offline`."""

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
    """What one kernel needs, all of it here. `size` is that of the source, in bytes on disk.

    It is 0 for a tree of the user's own, which takes no room of ours.
    """

    kernel: Kernel
    source: Source
    size: int
    builder: Builder


def fetch(setting: Setting, kernel: Kernel, progress: Progress) -> FetchedInputs:
    """Have the kernel's source verified and unpacked, and its builder ready to be entered.

    What is here already is not fetched again. Raises an IngotError for what stands in the way,
    such as a program that is missing: nothing else is to be found out when there is no network.
    """
    tools.require_all(kernel.arch.name, kind=kernel.builder.kind)
    with in_use(setting.project, progress):
        source = obtain_source(setting, kernel, progress)
        fetch_builder(setting, kernel.builder, progress)
        builder = builder_for(setting, kernel, progress)
    size = SourceCache(setting.project.workspace.sources).size(source)
    return FetchedInputs(kernel, source, size, builder)
