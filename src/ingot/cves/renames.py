"""Files of the kernel that have had other names: records name files as mainline calls them.

A row says that files were moved from one path to another, in some release. A path that ends with a
slash is a directory with all below it; then the rest of a file's path stayed the same. A file that
was split or joined has a row for each place that its code came from.
"""

from __future__ import annotations

_MOVES: tuple[tuple[str, str], ...] = (
    ("fs/cifs/", "fs/smb/client/"),
    ("fs/ksmbd/", "fs/smb/server/"),
)
"""Old and new path."""


def other_names(file: str) -> list[str]:
    """The names that a file had before and after it had this one."""
    found = [file]
    for name in found:  # grows meanwhile: a file can have been moved more than once
        for old, new in _MOVES:
            for one, other in ((old, new), (new, old)):
                renamed = _renamed(name, one, other)
                if renamed and renamed not in found:
                    found.append(renamed)
    return found[1:]


def _renamed(file: str, old: str, new: str) -> str:
    if old.endswith("/") and file.startswith(old):
        return new + file.removeprefix(old)
    return new if file == old else ""
