"""Files that the user names for a result: `--to`, `--junit`.

`-` is standard output, everywhere. A file is written to a temporary name and renamed. What is not
a regular file (a device, a named pipe) is written to and never replaced, and a link still leads
to its target. No directory is made: a path with a mistake in it would make a wrong one.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

from ingot.errors import MachineError, UserError
from ingot.files import disk_errors, write_atomic

STANDARD_OUTPUT = Path("-")


def require_output_file(path: Path) -> None:
    """UserError or MachineError if `write_output` could not write to the path.

    Called before the work that makes the result.
    """
    if _stream(path):
        return
    if path.is_dir():
        raise UserError(f"{path} is a directory", hint=f"name a file, such as {path / 'FILE'}")
    target = path if _is_special(path) else _parent(path)
    if not os.access(target, os.W_OK):
        raise _not_writable(path, target, "name a file that this user can write")


def require_output_directory(path: Path, option: str) -> None:
    """UserError or MachineError if `path`, the value of `option`, cannot be made as a directory.

    Called before the work that makes the files.
    """
    if path == STANDARD_OUTPUT:
        raise UserError(
            f"{option} needs a directory, and standard output is not one",
            hint="name a directory that does not exist yet",
        )
    if path.exists() or path.is_symlink():
        raise UserError(f"{path} exists already", hint="name a directory that does not exist yet")
    parent = _parent(path)
    if not os.access(parent, os.W_OK):
        raise _not_writable(path, parent, "name a directory where this user can make one")


def write_output(path: Path, data: bytes) -> None:
    """Write a result to the path that the user named for it."""
    if stream := _stream(path):
        stream.flush()
        stream.buffer.write(data)
        stream.flush()
    elif _is_special(path):
        with disk_errors(path), path.open("wb") as file:
            file.write(data)
    else:
        _parent(path)
        write_atomic(_target(path), data)


def is_standard_output(path: Path) -> bool:
    """Whether the path is `-`, or another name of standard output, such as /dev/stdout."""
    return path == STANDARD_OUTPUT or _names(path, sys.stdout)


def _stream(path: Path) -> TextIO | None:
    """Standard output or error, if the path is a name of it."""
    if is_standard_output(path):
        return sys.stdout
    return sys.stderr if _names(path, sys.stderr) else None


def _names(path: Path, stream: TextIO) -> bool:
    with contextlib.suppress(OSError, ValueError):  # nothing has the name, or no file is open
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    return False


def _is_special(path: Path) -> bool:
    """Whether the path leads to something that a rename would not write to.

    /dev/fd/N is a link that can lead to a file without a name: its target is another file.
    """
    return path.exists() and not (path.is_file() and _target(path).exists())


def _target(path: Path) -> Path:
    """The path without links; a loop of links is left as it is."""
    return Path(os.path.realpath(path))


def _parent(path: Path) -> Path:
    """The directory in which the file is written; a UserError if there is none."""
    shown = (_target(path) if path.is_symlink() else path).parent
    if not shown.is_dir():
        raise UserError(
            f"there is no directory {shown}, so {path} cannot be written",
            hint=f"correct the path, or make the directory: mkdir -p {shown}",
        )
    return shown.absolute()


def _not_writable(path: Path, place: Path, hint: str) -> MachineError:
    return MachineError(
        f"{path} cannot be written",
        why=f"this user may not write to {place}, or its file system is read-only",
        hint=hint,
    )
