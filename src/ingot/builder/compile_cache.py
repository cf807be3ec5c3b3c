"""The compile cache's directory: its owner, its mode, and the clean-up after each build.

Programs in the sandbox write to it, so it can contain anything, and unlike a build directory it is
kept. Only its owner can enter it, and setuid, setgid and sticky bits are removed from all files.
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
def opened(directory: Path, builder: Builder) -> Iterator[Path]:
    """The cache, ready for the sandboxes of a builder; it is cleaned up afterwards."""
    with disk_errors(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        owner = os.geteuid() if builder.user is None else builder.user
        if directory.stat().st_uid != owner:
            _or_emptied(directory, lambda: hand_over(directory, builder.user))
            os.chown(directory, owner, owner)
    try:
        yield directory
    finally:
        if builder.user is None:  # else its files belong to an unused user ID
            # a build does not fail because of the cache's content
            with contextlib.suppress(OSError, IngotError):
                directory.chmod(0o700)
                _or_emptied(directory, lambda: drop_special_bits(directory))


def _or_emptied(directory: Path, clean: Callable[[], None]) -> None:
    """Clean up a cache; if that fails (unreadable or too deep directories), empty it."""
    try:
        clean()
    except (OSError, IngotError):
        with disk_errors(directory):
            for path in directory.iterdir():
                if path.is_symlink() or not path.is_dir():
                    path.unlink()
                else:
                    remove_tree(path)


def drop_special_bits(directory: Path) -> None:
    """Clear the setuid, setgid and sticky bits of all files and directories below a directory.

    UnsafeFileError if there are too many, or if they are nested too deeply.
    """
    tree = ConfinedDirectory(directory)
    with disk_errors(directory):
        for found in tree.walk(most=_MOST_FILES):
            if (found.is_file or found.is_directory) and found.status.st_mode & _SPECIAL:
                tree.drop_special_bits(found.name)
