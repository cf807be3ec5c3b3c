"""The owner of a catalog that was found by searching, not named by the user.

Ingot looks for `kernels/` in the current directory and its parents. A catalog decides what runs:
which keys are trusted, which mirrors are used, which patches are compiled. On a shared machine,
any user who can write to a parent directory could put a catalog there (git had the same problem,
CVE-2022-24765). So a catalog that was found, not named, must belong to the user who runs Ingot or
to root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ingot.errors import UserError

_STORE = ("oci-layout", "index.json", "blobs", "blobs/sha256")
_MOST = 20_000
"""The most files of a catalog whose owners are checked: a hundred times the bundled one."""


def trusted_users(environment_sudo_uid: str = "") -> frozenset[int]:
    """The user IDs whose files are trusted: the current user's, root's and that of sudo's caller.

    `environment_sudo_uid` is the value of SUDO_UID (sudo(8)). It is used only if the current user
    is root, as git does.
    """
    own = {os.geteuid(), 0}
    text = environment_sudo_uid
    if os.geteuid() == 0 and text.isascii() and text.isdigit() and len(text) < 10:
        own.add(int(text))
    return frozenset(own)


def require_own_catalog(root: Path, users: frozenset[int]) -> None:
    """Raise UserError if the catalog `root`, or any file in it, belongs to another user.

    Both a symbolic link and its target must belong to one of the `users`.
    """
    foreign = _foreign([root, *_below(root)], users)
    if foreign:
        raise UserError(
            f"the catalog {root} is not used",
            why=f"{foreign} belongs to another user, and a catalog decides what runs",
            hint=f"if you trust it, pass --catalog {root}, or set INGOT_CATALOG={root}",
        )


def require_own_store(store: Path, users: frozenset[int]) -> None:
    """The same check for the image store next to the catalog: Ingot runs the builders in it."""
    if foreign := _foreign([store, *(store / name for name in _STORE)], users):
        raise UserError(
            f"the image store {store} is not used",
            why=f"{foreign} belongs to another user, and Ingot runs compilers from the store",
            hint="move it away, or pass its catalog with --catalog if you trust it",
        )


def require_own_repository(catalog: Path, users: frozenset[int]) -> None:
    """The same check for the git repository that contains the catalog, whose settings git uses.

    A catalog outside of any repository passes.
    """
    for directory in (catalog, *catalog.parents):
        marker = directory / ".git"
        if not os.path.lexists(marker):
            continue
        inside = [marker / "config", marker / "HEAD"] if marker.is_dir() else []
        if foreign := _foreign([directory, marker, *inside], users):
            raise UserError(
                f"git is not run in the repository {directory}",
                why=f"{foreign} belongs to another user, and a repository's settings run programs",
                hint=f"if you trust it, pass --catalog {catalog}",
            )
        return


def _foreign(paths: list[Path], users: frozenset[int]) -> Path | None:
    """The first of these paths that belongs to another user."""
    for path in paths:
        try:
            owners = {path.lstat().st_uid, path.stat().st_uid}
        except (FileNotFoundError, NotADirectoryError):
            continue  # a dangling link, or a file that was just removed
        except OSError:
            return path  # a loop of links
        if not owners <= users:
            return path
    return None


def _below(root: Path) -> Iterator[Path]:
    count = 0
    seen: set[tuple[int, int]] = set()
    for directory, names, files in os.walk(root, followlinks=True):
        status = Path(directory).stat()
        if (status.st_dev, status.st_ino) in seen:
            names.clear()  # visited before, through a link
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in (*names, *files):
            count += 1
            if count > _MOST:
                raise UserError(
                    f"the catalog {root} is not used",
                    why=f"it has more than {_MOST:,} files",
                    hint=f"if it is a catalog that you trust, pass --catalog {root}",
                )
            yield Path(directory, name)
