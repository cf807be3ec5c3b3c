"""The sandbox of one build: who enters it, and the compile cache it sees."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ingot.builder import compile_cache
from ingot.builder.kinds import for_tree
from ingot.builder.sandbox import Builder, Sandbox
from ingot.pipeline.setting import Setting


@contextlib.contextmanager
def sandbox_for(
    setting: Setting, builder: Builder, tree: Path, folder: Path, cache: Path | None = None
) -> Iterator[Sandbox]:
    """A sandbox below the build folder for a kernel tree, with a compile cache if one is named.

    A tree of the user's own may be closed to others: what is not of our making is looked at first.
    """
    if setting.local:
        builder = for_tree(builder, tree)
    with contextlib.ExitStack() as stack:
        if cache:
            stack.enter_context(compile_cache.opened(cache, builder))
        yield Sandbox.below(folder, builder, tree, cache)
