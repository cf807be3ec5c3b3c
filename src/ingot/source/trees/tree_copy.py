"""A copy of a kernel tree of somebody's, whatever they do to it meanwhile.

Programs that copy by path follow a directory that is exchanged for a link while they run: run by
root, they would copy files that only root may read.
"""

from __future__ import annotations

import os
from pathlib import Path

from ingot.confined_files import ConfinedDirectory
from ingot.files import disk_errors
from ingot.source.transfer.tarball_compression import MAX_BYTES, MAX_ENTRIES


def copy_tree(tree: Path, to: Path) -> None:
    """Copy a tree to the new directory `to`, with the times of its files, so that all may read it.

    Links stay links. Every mode is 0755 or 0644: a special bit would be the copier's on the copy. A
    top-level `.git` is left out. UnsafeFileError for what is neither a file nor a directory nor a
    link, or for more than a kernel tree has.
    """
    given, left = ConfinedDirectory(tree), MAX_BYTES
    with disk_errors(to):
        to.mkdir()
        to.chmod(0o755)
        for found in given.walk(most=2 * MAX_ENTRIES):
            if found.name == ".git" or found.name.startswith(".git/"):
                continue
            target = to / found.name
            if found.is_directory:
                target.mkdir()
                target.chmod(0o755)
            elif found.is_link:
                target.symlink_to(given.read_link(found.name))
            else:
                left -= given.copy(found.name, target, left)
                os.utime(target, ns=(found.status.st_mtime_ns, found.status.st_mtime_ns))
