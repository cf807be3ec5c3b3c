"""Files: what people wrote is read, writes are seen whole or not at all, locks cannot linger.

Every write goes to a temporary name in the same folder, is flushed to disk, and is renamed.
Locks are `flock`s: the kernel drops them with the process, however it ends; the empty lock
files that stay behind mean nothing. Who holds a lock exclusively may unlink its file: those
who waited notice, and lock the file that has the name then.
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
"""How often removing a tree begins anew, where somebody else removes or moves parts of it."""

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
                why="nothing was put in place that is not whole; a download goes on where it ended",
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


def read_text(path: Path) -> str | None:
    """The text of a file that a person wrote; None if there is none.

    UserError if it cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read", why=str(error)) from None


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`, wholly or not at all, replacing what was there."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staging_file(path.parent) as (temporary, file):
            file.write(data)
            commit_file(temporary, file, path)


@contextlib.contextmanager
def staging_file(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new temporary file in `folder`, removed at the end unless it was committed."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=STAGING_PREFIX)
    path = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 (it is open already)
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def commit_file(temporary: Path, file: BinaryIO, path: Path) -> None:
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
    try:
        path.chmod(0o755)
        yield path
    finally:
        with disk_errors(parent):
            remove_tree(path)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it, also folders that are closed to their owner.

    What is gone already is fine. A link is removed and what it points at left alone. Files stay as
    they are until they are gone: removing one asks nothing of its mode, and the mode of a hard
    link is that of a file outside as well.
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
    """Remove what is no folder where the descent is; returns the names of the folders there."""
    folders, others = descent.entries()
    for entry in others:
        _insist(descent, descent.unlink, entry.name)
    return folders


def _insist(descent: DirectoryWalk, act: Callable[..., None], *name: str) -> bool:
    """Act, if it is not permitted with the folders open to their owner; False if it is gone."""
    try:
        try:
            act(*name)
        except PermissionError:
            # another user's: acting says so again
            with contextlib.suppress(PermissionError):
                descent.open_to_owner(*name or (None,))
            act(*name)
    except FileNotFoundError:
        return False
    return True


def free_bytes(folder: Path) -> int:
    """The bytes that this user may still write where the folder is."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def tree_size(path: Path) -> int:
    """Bytes that the regular files below `path` take on disk (blocks, not lengths)."""
    if not path.is_dir():
        return path.stat().st_blocks * 512 if path.exists() else 0
    total = 0
    # whoever changes it meanwhile may take away the way back: what was counted has to do then
    with (
        contextlib.suppress(FileNotFoundError, PermissionError, LostError),
        DirectoryWalk(path, follow=True) as descent,
    ):
        waiting = [_count(descent)]
        while waiting:
            folders, size = waiting[-1]
            total, waiting[-1] = total + size, (folders, 0)
            if folders:
                with contextlib.suppress(OSError):
                    descent.enter(folders.pop())
                    waiting.append(_count(descent))
                continue
            waiting.pop()
            if waiting:
                descent.leave()
    return total


def _count(descent: DirectoryWalk) -> tuple[list[str], int]:
    """The names of the folders where the descent is, and the bytes of the files."""
    size = 0
    try:
        folders, others = descent.entries()
    except OSError:
        return [], 0
    for entry in others:
        with contextlib.suppress(FileNotFoundError):
            if entry.is_file(follow_symlinks=False):
                size += entry.stat(follow_symlinks=False).st_blocks * 512
    return folders, size


@contextlib.contextmanager
def locked(
    path: Path, *, shared: bool = False, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path`; `on_wait` is called once if somebody else has it."""
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
    """A descriptor that holds the lock; BlockingIOError if it is held and `mode` is not to wait.

    The file that was opened may have been unlinked by its last holder before it was locked: then
    it keeps nobody out, and the one that has the name now is locked instead.
    """
    while True:
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            # a link in its place would be followed to a file that is nobody's lock
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
    """Let nobody but the owner open a lock file, also one of an earlier Ingot.

    Whoever can open it, to read it only, can hold it for as long as they like (flock(2)).
    """
    status = os.fstat(descriptor)
    others = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if others and stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)


def private_folder(path: Path, mode: int = stat.S_IRWXU) -> None:
    """Make a directory of this mode, whatever the umask; an own one that is more open is closed.

    A link, and a folder of another user's, stay as they are.
    """
    path.mkdir(parents=True, exist_ok=True)
    status = path.lstat()
    more = stat.S_IMODE(status.st_mode) & ~mode
    if more and stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
        path.chmod(stat.S_IMODE(status.st_mode) & mode)


def _has_name(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that `path` names now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
