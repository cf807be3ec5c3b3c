"""The sandbox of one build: which compile cache it sees, and who enters it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ingot.builder import compile_cache
from ingot.builder.kinds import for_tree
from ingot.builder.sandbox import Builder, Sandbox
from ingot.pipeline.setting import Setting
from ingot.source.model import Source


@contextlib.contextmanager
def sandbox_for(
    setting: Setting, builder: Builder, tree: Path, folder: Path, *, cached: bool = True
) -> Iterator[Sandbox]:
    """A sandbox below the build folder for a kernel tree, with the compile cache if it is to have it.

    A tree of the user's own may be closed to others: what is not of our making is looked at first.
    """
    if setting.local:
        builder = for_tree(builder, tree)
    with contextlib.ExitStack() as stack:
        cache = None
        if cached:
            cache = stack.enter_context(compile_cache.opened(_compile_cache(setting), builder))
        yield Sandbox.below(folder, builder, tree, cache)


def _compile_cache(setting: Setting) -> Path:
    """The cache that this compile reads and writes.

    A source or patches that nobody has verified could leave there what others would then compile
    from: what is the user's own has a cache to itself.
    """
    local = setting.local.url if isinstance(setting.local, Source) else setting.local
    own = [str(place) for place in (local, *setting.patches) if place]
    return setting.workspace.own_ccache(*own) if own else setting.workspace.ccache
