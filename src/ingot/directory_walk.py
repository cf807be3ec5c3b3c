"""Walks down and up a directory tree of any depth with only one directory open.

A tree that a sandbox or an archive made can be deeper than the limits on path length, Python's
recursion and open file descriptors.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Self

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class LostError(OSError):
    """The walk cannot go back up: a directory was moved or removed meanwhile."""


class DirectoryWalk:
    """A walk through a tree with one directory open; no link is followed below the top.

    With `follow`, the top itself can be a link.
    """

    def __init__(self, top: Path, *, follow: bool) -> None:
        self._current = os.open(top, _DIRECTORY | (0 if follow else os.O_NOFOLLOW))
        self._above: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._current)

    def enter(self, name: str) -> None:
        inner = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=self._current)
        self._above.append(self._identity())
        os.close(self._current)
        self._current = inner

    def leave(self) -> None:
        """Go back up; LostError if the parent is not the directory that the walk came from."""
        try:
            upper = os.open("..", _DIRECTORY, dir_fd=self._current)
        except FileNotFoundError:
            raise LostError from None
        os.close(self._current)
        self._current = upper
        if self._identity() != self._above.pop():
            raise LostError

    def entries(self) -> tuple[list[str], list[os.DirEntry[str]]]:
        """The names of the directories in the open directory, and its other entries."""
        with os.scandir(self._current) as found:
            entries = list(found)
        directories = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        return directories, [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._current)

    def rmdir(self, name: str) -> None:
        os.rmdir(name, dir_fd=self._current)

    def open_to_owner(self, name: str | None) -> None:
        """Let the owner list and change the open directory and, if given, `name` in it."""
        os.fchmod(self._current, stat.S_IRWXU)
        if name and stat.S_ISDIR(
            os.stat(name, dir_fd=self._current, follow_symlinks=False).st_mode
        ):
            os.chmod(name, stat.S_IRWXU, dir_fd=self._current)

    def _identity(self) -> tuple[int, int]:
        status = os.fstat(self._current)
        return status.st_dev, status.st_ino
