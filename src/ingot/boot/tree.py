"""A folder as an initramfs, and the init in it: how the files of any image become a guest's root."""

from __future__ import annotations

import contextlib
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
    out. /dev/console is added. A path that leads over links of `root` (/lib is one in most
    distributions) is where they lead.
    """
    records = [record("/dev", stat.S_IFDIR | 0o755)]
    records.append(record("/dev/console", stat.S_IFCHR | 0o600, device=CONSOLE))
    records += _records(root, PurePosixPath("/"))
    for folder, name in more:
        place = _resolve(root, name) or PurePosixPath(name)
        for missing in reversed((place, *place.parents[:-1])):
            if not (root / missing.relative_to("/")).is_dir():
                records.append(record(str(missing), stat.S_IFDIR | 0o755))
        records += _records(folder, place)
    records.append(record(TRAILER, 0))
    return b"".join(records)


def _records(folder: Path, place: PurePosixPath) -> Iterator[bytes]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name, mode = str(place / entry.name), entry.stat(follow_symlinks=False).st_mode
        if entry.is_symlink():
            yield record(name, mode, os.fsencode(os.readlink(entry.path)))  # noqa: PTH115
        elif entry.is_dir():
            yield record(name, mode)
            with _readable(Path(entry.path), mode):
                yield from _records(Path(entry.path), place / entry.name)
        elif entry.is_file():
            with _readable(Path(entry.path), mode):
                data = Path(entry.path).read_bytes()
            yield record(name, mode, data)


@contextlib.contextmanager
def _readable(path: Path, mode: int) -> Iterator[None]:
    """What its owner may not read is read all the same, as root does in the image."""
    needed = stat.S_IRUSR | (stat.S_IXUSR if stat.S_ISDIR(mode) else 0)
    if mode & needed == needed:
        yield
        return
    path.chmod(stat.S_IMODE(mode) | needed)
    try:
        yield
    finally:
        path.chmod(stat.S_IMODE(mode))


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
    """Whether a path leads to a file inside `root`."""
    place = _resolve(root, name)
    return place is not None and (root / place.relative_to("/")).is_file()


def _resolve(root: Path, name: str) -> PurePosixPath | None:
    """Where an absolute path leads in `root`, whose links are those of a root of its own.

    It need not be there. None if it leads nowhere, for its links go round.
    """
    waiting, place = list(reversed(PurePosixPath(name).parts[1:])), PurePosixPath("/")
    for _ in range(_MOST_LINKS):
        while waiting:
            part = waiting.pop()
            place = place.parent if part == ".." else place / part
            here = root / place.relative_to("/")
            if here.is_symlink():
                target = PurePosixPath(os.readlink(here))  # noqa: PTH115
                place = PurePosixPath("/") if target.is_absolute() else place.parent
                waiting += reversed([part for part in target.parts if part != "/"])
                break
        else:
            return place
    return None
