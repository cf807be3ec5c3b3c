"""The source directory of out-of-tree modules: its validation and copy."""

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
"""The modification time of every copied file, in seconds since 1970."""

_LEFT_OUT = (
    *(".git", ".tmp_*", ".*.cmd", ".*.d", "*.o", "*.ko", "*.mod", "*.mod.c", "*.a"),
    *("Module.symvers", "modules.order", "modules.nsdeps"),
)
"""Output of an earlier make, not source (kernel: Makefile, "clean" with KBUILD_EXTMOD)."""


def require_module_source(directory: Path) -> None:
    """UserError unless the directory looks like the source of modules."""
    if not directory.is_dir():
        raise UserError(
            f"there is no directory {directory}",
            hint="name the directory that has the module's Makefile",
        )
    if not any((directory / name).is_file() for name in _MAKEFILES):
        raise UserError(
            f"{directory} has neither a Kbuild nor a Makefile",
            why="one of them must say what is compiled",
            hint="for hello.c, a Makefile with this line is enough: obj-m += hello.o",
        )


def copy_module_source(directory: Path, to: Path) -> Digest:
    """Copy the directory to `to`, which is new or empty, and return its digest, see `tree_digest`.

    The output of an earlier make is not copied. All files get the same time: make compares times,
    and its result must not depend on when the source was unpacked. UserError for anything but a
    file, a symlink or a directory.
    """
    with disk_errors(to):
        to.mkdir(exist_ok=True)
    waiting = [(directory, to)]
    while waiting:
        waiting += _copy(*waiting.pop())
    return tree_digest(to)


def _copy(directory: Path, to: Path) -> list[tuple[Path, Path]]:
    """Copy the files directly in a directory; returns its subdirectories and their targets."""
    inner = []
    with os.scandir(directory) as items:
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
                    f"{item.path} is neither a file nor a link nor a directory",
                    hint="remove it, or name another directory",
                )
    return inner
