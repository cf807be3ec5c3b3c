"""The entries of a new layer: files, directories and links, independent of the machine.

Only names, types, contents, link targets and whether a file is executable are kept. Owners,
times, extended attributes and the effects of a umask are not. Two names of one inode become two
regular files: whether a copy kept a hard link must not change a digest.
"""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ingot.errors import MachineError, UserError

_CHUNK = 1 << 20
WHITEOUT_PREFIX = ".wh."
"""The prefix that marks a removed file in a layer (OCI image-spec, layer.md, "Whiteouts")."""


class EntryKind(enum.Enum):
    """The type of an entry of a layer."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    HARD_LINK = "hard link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One file, directory or symbolic link of a layer to be written.

    `name` is relative to the image's root, without `.` or `..`; `size` is in bytes; `content` is
    a file's bytes or the path that has them; `target` is the target of a link.
    """

    name: str
    kind: EntryKind
    mode: int
    size: int = 0
    content: Path | bytes = b""
    target: str = ""

    def __post_init__(self) -> None:
        parts = self.name.split("/")
        if "\0" in self.name or any(part in ("", ".", "..") for part in parts):
            raise UserError(
                f"'{self.name}' cannot be a name in an image",
                why="names are relative to the root, without empty, '.' or '..' parts",
            )
        if any(part.startswith(WHITEOUT_PREFIX) for part in parts):
            raise UserError(
                f"'{self.name}' cannot be a name in an image",
                why="in a layer, a name that begins with '.wh.' marks a removed file",
            )

    def chunks(self) -> Iterator[bytes]:
        """A file's bytes. MachineError if it cannot be read or has changed."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        left = self.size
        try:
            with _open_regular(self.content) as file:
                while chunk := file.read(min(_CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    yield chunk
        except OSError as error:
            raise MachineError(f"cannot read {self.content}", why=str(error)) from error
        if left:
            raise MachineError(
                f"{self.content} changed while it was put into an image",
                hint="make sure that nothing writes to it, then run the same command again",
            )


def file_entry(name: str, content: Path | bytes, mode: int = 0o644) -> LayerEntry:
    """A regular file, from a path (a link is followed) or from bytes."""
    if isinstance(content, bytes):
        return LayerEntry(name, EntryKind.FILE, mode, len(content), content)
    path = content.resolve()
    if not path.is_file():
        raise UserError(f"{content} cannot be put into an image", why="it is not a regular file")
    return LayerEntry(name, EntryKind.FILE, mode, path.stat().st_size, path)


def directory_entry(name: str) -> LayerEntry:
    """A directory. Parents of other entries can be left out: writing a layer adds them."""
    return LayerEntry(name, EntryKind.DIRECTORY, 0o755)


def link_entry(name: str, target: str) -> LayerEntry:
    """A symbolic link; `target` is kept as it is."""
    if not target or "\0" in target:
        raise UserError(f"the link '{name}' has no usable target")
    return LayerEntry(name, EntryKind.LINK, 0o777, target=target)


def tree_entries(root: Path, prefix: str = "") -> list[LayerEntry]:
    """All entries below the directory `root`, with the prefix `prefix/`, and `prefix` itself.

    Links are kept, not followed. UserError for anything but files, directories and links.
    """
    prefix = prefix.strip("/")
    if not root.is_dir():
        raise UserError(f"{root} cannot be put into an image", why="it is not a directory")
    entries = [directory_entry(prefix)] if prefix else []
    try:
        _add_directory(str(root), f"{prefix}/" if prefix else "", entries)
    except OSError as error:
        raise MachineError(f"cannot read {root}", why=str(error)) from error
    return entries


def _add_directory(directory: str, prefix: str, entries: list[LayerEntry]) -> None:
    with os.scandir(directory) as items:
        for item in items:
            name = prefix + item.name
            entries.append(_entry_on_disk(name, item))
            if item.is_dir(follow_symlinks=False):
                _add_directory(item.path, f"{name}/", entries)


def _entry_on_disk(name: str, item: os.DirEntry[str]) -> LayerEntry:
    status = item.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        return directory_entry(name)
    if stat.S_ISLNK(status.st_mode):
        return link_entry(name, str(Path(item.path).readlink()))
    if stat.S_ISREG(status.st_mode):
        mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        return LayerEntry(name, EntryKind.FILE, mode, status.st_size, Path(item.path))
    raise UserError(
        f"{item.path} cannot be put into an image",
        why="it is a socket, a pipe or a device; images contain files, directories and links",
    )


def _open_regular(path: Path) -> BinaryIO:
    """Open a file that was regular before; a link or a pipe that replaced it is refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no longer a regular file")
    return cast(BinaryIO, os.fdopen(descriptor, "rb", buffering=0))
