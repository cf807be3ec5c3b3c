"""Access to files below a directory with untrusted content: no name or link leads out of it.

Files that a sandbox wrote, or that an image was unpacked to, are not trusted: `vmlinux` can be a
link to a file of this machine, `lib` a link to another directory, `System.map` a pipe that
never ends. Every part of a name is opened separately, relative to the directory before it and
without following links (open(2), O_NOFOLLOW). Only regular files are read, and none that is
larger than the caller allows. `..` is not accepted as a name. openat2(2) does the same with
RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, but only on newer kernels.

A file is checked after it is opened, so a process that still runs cannot exchange it between
check and use.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingot.errors import VerificationError
from ingot.files import STAGING_PREFIX

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# not blocking, since opening a pipe would wait for a writer
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_HOLE = bytes(_CHUNK)
_DEEPEST = 256
"""The most parts of a name; names in a kernel tree have up to 14."""


class UnsafeFileError(VerificationError):
    """A file below a directory with untrusted content must not be read or written."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of any type: its name below the directory, and the result of lstat(2)."""

    name: str
    status: os.stat_result

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


@dataclass(frozen=True, slots=True)
class ConfinedDirectory:
    """The directory `root`, which is trusted itself, and its untrusted content.

    Names are relative to it, with `/`. Raises UnsafeFileError for a name that could lead out
    (absolute, with empty, `.` or `..` parts or a NUL), that goes through a link, or that is not
    of the expected file type; FileNotFoundError for a name that does not exist.
    """

    root: Path

    def open(self, name: str, limit: int) -> BinaryIO:
        """A regular file of at most `limit` bytes, open for reading."""
        with self._parent(name) as (directory, last):
            descriptor = self._descend(last, _READ, directory, name)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise self._unsafe(name, f"it is {_kind(status.st_mode)}, not a regular file")
            if status.st_size > limit:
                raise self._unsafe(name, f"it has {status.st_size:,} bytes, more than {limit:,}")
            os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a regular file, at most `limit` of them."""
        with self.open(name, limit) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise self._unsafe(name, f"it has more than {limit:,} bytes")
        return data

    def copy(self, name: str, to: Path, limit: int) -> int:
        """Copy a regular file to the new file `to`, outside of the directory; returns its size.

        Long runs of zeros become holes. The copy has mode 0755 if the owner can execute the file,
        else 0644.
        """
        with self.open(name, limit) as source:
            status = os.fstat(source.fileno())
            mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
            with os.fdopen(os.open(to, _NEW, mode), "wb") as target:
                os.fchmod(target.fileno(), mode)
                copied = 0
                while data := source.read(_CHUNK):
                    copied += len(data)
                    if copied > limit:
                        raise self._unsafe(name, f"it has more than {limit:,} bytes")
                    if data == _HOLE:  # a disk is mostly empty, and may be kept in memory
                        target.seek(len(data), os.SEEK_CUR)
                    else:
                        target.write(data)
                target.truncate(copied)
        return copied

    def copy_tree(
        self, name: str, to: Path, *, most: int, limit: int, leave: Container[str] = ()
    ) -> None:
        """Copy the directory `name` to the new directory `to`: regular files and directories.

        At most `most` of them, and `limit` bytes in total. `leave` holds names, relative to the
        directory, that are not copied. UnsafeFileError for a link or another type of file.
        """
        to.mkdir()
        to.chmod(0o755)
        for found in self.walk(name, most=most):
            inner = found.name[len(name) :].lstrip("/")
            if inner in leave:
                continue
            if found.is_directory:
                (to / inner).mkdir()
                (to / inner).chmod(0o755)
            elif found.is_file:
                limit -= self.copy(found.name, to / inner, limit)
            else:
                kind = _kind(found.status.st_mode)
                raise self._unsafe(found.name, f"it is {kind}, not a regular file")

    def find(self, name: str) -> FoundFile | None:
        """The file, directory or link `name` (links are not followed); None if there is none."""
        try:
            with self._parent(name) as (directory, last):
                return FoundFile(name, os.stat(last, dir_fd=directory, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_link(self, name: str) -> str:
        """The target of the link `name`, as text. OSError if it is not a link."""
        with self._parent(name) as (directory, last):
            return os.readlink(last, dir_fd=directory)

    def set_mode(self, name: str, mode: int) -> None:
        """Set the permission bits of a file or directory; UnsafeFileError for other types."""
        with self._parent(name) as (directory, last):
            status = os.stat(last, dir_fd=directory, follow_symlinks=False)
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise self._unsafe(name, f"it is {_kind(status.st_mode)}, which has no mode")
            os.chmod(last, mode, dir_fd=directory)

    def walk(self, name: str = "", *, most: int) -> Iterator[FoundFile]:
        """Everything below the directory `name`, each directory before its content.

        Links are listed and not followed. UnsafeFileError if there are more than `most` files, or
        if directories are nested too deeply.
        """
        count = 0
        waiting = [name]
        while waiting:
            directory = waiting.pop()
            inner = []
            items = self.list(directory, most=most - count)
            count += len(items)
            for found in items:
                yield found
                if found.is_directory:
                    inner.append(found.name)
            waiting += reversed(inner)

    def write(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Write the file `name` atomically; an existing file or link is replaced.

        Its directory must exist, see `make_directory`.
        """
        with self._parent(name) as (directory, last):
            temporary = f"{STAGING_PREFIX}{secrets.token_hex(8)}"
            try:
                with os.fdopen(os.open(temporary, _NEW, mode, dir_fd=directory), "wb") as file:
                    os.fchmod(file.fileno(), mode)
                    if os.geteuid() == 0:  # the owner of the directory owns its content
                        owner = os.fstat(directory)
                        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                    file.write(data)
                os.rename(temporary, last, src_dir_fd=directory, dst_dir_fd=directory)
            except IsADirectoryError:
                raise self._unsafe(name, "it is a directory, not a regular file") from None
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=directory)

    def make_directory(self, name: str) -> None:
        """Make the directory `name` and its parents, unless they exist."""
        parts = self._parts(name)
        for count in range(1, len(parts) + 1):
            part = "/".join(parts[:count])
            with self._parent(part) as (directory, last), contextlib.suppress(FileExistsError):
                os.mkdir(last, 0o755, dir_fd=directory)
                with self._directory(parts[:count]) as made:
                    os.fchmod(made, 0o755)  # whatever the umask
        with self._directory(parts):
            pass  # raises if one that existed before is a link

    def give_to(self, name: str, owner: int) -> None:
        """Make `owner` the user and group of `name`; of a link itself, not of its target."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (directory, last):
            os.chown(last, owner, owner, dir_fd=directory, follow_symlinks=False)

    def drop_special_bits(self, name: str) -> None:
        """Clear the setuid, setgid and sticky bits of a file; remove it if it cannot be opened."""
        try:
            with contextlib.suppress(FileNotFoundError), self._parent(name) as (directory, last):
                descriptor = self._descend(last, _READ, directory, name)
                try:
                    os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o777)
                finally:
                    os.close(descriptor)
        except PermissionError:
            self.remove(name)

    def remove(self, name: str) -> None:
        """Remove the file or link `name`, if it exists."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (directory, last):
            try:
                os.unlink(last, dir_fd=directory)
            except IsADirectoryError:
                raise self._unsafe(name, "it is a directory, not a regular file") from None

    def list(self, name: str = "", *, most: int) -> Sequence[FoundFile]:
        """The entries of the directory `name`, sorted; UnsafeFileError for more than `most`."""
        prefix = f"{name}/" if name else ""
        with (
            self._directory(self._parts(name) if name else []) as directory,
            os.scandir(directory) as entries,
        ):
            found = [
                FoundFile(prefix + entry.name, entry.stat(follow_symlinks=False))
                for entry in itertools.islice(entries, most + 1)
            ]
        if len(found) > most:
            raise self._unsafe(name or ".", "there are too many files below it")
        return sorted(found, key=lambda each: each.name)

    @contextlib.contextmanager
    def _parent(self, name: str) -> Iterator[tuple[int, str]]:
        """The open parent directory of `name`, and the last part of the name."""
        *parts, last = self._parts(name)
        with self._directory(parts) as directory:
            yield directory, last

    @contextlib.contextmanager
    def _directory(self, parts: Sequence[str]) -> Iterator[int]:
        descriptor = os.open(self.root, _DIRECTORY)
        try:
            for count, part in enumerate(parts, start=1):
                inner = self._descend(part, _DIRECTORY, descriptor, "/".join(parts[:count]))
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _descend(self, part: str, flags: int, directory: int, name: str) -> int:
        """Open one part of a name; UnsafeFileError if it is a link or a device."""
        try:
            return os.open(part, flags, dir_fd=directory)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
                raise
            status = os.stat(part, dir_fd=directory, follow_symlinks=False)
            wanted = "a directory" if flags & os.O_DIRECTORY else "a regular file"
            raise self._unsafe(name, f"it is {_kind(status.st_mode)}, not {wanted}") from None

    def _parts(self, name: str) -> Sequence[str]:
        parts = name.split("/")
        if "\0" in name or any(part in ("", ".", "..") for part in parts):
            raise self._unsafe(name, "its name could lead out of that directory")
        if len(parts) > _DEEPEST:
            raise self._unsafe(f"{name[:40]}...", "directories are nested too deeply")
        return parts

    def _unsafe(self, name: str, why: str) -> UnsafeFileError:
        return UnsafeFileError(
            f"{name!r} below {self.root} is not used",
            why=why,
            hint="the file was neither read nor written; do not trust the program that made it",
        )


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a directory",
        stat.S_IFREG: "a regular file",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")
