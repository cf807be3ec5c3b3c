"""Whose a catalog is that nobody has named.

Ingot looks for `kernels/` in the current folder and above it. A catalog decides what runs: whose
keys are trusted, which mirrors are asked, which patches are compiled. On a machine that several
people use, whoever may write to a folder above could put one there (git's CVE-2022-24765 was the
same). So what is found, and not named, must belong to whoever runs Ingot or to root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ingot.errors import UserError

_STORE = ("oci-layout", "index.json", "blobs", "blobs/sha256")
_MOST = 20_000
"""The most files of a catalog that are looked at: a hundred times the bundled one."""


def trusted_users(environment_sudo_uid: str = "") -> frozenset[int]:
    """The user IDs whose files are taken: the caller's, root's and, below sudo, who called it.

    `environment_sudo_uid` is what sudo says of that (sudo(8), SUDO_UID). It counts for root only,
    as it does for git.
    """
    own = {os.geteuid(), 0}
    text = environment_sudo_uid
    if os.geteuid() == 0 and text.isascii() and text.isdigit() and len(text) < 10:
        own.add(int(text))
    return frozenset(own)


def require_own_catalog(root: Path, users: frozenset[int]) -> None:
    """Raise UserError if the catalog `root`, or anything in it, belongs to none of the `users`.

    A link belongs to who made it, and so must what it leads to.
    """
    foreign = _foreign([root, *_below(root)], users)
    if foreign:
        raise UserError(
            f"the catalog {root} is not used",
            why=f"{foreign} belongs to another user, and a catalog decides what runs",
            hint=f"if you trust it, name it: --catalog {root}, or INGOT_CATALOG={root}",
        )


def require_own_store(store: Path, users: frozenset[int]) -> None:
    """The same for the image store beside a catalog that was found: builders are taken from it."""
    if foreign := _foreign([store, *(store / name for name in _STORE)], users):
        raise UserError(
            f"the image store {store} is not used",
            why=f"{foreign} belongs to another user, and compilers are taken out of a store",
            hint="move it away, or name the catalog that it belongs to with --catalog",
        )


def require_own_repository(catalog: Path, users: frozenset[int]) -> None:
    """The same for the git repository that the catalog is in, whose settings git obeys.

    Nothing is said of a catalog that is in none.
    """
    for folder in (catalog, *catalog.parents):
        marker = folder / ".git"
        if not os.path.lexists(marker):
            continue
        inside = [marker / "config", marker / "HEAD"] if marker.is_dir() else []
        if foreign := _foreign([folder, marker, *inside], users):
            raise UserError(
                f"git is not run in the repository {folder}",
                why=f"{foreign} belongs to another user, and a repository's settings run programs",
                hint=f"if you trust it, name the catalog: --catalog {catalog}",
            )
        return


def _foreign(paths: list[Path], users: frozenset[int]) -> Path | None:
    """The first of these that belongs to somebody else."""
    for path in paths:
        try:
            owners = {path.lstat().st_uid, path.stat().st_uid}
        except (FileNotFoundError, NotADirectoryError):
            continue  # a link that leads nowhere, or what has just gone
        except OSError:
            return path  # a link that leads in a circle
        if not owners <= users:
            return path
    return None


def _below(root: Path) -> Iterator[Path]:
    count = 0
    seen: set[tuple[int, int]] = set()
    for folder, names, files in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            names.clear()  # a link led here before
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in (*names, *files):
            count += 1
            if count > _MOST:
                raise UserError(
                    f"the catalog {root} is not used",
                    why=f"it has more than {_MOST:,} files",
                    hint=f"name it, if it is one: --catalog {root}",
                )
            yield Path(folder, name)
