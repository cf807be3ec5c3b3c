"""Makes an ext4 disk of the files of any image, for roots that are too large for an initramfs.

mke2fs(8) fills the disk in the sandbox, whose user cannot read all files of an image, and owns
none of them. So the files are made readable first, and debugfs(8) then gives each its mode and
its owner, root, which all files of an initramfs have too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingot.boot.guest.root_disks import fill_disk
from ingot.boot.guest.root_tree import ROOT_BYTES, resolve, too_large
from ingot.builder.sandbox import INPUTS, Sandbox, run_tool
from ingot.confined_files import ConfinedDirectory, FoundFile
from ingot.files import disk_errors, remove_tree
from ingot.oci.limits import ENTRIES

_FILES, _MODES = "root.files", "root.modes"
_BLOCK = 4096
_SPARE_BYTES = 256 << 20
"""Bytes for the guest to write, and for ext4's journal. A sparse file does not use them."""

_SPARE_INODES = 4096
_LONGEST_COMMAND = 4096
"""Bytes of a line that debugfs reads whole; its buffer has BUFSIZ, which is 8192."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the root by its name there, without a leading slash, and its mode in the image."""

    name: bytes
    mode: int


def make_tree_disk(files: Path, modules: tuple[Path, str] | None, sandbox: Sandbox) -> Path:
    """An ext4 image of a directory, whose files are moved into the sandbox's inputs.

    `modules` are a directory and its place in the root, a path; it is moved there. Links of the
    root in that path are followed, but never out of the root.
    """
    if modules:
        _place(files, *modules)
    entries, size = _open_up(files)
    with disk_errors(sandbox.inputs):
        files.rename(sandbox.inputs / _FILES)
    try:
        sandbox.add_input(_MODES, b"".join(_commands(entries)))
        room = int(size * 1.05) + _SPARE_BYTES
        image = fill_disk(sandbox, "root", _FILES, room, inodes=len(entries) + _SPARE_INODES)
        words = ("debugfs", "-w", "-f", f"{INPUTS}/{_MODES}", f"/build/{image}")
        run_tool(sandbox, words, "the builder cannot make a disk", "debugfs (e2fsprogs)")
    finally:
        remove_tree(sandbox.inputs / _FILES)
    return sandbox.copy_out(image, room)


def _place(files: Path, modules: Path, path: str) -> None:
    """Move the modules to their path in the root, instead of what is there."""
    place = (resolve(files, path) or PurePosixPath(path)).relative_to("/")
    ConfinedDirectory(files).make_directory(str(place))
    remove_tree(files / place)
    with disk_errors(files):
        modules.rename(files / place)


def _open_up(files: Path) -> tuple[list[_Entry], int]:
    """Let all users read all files; returns the modes they had, and the bytes of a disk for them.

    The names of a file with several hard links have one mode.
    """
    root = ConfinedDirectory(files)
    for name in ("dev", "proc", "sys"):
        root.make_directory(name)
    modes: dict[int, int] = {}
    entries, size = [], 0
    for found in root.walk(most=ENTRIES):
        mode = modes.setdefault(found.status.st_ino, found.status.st_mode)
        entries.append(_Entry(os.fsencode(found.name), mode))
        size += -(-found.status.st_size // _BLOCK) * _BLOCK + _inode_bytes(found)
        if found.is_directory or found.is_file:
            root.set_mode(found.name, 0o755 if found.is_directory else 0o644)
    if size > 2 * ROOT_BYTES:  # a hole has no bytes in an image, but has a place on a disk
        raise too_large(size)
    return entries, size


def _inode_bytes(found: FoundFile) -> int:
    return 256 + (_BLOCK if found.is_directory else 0)


def _commands(entries: list[_Entry]) -> Iterator[bytes]:
    """Lines for debugfs. A name that they cannot contain keeps the mode and owner of the sandbox.

    In a line, blanks are within quotes, and a quote is doubled (libss of e2fsprogs).
    """
    yield _set(b"/", stat.S_IFDIR | 0o755)
    for entry in entries:
        name = b'"/' + entry.name.replace(b'"', b'""') + b'"'
        if len(name) < _LONGEST_COMMAND and not any(byte < 0x20 for byte in name):
            yield _set(name, entry.mode)


def _set(name: bytes, mode: int) -> bytes:
    fields = ((b"mode", b"0%o" % mode), (b"uid", b"0"), (b"gid", b"0"))
    return b"".join(b"set_inode_field %b %b %b\n" % (name, *field) for field in fields)
