"""Copies a user's kernel tree safely, even if the user changes it meanwhile.

A program that copies by path follows a directory that is replaced by a symlink while it runs. As
root it would then copy files that only root can read.
"""

from __future__ import annotations

import os
from pathlib import Path

from ingot.confined_files import ConfinedDirectory
from ingot.files import disk_errors
from ingot.source.transfer.tarball_compression import MAX_BYTES, MAX_ENTRIES


def copy_tree(tree: Path, to: Path) -> None:
    """Copy a tree to the new directory `to`, with the times of its files, readable for every user.

    Symlinks stay symlinks. Every mode is 0755 or 0644: set-user-ID bits are not copied, since the
    copy has another owner. A top-level `.git` is left out. UnsafeFileError for anything but a
    file, a directory or a symlink, and for a tree larger than any kernel's.
    """
    original, left = ConfinedDirectory(tree), MAX_BYTES
    with disk_errors(to):
        to.mkdir()
        to.chmod(0o755)
        for found in original.walk(most=2 * MAX_ENTRIES):
            if found.name == ".git" or found.name.startswith(".git/"):
                continue
            target = to / found.name
            if found.is_directory:
                target.mkdir()
                target.chmod(0o755)
            elif found.is_link:
                target.symlink_to(original.read_link(found.name))
            else:
                left -= original.copy(found.name, target, left)
                os.utime(target, ns=(found.status.st_mtime_ns, found.status.st_mtime_ns))
