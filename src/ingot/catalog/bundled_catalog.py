"""A catalog of one's own, made from the one that Ingot comes with.

The package has that one as `ingot/kernels`: a link to the checkout's `kernels/`, or, installed,
a copy of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ingot.catalog.catalog_folder import FILE_NAME
from ingot.errors import UserError
from ingot.files import disk_errors, staging_folder, sync_folder

_LEFT_OUT = ("configs",)
"""What is made from the rest, and would be in the way once that is changed."""


def bundled() -> Path:
    """The catalog that Ingot comes with."""
    return (Path(__file__).parents[1] / "kernels").resolve()


def starter(into: Path) -> Path:
    """Make `into`/kernels, a copy of the bundled catalog to be changed at will; returns it.

    It is there whole or not at all. UserError if something is there already.
    """
    target = into / "kernels"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            f"{target} is there already",
            why=f"a new catalog would have to replace it ({FILE_NAME} and all)",
            hint="name another folder, or move that one away",
        )
    with staging_folder(into) as staging, disk_errors(into):
        new = staging / "kernels"
        shutil.copytree(bundled(), new, ignore=_left_out, copy_function=shutil.copyfile)
        new.rename(target)
        sync_folder(into)
    return target


def _left_out(folder: str, names: list[str]) -> set[str]:
    return {name for name in _LEFT_OUT if Path(folder) == bundled()} & set(names)
