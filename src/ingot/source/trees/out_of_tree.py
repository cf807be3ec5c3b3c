"""The source of modules that are not of a kernel's tree: a folder of somebody's, copied."""

from __future__ import annotations

import os
import shutil
import stat
from fnmatch import fnmatchcase
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import disk_errors
from ingot.source.trees.tree_digest import tree_digest

_MAKEFILES = ("Kbuild", "Makefile")
_TIME = 1
"""Of every file, in seconds since 1970."""

_LEFT_OUT = (
    *(".git", ".tmp_*", ".*.cmd", ".*.d", "*.o", "*.ko", "*.mod", "*.mod.c", "*.a"),
    *("Module.symvers", "modules.order", "modules.nsdeps"),
)
"""What is no source: what an earlier make left (kernel: Makefile, "clean" with KBUILD_EXTMOD)."""


def require_module_source(folder: Path) -> None:
    """UserError unless the folder looks like the source of modules."""
    if not folder.is_dir():
        raise UserError(
            f"there is no folder {folder}", hint="name the folder that has the module's Makefile"
        )
    if not any((folder / name).is_file() for name in _MAKEFILES):
        raise UserError(
            f"{folder} has neither a Kbuild nor a Makefile",
            why="it takes one to say what is compiled",
            hint="the least that does, for hello.c: obj-m += hello.o",
        )


def copy_module_source(folder: Path, to: Path) -> Digest:
    """Copy the folder to `to`, which is new or empty, and return its digest, see `tree_digest`.

    What an earlier make has left there does not count and is not copied. All files get one time:
    make compares times, and what it makes of a source must not depend on when that was unpacked.
    UserError for what is neither a file nor a link nor a folder.
    """
    with disk_errors(to):
        to.mkdir(exist_ok=True)
    waiting = [(folder, to)]
    while waiting:
        waiting += _copy(*waiting.pop())
    return tree_digest(to)


def _copy(folder: Path, to: Path) -> list[tuple[Path, Path]]:
    """Copy what is in a folder itself; the folders in it, and where they are to be copied to."""
    inner = []
    with os.scandir(folder) as items:
        for item in sorted(items, key=lambda item: item.name):
            if any(fnmatchcase(item.name, pattern) for pattern in _LEFT_OUT):
                continue
            target = to / item.name
            mode = item.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                target.mkdir()
                inner.append((Path(item.path), target))
            elif stat.S_ISLNK(mode):
                target.symlink_to(Path(item.path).readlink())
            elif stat.S_ISREG(mode):
                shutil.copyfile(item.path, target)
                target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
                os.utime(target, (_TIME, _TIME))
            else:
                raise UserError(
                    f"{item.path} is neither a file nor a link nor a folder",
                    hint="remove it, or give another folder",
                )
    return inner
