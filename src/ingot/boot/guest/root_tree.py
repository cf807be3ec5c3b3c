"""Packs the files of any image as an initramfs, and finds the init in them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ingot.boot.initramfs import CONSOLE, TRAILER, record
from ingot.confined_files import ConfinedDirectory, FoundFile, UnsafeFileError
from ingot.errors import UserError
from ingot.oci.limits import ENTRIES, PART_BYTES

ROOT_BYTES = 4 << 30
"""The most bytes of all files of a root. No machine here loads a larger initramfs: QEMU and the
boot protocol of x86 count its bytes in 32 bits (kernel: Documentation/arch/x86/boot.rst), and the
archive counts those of each file so too."""

_INITS = ("/init", "/sbin/init", "/lib/systemd/systemd", "/etc/init", "/bin/init", "/bin/sh")
"""The paths of an init, in the kernel's order (init/main.c), with systemd's own path added."""

_MOST_LINKS = 40


def pack(root: Path, *more: tuple[Path, str]) -> bytes:
    """An archive of all files below `root`, and of `more` directories, each placed at a path.

    All files belong to root, as in the images they come from. Only files, directories and links
    are included, and /dev/console is added. Links of `root` in a path are followed (/lib is one in
    most distributions), but never out of `root`. UserError if a guest cannot hold all of it.
    """
    records = [record("/dev", stat.S_IFDIR | 0o755)]
    records.append(record("/dev/console", stat.S_IFCHR | 0o600, device=CONSOLE))
    records += _records(root, PurePosixPath("/"))
    for directory, name in more:
        place = resolve(root, name) or PurePosixPath(name)
        for missing in reversed((place, *place.parents[:-1])):
            if not _is(root, missing, directory=True):
                records.append(record(str(missing), stat.S_IFDIR | 0o755))
        records += _records(directory, place)
    records.append(record(TRAILER, 0))
    if (size := sum(map(len, records))) > ROOT_BYTES:
        raise too_large(size)
    return b"".join(records)


def _records(directory: Path, place: PurePosixPath) -> Iterator[bytes]:
    """The entries of all below a directory. Files that their owner cannot read are included, as
    root can read them in the image."""
    files = ConfinedDirectory(directory)
    closed: dict[str, int] = {}
    left = ROOT_BYTES
    for found in files.walk(most=ENTRIES):
        name, mode = str(place / found.name), found.status.st_mode
        if found.is_link:
            yield record(name, mode, os.fsencode(files.read_link(found.name)))
        elif found.is_directory:
            if _is_closed(found):
                closed[found.name] = mode
                files.set_mode(found.name, stat.S_IMODE(mode) | stat.S_IRWXU)
            yield record(name, mode)
        elif found.is_file:
            if found.status.st_size > left:
                raise too_large(found.status.st_size)
            data = _read(files, found)
            left -= len(data)
            yield record(name, mode, data)
    for closed_name in reversed(closed):
        files.set_mode(closed_name, stat.S_IMODE(closed[closed_name]))


def _read(files: ConfinedDirectory, found: FoundFile) -> bytes:
    if not _is_closed(found):
        return files.read(found.name, ROOT_BYTES)
    mode = stat.S_IMODE(found.status.st_mode)
    files.set_mode(found.name, mode | stat.S_IRUSR)
    try:
        return files.read(found.name, ROOT_BYTES)
    finally:
        files.set_mode(found.name, mode)


def _is_closed(found: FoundFile) -> bool:
    needed = stat.S_IRUSR | (stat.S_IXUSR if found.is_directory else 0)
    return found.status.st_mode & needed != needed


def too_large(size: int) -> UserError:
    """The error for a root that has too many bytes, or whose file has that many."""
    return UserError(
        "the image is too large for the root of a guest",
        why=f"its files, or one of them, have {size:,} bytes; the limit is {ROOT_BYTES:,}",
        hint="use a smaller image",
    )


def find_init(root: Path) -> str:
    """The path of the init in a root; a UserError if it has neither an init nor a shell."""
    for name in _INITS:
        if _is_there(root, name):
            return name
    raise UserError(
        "the image has no init",
        why=f"it has none of {', '.join(_INITS)}",
        hint="use an image that has at least a shell",
    )


def _is_there(root: Path, name: str) -> bool:
    """Whether a path leads to a file inside `root`, through links if need be."""
    place = resolve(root, name)
    return place is not None and _is(root, place, directory=False)


def _is(root: Path, place: PurePosixPath, *, directory: bool) -> bool:
    """Whether a path without links is that of a directory, or of a file."""
    if not place.name:
        return directory
    found = _find(ConfinedDirectory(root), place)
    return found is not None and (found.is_directory if directory else found.is_file)


def _find(files: ConfinedDirectory, place: PurePosixPath) -> FoundFile | None:
    """The file at a path, if everything above it is a directory and not a link."""
    with contextlib.suppress(UnsafeFileError):
        return files.find(str(place).lstrip("/")) if place.name else None
    return None


def resolve(root: Path, name: str) -> PurePosixPath | None:
    """The path without links that an absolute path of `root` leads to, as if `root` were "/".

    It need not exist. None if its links form a loop.
    """
    files = ConfinedDirectory(root)
    waiting, place = list(reversed(PurePosixPath(name).parts[1:])), PurePosixPath("/")
    for _ in range(_MOST_LINKS):
        while waiting:
            part = waiting.pop()
            if len(os.fsencode(part)) > PART_BYTES:
                return None
            place = place.parent if part == ".." else place / part
            found = _find(files, place)
            if found and found.is_link:
                target = PurePosixPath(files.read_link(found.name))
                place = PurePosixPath("/") if target.is_absolute() else place.parent
                waiting += reversed([part for part in target.parts if part.strip("/")])
                break
        else:
            return place
    return None
