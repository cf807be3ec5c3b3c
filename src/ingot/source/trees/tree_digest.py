"""The digest of a directory's contents: everything that a build can depend on."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError

_FORMAT = b"ingot-tree-1\n"


def tree_digest(tree: Path, on_file: Callable[[int], None] | None = None) -> Digest:
    """The digest of all files and links below `tree`, without a top-level `.git`.

    One record for each, in byte order of the paths relative to `tree`, which use `/`:

        x|f|l  path  NUL  sha256 of the content (x: executable) or the link's target  NUL

    after a line that names this format. Times, owners, other mode bits and empty directories
    are not included (git does not store them either). `on_file` is called with the number of files
    read so far. Raises UserError for anything but a file, a symlink or a directory.
    """
    hasher = hashlib.sha256(_FORMAT)
    for count, path in enumerate(sorted(_files(os.fsencode(tree), b"")), start=1):
        full = os.path.join(os.fsencode(tree), path)  # noqa: PTH118 (paths are bytes here)
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            kind, content = b"l", os.readlink(full)  # noqa: PTH115
        elif stat.S_ISREG(mode):
            kind = b"x" if mode & stat.S_IXUSR else b"f"
            content = Digest.of_file(Path(os.fsdecode(full))).hex.encode()
        else:
            raise UserError(
                f"{os.fsdecode(full)} is neither a file nor a link nor a directory",
                hint="remove it, or use another tree",
            )
        hasher.update(kind + path + b"\0" + content + b"\0")
        if on_file and count % 500 == 0:
            on_file(count)
    return Digest(hasher.hexdigest())


def _files(root: bytes, below: bytes) -> Iterator[bytes]:
    """The relative paths of everything except directories."""
    waiting = [below]
    while waiting:
        directory = waiting.pop()
        with os.scandir(os.path.join(root, directory)) as entries:  # noqa: PTH118
            for entry in entries:
                path = directory + b"/" + entry.name if directory else entry.name
                if path == b".git":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield path
