"""Unpacks an image's layers into a new directory.

The directory is renamed to its final name after every layer is verified and on the disk. Entries
cannot leave it: names with `..` are refused, and so are names that go through a link. It does not
need root: owners are not restored, devices and pipes are left out, and the setuid and setgid bits
are cleared, since they would apply to another owner than in the image.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingot import process
from ingot.errors import UserError
from ingot.files import disk_errors, remove_tree, staging_directory, sync_directory
from ingot.oci.image import Image
from ingot.oci.layer_entry import EntryKind
from ingot.oci.layer_reader import LayerMember, open_layer
from ingot.oci.layout import Layout
from ingot.oci.limits import IMAGE_BYTES, Allowance
from ingot.oci.path_tree import PathTree
from ingot.progress import Silent, Step

_MODE_BITS = 0o1777
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNUSABLE = (errno.ENAMETOOLONG, errno.EMLINK, errno.EILSEQ, errno.EINVAL, errno.EOVERFLOW)
"""The errors for names, links and times that this file system does not support."""


def _require_new(to: Path) -> None:
    if to.exists() or to.is_symlink():
        raise UserError(f"{to} exists already", hint="name a directory that does not exist yet")


def extract(
    layout: Layout,
    image: Image,
    to: Path,
    step: Step | None = None,
    *,
    limit: int = IMAGE_BYTES,
) -> None:
    """Unpack `image` atomically into the new directory `to`, with modes and times.

    UserError if `to` exists, an entry would leave it, or there are more than `limit` bytes in all
    layers; VerificationError if a layer is damaged, MachineError if the disk is full.
    """
    _require_new(to)
    total = sum(layer.descriptor.size for layer in image.layers)
    done, allowance = 0, Allowance(limit)
    with disk_errors(to.parent), _usable(image), staging_directory(to.parent) as staging:
        root = staging / "root"
        tree = _Tree(root)
        for layer in image.layers:
            tree.begin_layer()
            with open_layer(layout, layer, allowance) as tar:
                for member in tar:
                    tree.add(member, tar.content())
            done += layer.descriptor.size
            (step or Silent()).advance(done, total)
        tree.finish()
        # One flush of the file system instead of one per file, before the final rename.
        process.run(["sync", "--file-system", str(root)])
        root.rename(to)
        sync_directory(to.parent)


@contextlib.contextmanager
def _usable(image: Image) -> Iterator[None]:
    """Raise an error for a file that this file system does not support as a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNUSABLE:
            raise
        raise UserError(
            f"the image {image.descriptor.digest.short} has a file that cannot be written here",
            why=error.strerror or str(error),
            hint="the unpacked files were removed; use another file system or a shorter path",
        ) from None


class _Tree:
    """A directory that is filled layer by layer. No other process writes to it."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        _new_directory(self._root)
        self._directories: PathTree[LayerMember | None] = PathTree()
        self._directories[""] = None
        self._added: set[str] = set()
        self._cleared: set[str] = set()

    def begin_layer(self) -> None:
        self._added = set()
        self._cleared = set()

    def add(self, member: LayerMember, content: Iterable[bytes]) -> None:
        """Write one entry of the current layer, replacing that of the layers below."""
        if member.hides is not None:
            self._hide(member.hides, itself=not member.opaque)
            return
        if not member.name or member.kind == EntryKind.OTHER:
            return
        self._enter_directory(member.name.rpartition("/")[0])
        self._note_added(member.name)
        if member.kind == EntryKind.DIRECTORY:
            self._make_directory(member)
            return
        self._remove(member.name)
        path = self._path(member.name)
        if member.kind == EntryKind.FILE:
            _write_file(path, member, content)
        elif member.kind == EntryKind.LINK:
            os.symlink(member.target, path)  # noqa: PTH211
            os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)
        else:
            self._hard_link(member)

    def finish(self) -> None:
        """Set the modes and times of the directories, after the last file is written."""
        for name, member in sorted(
            self._directories.items(), key=lambda item: item[0], reverse=True
        ):
            if member and name:
                os.chmod(self._path(name), member.mode & _MODE_BITS)  # noqa: PTH101
                os.utime(self._path(name), (member.mtime, member.mtime))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _enter_directory(self, name: str) -> None:
        """Make the directory `name`; none of its parts can be a link."""
        if name in self._directories:
            return
        self._enter_directory(name.rpartition("/")[0])
        status = _status(self._path(name))
        if status is None:
            _new_directory(self._path(name))
        elif not stat.S_ISDIR(status.st_mode):
            raise UserError(
                f"the image has entries below '{name}', which is not a directory",
                why="following a link there could lead out of the image",
            )
        self._directories[name] = None

    def _make_directory(self, member: LayerMember) -> None:
        if member.name not in self._directories:
            self._remove(member.name)
            _new_directory(self._path(member.name))
        self._directories[member.name] = member

    def _hard_link(self, member: LayerMember) -> None:
        self._enter_directory(member.target.rpartition("/")[0])
        status = _status(self._path(member.target))
        if status is None or not stat.S_ISREG(status.st_mode):
            raise UserError(
                f"the image has a hard link '{member.name}' to '{member.target}', which is"
                " not a file in it"
            )
        os.link(self._path(member.target), self._path(member.name), follow_symlinks=False)

    def _remove(self, name: str) -> None:
        """Remove `name`, a directory with all below it, if it exists."""
        if name not in self._directories:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))  # noqa: PTH108
            return
        remove_tree(Path(self._path(name)))
        self._directories.remove(name)

    def _hide(self, name: str, *, itself: bool) -> None:
        """Apply a whiteout: it removes entries of the layers below, never of its own layer."""
        directory = name.rpartition("/")[0] if itself else name
        if not self._is_directory(directory):
            return
        if itself and name not in self._added:
            self._remove(name)
        if not itself:
            self._clear(name)

    def _clear(self, directory: str) -> None:
        """Remove the entries of the layers below in a directory; needed only once per layer."""
        if directory in self._cleared:
            return
        self._cleared.add(directory)
        for item in os.listdir(self._path(directory)):  # noqa: PTH208
            inner = f"{directory}/{item}" if directory else item
            if inner not in self._added:
                self._remove(inner)
            elif self._is_directory(inner):
                self._clear(inner)

    def _is_directory(self, name: str) -> bool:
        """Whether `name` is a directory and no part of it is a link."""
        if name in self._directories:
            return True
        status = _status(self._path(name))
        return (
            self._is_directory(name.rpartition("/")[0])
            and status is not None
            and stat.S_ISDIR(status.st_mode)
        )

    def _note_added(self, name: str) -> None:
        while name and name not in self._added:
            self._added.add(name)
            name = name.rpartition("/")[0]


def _write_file(path: str, member: LayerMember, content: Iterable[bytes]) -> None:
    descriptor = os.open(path, _NEW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        for chunk in content:
            file.write(chunk)
        os.fchmod(descriptor, member.mode & _MODE_BITS)
        os.utime(descriptor, (member.mtime, member.mtime))


def _new_directory(path: str) -> None:
    """Make a directory whose mode does not depend on the umask."""
    os.mkdir(path)  # noqa: PTH102
    os.chmod(path, 0o755)  # noqa: PTH101


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
