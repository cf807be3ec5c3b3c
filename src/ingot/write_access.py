"""What can be written, found out before the work whose result it is; locks for those who only read.

A store on a read-only file system, or of another user, can be read all the same: nothing is
written to it, and a lock is taken if that is possible.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ingot.errors import MachineError
from ingot.files import locked, locked_if_free

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def require_writable(directory: Path, what: str) -> None:
    """MachineError if this user cannot write into a directory, or make it; `what` is its name."""
    place = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        raise MachineError(
            f"{what} {directory} cannot be written",
            why=f"this user may not write to {place}, or its file system is read-only",
            hint=f"run this as the user who owns it, or use a copy of {directory}",
        )


@contextlib.contextmanager
def locked_to_read(path: Path) -> Iterator[None]:
    """Share the lock `path` while reading what it protects; without it where that is read-only."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(path, shared=True))
        except MachineError as error:
            if not _is_read_only(error):
                raise
            held.enter_context(_shared(path))
        yield


@contextlib.contextmanager
def free_to_read(path: Path) -> Iterator[bool]:
    """Whether no process holds the lock `path`, which is held meanwhile unless it is read-only."""
    with contextlib.ExitStack() as held:
        free = True
        try:
            free = held.enter_context(locked_if_free(path))
        except MachineError as error:
            if not _is_read_only(error):
                raise
        yield free


def _is_read_only(error: MachineError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _READ_ONLY


@contextlib.contextmanager
def _shared(path: Path) -> Iterator[None]:
    """Share an existing lock that can be read (flock(2) needs no more); else go on without it."""
    descriptor = None
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
