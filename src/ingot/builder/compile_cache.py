"""The compile cache's directory: whose it is, who may enter it, what may not stay in it.

Compilers in the sandbox write to it, so anything can be left there that a build directory can be
left with, and it stays. Nobody but its owner enters it, and no file keeps a bit that would make it
run as its owner.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ingot.builder.sandbox import Builder
from ingot.builder.sandbox_user import hand_over
from ingot.confined_files import ConfinedDirectory
from ingot.errors import IngotError
from ingot.files import disk_errors, remove_tree

_MOST_FILES = 10_000_000
_SPECIAL = 0o7000


@contextlib.contextmanager
def opened(folder: Path, builder: Builder) -> Iterator[Path]:
    """The cache, ready for a builder's sandboxes; what was left in it is looked at afterwards."""
    with disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        owner = os.geteuid() if builder.user is None else builder.user
        if folder.stat().st_uid != owner:
            _or_emptied(folder, lambda: hand_over(folder, builder.user))
            os.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        if builder.user is None:  # else its files belong to a user that nobody is
            # what came of the build is not decided by what it left in the cache
            with contextlib.suppress(OSError, IngotError):
                folder.chmod(0o700)
                _or_emptied(folder, lambda: drop_special_bits(folder))


def _or_emptied(folder: Path, look: Callable[[], None]) -> None:
    """Look through a cache; one that no compiler makes, closed or without a bottom, is emptied."""
    try:
        look()
    except (OSError, IngotError):
        with disk_errors(folder):
            for path in folder.iterdir():
                if path.is_symlink() or not path.is_dir():
                    path.unlink()
                else:
                    remove_tree(path)


def drop_special_bits(folder: Path) -> None:
    """Take the setuid, setgid and sticky bits from all files and directories below a directory.

    UnsafeFileError if there are too many, or too deep within each other.
    """
    tree = ConfinedDirectory(folder)
    with disk_errors(folder):
        for found in tree.walk(most=_MOST_FILES):
            if (found.is_file or found.is_directory) and found.status.st_mode & _SPECIAL:
                tree.drop_special_bits(found.name)
