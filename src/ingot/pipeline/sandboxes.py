"""The sandbox of one build: who enters it, and the compile cache it sees."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ingot.beneath import Beneath
from ingot.builder import compile_cache
from ingot.builder.other_user import others_may_read
from ingot.builder.sandbox import Builder, Sandbox
from ingot.files import disk_errors, staging_folder
from ingot.pipeline.setting import Setting
from ingot.source.compression import MAX_BYTES, MAX_ENTRIES


@contextlib.contextmanager
def sandbox_for(
    setting: Setting, builder: Builder, tree: Path, folder: Path, cache: Path | None = None
) -> Iterator[Sandbox]:
    """A sandbox below the build folder for a kernel tree, with a compile cache if one is named.

    A tree of the user's own may be closed to the user that root becomes: then it is copied. What a
    tree is like must not decide whom it is entered as.
    """
    with contextlib.ExitStack() as stack:
        if setting.local and builder.user is not None and not others_may_read(tree):
            work = stack.enter_context(staging_folder(setting.workspace.sources))
            tree = _opened(tree, work / "tree")
        if cache:
            stack.enter_context(compile_cache.opened(cache, builder))
        yield Sandbox.below(folder, builder, tree, cache)


def _opened(tree: Path, to: Path) -> Path:
    """A copy of a tree, with the times of its files, that others may read; links stay links.

    Every mode is 0755 or 0644: a special bit would be root's on the copy. UnsafeFileError for what
    is neither a file nor a directory nor a link.
    """
    given = Beneath(tree)
    with disk_errors(to):
        to.mkdir()
        to.chmod(0o755)
        for found in given.walk(most=MAX_ENTRIES):
            target = to / found.name
            if found.is_directory:
                target.mkdir()
                target.chmod(0o755)
            elif found.is_link:
                target.symlink_to(given.read_link(found.name))
            else:
                given.copy(found.name, target, MAX_BYTES)
                os.utime(target, ns=(found.status.st_mtime_ns, found.status.st_mtime_ns))
    return to
