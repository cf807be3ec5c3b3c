"""The sandbox of one build: its user, its source tree and its compile cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ingot.builder import compile_cache
from ingot.builder.sandbox import Builder, Sandbox
from ingot.builder.sandbox_user import readable_by_others
from ingot.files import staging_directory
from ingot.setting import Setting
from ingot.source.trees.tree_copy import copy_tree


@contextlib.contextmanager
def sandbox_for(
    setting: Setting, builder: Builder, tree: Path, directory: Path, cache: Path | None = None
) -> Iterator[Sandbox]:
    """A sandbox in the build directory for a kernel tree, with the compile cache `cache` if given.

    If Ingot runs as root, the sandbox runs as another user, who may not be able to read the
    user's own tree. The tree is copied then, so that its permissions do not decide the sandbox's
    user.
    """
    with contextlib.ExitStack() as stack:
        if setting.options.local and builder.user is not None and not readable_by_others(tree):
            work = stack.enter_context(staging_directory(setting.project.workspace.sources))
            copy_tree(tree, work / "tree")
            tree = work / "tree"
        if cache:
            stack.enter_context(compile_cache.opened(cache, builder))
        yield Sandbox.below(directory, builder, tree, cache, setting.options.jobserver)
