"""Writing files so that a reader sees all of them or nothing, and locks that cannot linger.

Every write goes to a temporary name in the same folder, is flushed to disk, and is renamed.
Locks are `flock`s: the kernel drops them with the process, however it ends; the empty lock
files that stay behind mean nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ingot.errors import MachineError

STAGING_PREFIX = ".staging-"
"""What the name of everything unfinished starts with, so that it can be told and removed."""


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a full quota or a missing permission into an error a person can use."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MachineError(
                f"no space left while writing below {path}",
                why="nothing incomplete was kept",
                hint="free some space (`ingot prune` removes what is unused), then run the"
                " same command again",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise MachineError(
                f"cannot write below {path}",
                why=error.strerror or str(error),
                hint="use a folder this user may write to",
            ) from error
        raise


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`, wholly or not at all, replacing what was there."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staging_file(path.parent) as (temporary, file):
            file.write(data)
            commit_file(temporary, file, path)


@contextlib.contextmanager
def staging_file(folder: Path) -> Iterator[tuple[Path, tempfile._TemporaryFileWrapper[bytes]]]:
    """A new temporary file in `folder`, removed at the end unless it was committed."""
    folder.mkdir(parents=True, exist_ok=True)
    file = tempfile.NamedTemporaryFile(  # noqa: SIM115 (closed below)
        dir=folder, prefix=STAGING_PREFIX, delete=False
    )
    path = Path(file.name)
    try:
        with file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def commit_file(temporary: Path, file: tempfile._TemporaryFileWrapper[bytes], path: Path) -> None:
    """Give a staging file its final name, once its bytes are on the disk."""
    file.flush()
    os.fchmod(file.fileno(), 0o644)
    os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """A new folder below `parent`, removed at the end unless it was renamed away."""
    with disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=parent, prefix=STAGING_PREFIX))
        path.chmod(0o755)
        try:
            yield path
        finally:
            remove_tree(path)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it, also folders that are read-only; absent is fine."""

    def unlock_and_retry(remove: Callable[..., object], name: str, _error: object) -> None:
        parent = Path(name).parent
        with contextlib.suppress(OSError):
            parent.chmod(stat.S_IRWXU)
            Path(name).chmod(stat.S_IRWXU, follow_symlinks=True)
        with contextlib.suppress(FileNotFoundError):
            remove(name)

    if path.exists() or path.is_symlink():
        shutil.rmtree(path, onerror=unlock_and_retry)


def tree_size(path: Path) -> int:
    """Bytes that the regular files below `path` take on disk (blocks, not lengths)."""
    if not path.is_dir():
        return path.stat().st_blocks * 512 if path.exists() else 0
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118
    return total


@contextlib.contextmanager
def locked(
    path: Path, *, shared: bool = False, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path`; `on_wait` is called once if somebody else has it."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait:
                on_wait()
            fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Try for the exclusive lock `path`: True inside if it was free, False if it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
