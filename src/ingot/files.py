"""Reads files that users wrote, writes files atomically, removes trees, and locks files.

Every write goes to a temporary name in the same directory, is flushed to disk, and is renamed.
Locks are `flock`s: the kernel releases them when the process ends, however it ends. Lock files
that are left behind have no meaning. The holder of an exclusive lock is allowed to unlink its
file: processes that waited for it notice, and lock the file that has the name then.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ingot.directory_walk import DirectoryWalk, LostError
from ingot.errors import MachineError, UserError

_MOST_STARTS = 20
"""How often removing a tree starts again if another process removes or moves parts of it."""

STAGING_PREFIX = ".staging-"
"""The prefix of the names of unfinished files and directories, which are removed by it."""


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise a full disk, a full quota or a missing permission as a MachineError with a hint."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MachineError(
                f"no space left while writing below {path}",
                why="no incomplete file is left in place; a download continues where it stopped",
                hint="free some space (`ingot prune` removes what is unused), then run the"
                " same command again",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise MachineError(
                f"cannot write below {path}",
                why=error.strerror or str(error),
                hint="use a directory that this user can write to",
            ) from error
        raise


def read_text(path: Path) -> str | None:
    """The text of a file that a user wrote; None if it does not exist.

    UserError if it cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not UTF-8 text", hint="convert the file to UTF-8, or name another one"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read", why=str(error)) from None


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write `data` to `path` atomically, replacing an existing file; `mode` is the file's."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staging_file(path.parent) as (temporary, file):
            file.write(data)
            commit_file(temporary, file, path, mode)


@contextlib.contextmanager
def staging_file(directory: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new temporary file in `directory`, removed at the end unless it was committed."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=STAGING_PREFIX)
    path = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 (it is open already)
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def commit_file(temporary: Path, file: BinaryIO, path: Path, mode: int = 0o644) -> None:
    """Flush a staging file to disk and rename it to its final name."""
    file.flush()
    os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())
    temporary.rename(path)
    sync_directory(path.parent)


@contextlib.contextmanager
def staging_directory(parent: Path) -> Iterator[Path]:
    """A new directory below `parent`, removed at the end unless it was renamed away."""
    with disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=parent, prefix=STAGING_PREFIX))
    try:
        path.chmod(0o755)
        yield path
    finally:
        with disk_errors(parent):
            remove_tree(path)


def sync_directory(directory: Path) -> None:
    """Make a rename in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it, also directories that their owner cannot write to.

    A path that does not exist is not an error. A link is removed, its target is not. The mode of
    files is never changed: removing a file does not need it, and a file can have another hard link
    outside of the tree.
    """
    if path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for last in (False,) * _MOST_STARTS + (True,):
        try:
            with _descent_into(path) as descent:
                _remove_below(descent)
            path.rmdir()
        except FileNotFoundError:
            return
        except LostError:
            if last:
                raise
        else:
            return


def _descent_into(path: Path) -> DirectoryWalk:
    try:
        return DirectoryWalk(path, follow=False)
    except PermissionError:
        path.chmod(stat.S_IRWXU)
        return DirectoryWalk(path, follow=False)


def _remove_below(descent: DirectoryWalk) -> None:
    names: list[str] = []
    waiting = [_remove_files(descent)]
    while True:
        if waiting[-1]:
            name = waiting[-1].pop()
            if _insist(descent, descent.enter, name):
                names.append(name)
                waiting.append(_remove_files(descent))
            continue
        waiting.pop()
        if not names:
            return
        _insist(descent, descent.leave)
        _insist(descent, descent.rmdir, names.pop())


def _remove_files(descent: DirectoryWalk) -> list[str]:
    """Remove all but directories in the open directory; returns the directories' names."""
    directories, others = descent.entries()
    for entry in others:
        _insist(descent, descent.unlink, entry.name)
    return directories


def _insist(descent: DirectoryWalk, act: Callable[..., None], *name: str) -> bool:
    """Act; if that is not permitted, change the modes and retry. False if the file is gone."""
    try:
        try:
            act(*name)
        except PermissionError:
            # fails for another user's directory: then acting raises the error again
            with contextlib.suppress(PermissionError):
                descent.open_to_owner(*name or (None,))
            act(*name)
    except FileNotFoundError:
        return False
    return True


def free_bytes(directory: Path) -> int:
    """The bytes that this user can still write to the file system of the directory."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def tree_size(path: Path) -> int:
    """Bytes that the regular files below `path` use on disk (blocks, not lengths)."""
    if not path.is_dir():
        return path.stat().st_blocks * 512 if path.exists() else 0
    total = 0
    # if another process changes the tree meanwhile, the size so far is returned
    with (
        contextlib.suppress(FileNotFoundError, PermissionError, LostError),
        DirectoryWalk(path, follow=True) as descent,
    ):
        waiting = [_count(descent)]
        while waiting:
            directories, size = waiting[-1]
            total, waiting[-1] = total + size, (directories, 0)
            if directories:
                with contextlib.suppress(OSError):
                    descent.enter(directories.pop())
                    waiting.append(_count(descent))
                continue
            waiting.pop()
            if waiting:
                descent.leave()
    return total


def _count(descent: DirectoryWalk) -> tuple[list[str], int]:
    """The names of the directories in the open directory, and the bytes of its files."""
    size = 0
    try:
        directories, others = descent.entries()
    except OSError:
        return [], 0
    for entry in others:
        with contextlib.suppress(FileNotFoundError):
            if entry.is_file(follow_symlinks=False):
                size += entry.stat(follow_symlinks=False).st_blocks * 512
    return directories, size


@contextlib.contextmanager
def locked(
    path: Path, *, shared: bool = False, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path`; `on_wait` is called once if another process holds it."""
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        descriptor = _lock(path, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        if on_wait:
            on_wait()
        descriptor = _lock(path, mode)
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Try for the exclusive lock `path`: True inside if it was free, False if it is held."""
    descriptor = None
    with contextlib.suppress(BlockingIOError):
        descriptor = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path, mode: int) -> int:
    """A descriptor that holds the lock; BlockingIOError if it is held and `mode` is non-blocking.

    The last holder may have unlinked the file between opening and locking it here. Then locking
    it excludes no one, and the file that has the name now is locked instead.
    """
    while True:
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            # a link in its place would lead to a file that is not a lock
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
        try:
            _close_to_others(descriptor)
            fcntl.flock(descriptor, mode)
            if _has_name(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _close_to_others(descriptor: int) -> None:
    """Let only the owner open a lock file; earlier versions of Ingot left it open to others.

    Any user who can open it, even only for reading, can hold the lock forever (flock(2)).
    """
    status = os.fstat(descriptor)
    others = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if others and stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)


def private_directory(path: Path, mode: int = stat.S_IRWXU) -> None:
    """Make a directory, or restrict an existing one of this user, to at most this mode.

    A link, and a directory of another user, are not changed.
    """
    path.mkdir(parents=True, exist_ok=True)
    status = path.lstat()
    more = stat.S_IMODE(status.st_mode) & ~mode
    if more and stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
        path.chmod(stat.S_IMODE(status.st_mode) & mode)


def _has_name(descriptor: int, path: Path) -> bool:
    """Whether `path` is still the name of the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
