"""Unpacks a tarball with GNU tar, and refuses contents that no kernel tarball has.

tar itself keeps members inside the directory: it drops leading slashes, refuses `..`, and creates
links only after everything else (GNU tar manual, "Security"). The unpacked tree is then checked: if
it has anything but regular files, directories and links that stay inside, the tarball is refused.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import UserError, VerificationError
from ingot.process import CommandFailedError, require_tool, run
from ingot.progress import Step
from ingot.source.origin import Archive
from ingot.source.transfer.tarball_compression import (
    MAX_BYTES,
    MAX_ENTRIES,
    DamagedError,
    PlainTar,
    TarballCompression,
)

_RECORD = 10240
_CHECK_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The only top-level directory of a tarball, and its size on disk in bytes."""

    tree: Path
    size: int


def unpack(archive: Archive, staging: Path, step: Step) -> Unpacked:
    """Unpack `archive` to `tree` below the empty directory `staging`.

    Raises UserError if the tarball is truncated or corrupt, VerificationError if it is not
    the file that was verified or has unsafe contents, MachineError if the disk is full or
    a program is missing. After an error the caller removes `staging`.
    """
    _run_tar(archive, staging, step)
    top = list(staging.iterdir())
    if len(top) != 1 or top[0].is_symlink() or not top[0].is_dir():
        raise _unsafe(archive, "it does not have exactly one top-level directory")
    # Renamed before links are checked: a link that leads out and back in by the old name is unsafe.
    tree = top[0].rename(staging / "tree")
    return Unpacked(tree, _check_and_settle(archive, tree))


def _run_tar(archive: Archive, staging: Path, step: Step) -> None:
    total = archive.path.stat().st_size
    tar = PlainTar(archive.path, archive.form, lambda done: step.advance(done, total, unit="bytes"))
    listener = _Listener(archive)
    argv = _tar_command(archive.form, staging)
    try:
        run(argv, env={"LC_ALL": "C"}, stdin=tar, on_line=listener.read_line, keep_output=False)
        # bytes after the end of the tar are part of the digests as well
        packed, plain = tar.finish()
    except DamagedError as error:
        raise _damaged(archive, str(error)) from error
    except CommandFailedError as error:
        raise _damaged(archive, "\n".join(listener.messages[:5])) from error
    if packed != archive.digest or archive.plain not in (None, plain):
        raise VerificationError(
            f"{archive.path.name} changed after it was verified",
            hint="run the same command again",
        )


def _damaged(archive: Archive, why: str) -> UserError:
    return UserError(
        f"{archive.path.name} is truncated or corrupt", why=why, hint="download the file again"
    )


def _tar_command(form: TarballCompression, staging: Path) -> list[str]:
    """The command that unpacks a tar from standard input; zstd needs the program zstd."""
    if form is TarballCompression.ZSTD:
        require_tool("zstd")
    options = "-x -f - --no-same-owner --same-permissions --delay-directory-restore"
    return [
        "tar",
        *options.split(),
        *(["-I", "zstd"] if form is TarballCompression.ZSTD else []),
        f"--checkpoint={_CHECK_RECORDS}",
        "--checkpoint-action=echo=%u",
        "-C",
        str(staging),
    ]


class _Listener:
    """Reads tar's output: checkpoints and error messages. Some messages stop it at once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.messages: list[str] = []

    def read_line(self, line: str) -> None:
        if record := re.fullmatch(r"tar: (\d+)", line):
            if int(record[1]) * _RECORD > MAX_BYTES:
                raise _unsafe(self._archive, f"it holds more than {MAX_BYTES >> 30} GiB")
            return
        self.messages.append(line)
        if "No space left on device" in line or "Disk quota exceeded" in line:
            # disk_errors turns this into the same error as elsewhere in Ingot
            raise OSError(errno.ENOSPC, line)
        if "contains '..'" in line:
            raise _unsafe(self._archive, "a name in it leads outside (`..`)")


def _check_and_settle(archive: Archive, top: Path) -> int:
    """Refuse unsafe files below `top`, and give the rest modes that do not depend on the umask.

    Returns the size on disk in bytes. Modes: 0755 for directories and files that the owner can
    execute, 0644 for the rest, as in git.
    """
    size = length = 0
    root = os.path.realpath(top)
    linked: dict[int, list[tuple[str, os.stat_result]]] = {}
    for count, (path, status) in enumerate(_walk(root)):
        if count > MAX_ENTRIES:
            raise _unsafe(archive, f"it holds more than {MAX_ENTRIES} files")
        name = os.path.relpath(path, root)
        if stat.S_ISLNK(status.st_mode):
            _check_link(archive, root, path, name)
        elif stat.S_ISREG(status.st_mode):
            if status.st_nlink > 1:
                linked.setdefault(status.st_ino, []).append((path, status))
            else:
                _settle_file(path, status)
        elif not stat.S_ISDIR(status.st_mode):
            raise _unsafe(archive, f"{name} is a device, a pipe or a socket")
        size += status.st_blocks * 512
        length += status.st_size
        if length > MAX_BYTES:  # a sparse file is long but uses no space
            raise _unsafe(archive, f"its files have more than {MAX_BYTES >> 30} GiB")
    for same in linked.values():
        path, status = same[0]
        if len(same) != status.st_nlink:
            raise _unsafe(
                archive, f"{os.path.relpath(path, root)} is a hard link that leads outside"
            )
        _settle_file(path, status)
    return size


def _walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every path below `root` with its status. A directory's mode is set before it is entered."""
    directories = [root]
    while directories:
        directory = directories.pop()
        os.chmod(directory, 0o755)  # noqa: PTH101 (strings: 84,000 Paths take a second)
        with os.scandir(directory) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    directories.append(entry.path)
                yield entry.path, status


def _settle_file(path: str, status: os.stat_result) -> None:
    wanted = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    if stat.S_IMODE(status.st_mode) != wanted:
        os.chmod(path, wanted)  # noqa: PTH101


def _check_link(archive: Archive, root: str, path: str, name: str) -> None:
    """Refuse a link that is absolute or whose resolved target is not below `root`."""
    target = os.readlink(path)  # noqa: PTH115
    resolved = os.path.realpath(path)
    if target.startswith("/") or not (resolved + "/").startswith(root + "/"):
        raise _unsafe(archive, f"the link {name} leads outside, to {target}")


def _unsafe(archive: Archive, why: str) -> VerificationError:
    return VerificationError(
        f"{archive.path.name} was refused",
        why=why,
        hint="no kernel release looks like this: do not use this file",
    )
