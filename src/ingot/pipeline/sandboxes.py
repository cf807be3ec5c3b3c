"""The sandbox of one build: who enters it, and the compile cache it sees."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ingot.builder import compile_cache
from ingot.builder.sandbox import Builder, Sandbox
from ingot.builder.sandbox_user import others_may_read
from ingot.files import staging_folder
from ingot.setting import Setting
from ingot.source.trees.tree_copy import copy_tree


@contextlib.contextmanager
def sandbox_for(
    setting: Setting, builder: Builder, tree: Path, folder: Path, cache: Path | None = None
) -> Iterator[Sandbox]:
    """A sandbox below the build folder for a kernel tree, with a compile cache if one is named.

    A tree of the user's own may be closed to the user that root becomes: then it is copied. What a
    tree is like must not decide whom it is entered as.
    """
    with contextlib.ExitStack() as stack:
        if setting.options.local and builder.user is not None and not others_may_read(tree):
            work = stack.enter_context(staging_folder(setting.project.workspace.sources))
            copy_tree(tree, work / "tree")
            tree = work / "tree"
        if cache:
            stack.enter_context(compile_cache.opened(cache, builder))
        yield Sandbox.below(folder, builder, tree, cache)
