"""A folder as an initramfs, and the init in it: how the files of any image become a guest's root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ingot.boot.initramfs import CONSOLE, TRAILER, record
from ingot.errors import UserError

_INITS = ("/init", "/sbin/init", "/lib/systemd/systemd", "/etc/init", "/bin/init", "/bin/sh")
"""Where an init is looked for: as the kernel does (init/main.c), with systemd's own name."""

_MOST_LINKS = 40


def pack(root: Path, *more: tuple[Path, str]) -> bytes:
    """An archive of all below `root`, and of what is below other folders as if it were at a path.

    All belongs to root, as in the images it comes from; what is no file, folder or link is left
    out. /dev/console is added.
    """
    records = [record("/dev", stat.S_IFDIR | 0o755)]
    records.append(record("/dev/console", stat.S_IFCHR | 0o600, device=CONSOLE))
    for folder, place in ((root, "/"), *more):
        for parent in reversed(PurePosixPath(place).parents[:-1]):
            records.append(record(str(parent), stat.S_IFDIR | 0o755))
        records += _records(folder, PurePosixPath(place))
    records.append(record(TRAILER, 0))
    return b"".join(records)


def _records(folder: Path, place: PurePosixPath) -> Iterator[bytes]:
    if place.parts[1:]:
        yield record(str(place), stat.S_IFDIR | 0o755)
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name, mode = str(place / entry.name), entry.stat(follow_symlinks=False).st_mode
        if entry.is_symlink():
            yield record(name, mode, os.fsencode(os.readlink(entry.path)))  # noqa: PTH115
        elif entry.is_dir():
            yield record(name, mode)
            yield from _records(Path(entry.path), place / entry.name)
        elif entry.is_file():
            yield record(name, mode, Path(entry.path).read_bytes())


def find_init(root: Path) -> str:
    """The path of the init that a root has; a UserError if it has none, and no shell either."""
    for name in _INITS:
        if _is_there(root, name):
            return name
    raise UserError(
        "the image has no init",
        why=f"there is none of {', '.join(_INITS)} in it",
        hint="take an image that has a shell at least",
    )


def _is_there(root: Path, name: str) -> bool:
    """Whether a path leads to a file inside `root`, whose links are those of a root of its own."""
    waiting, place = list(reversed(PurePosixPath(name).parts[1:])), PurePosixPath("/")
    for _ in range(_MOST_LINKS):
        while waiting:
            part = waiting.pop()
            place = place.parent if part == ".." else place / part
            here = root / place.relative_to("/")
            if here.is_symlink():
                target = PurePosixPath(os.readlink(here))  # noqa: PTH115
                start = PurePosixPath("/") if target.is_absolute() else place.parent
                place = start
                waiting += reversed([p for p in target.parts if p != "/"])
                break
        else:
            return (root / place.relative_to("/")).is_file()
    return False
