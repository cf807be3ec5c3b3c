"""A new catalog, made from the one that Ingot comes with.

    DIR/
      kernels/                        a copy of the bundled catalog
      README.md                       what the directory is, and how to build and push
      .gitignore                      the image store, which is not for git
      .github/workflows/kernels.yml   builds and publishes on GitHub

A wheel has the bundled catalog as `ingot/kernels`; in a checkout it is the directory `kernels`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ingot import __version__
from ingot.catalog.catalog_folder import FILE_NAME
from ingot.errors import UserError
from ingot.files import disk_errors, staging_folder, sync_folder, write_atomic

HOME = "https://github.com/weaveworks-liquidmetal/ingot"
"""Where Ingot itself is; the same as in pyproject.toml."""

_TEMPLATES = Path(__file__).parent / "starter"
_COMPANIONS = {
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".github/workflows/kernels.yml": "kernels.yml",
}
"""Files beside a new catalog, and their templates."""

_LEFT_OUT = ("configs",)
"""What is made from the rest, and would be in the way once that is changed."""


def bundled() -> Path:
    """The catalog that Ingot comes with."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "kernels"
    return installed if installed.is_dir() else package.parents[1] / "kernels"


def starter(into: Path) -> Path:
    """Make `into`/kernels, a copy of the bundled catalog to be changed at will; returns it.

    It is there whole or not at all, and last: the files beside it are written before. Of those,
    any that exist are left as they are. UserError if there is a catalog already.
    """
    target = into / "kernels"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            f"{target} is there already",
            why=f"a new catalog would have to replace it ({FILE_NAME} and all)",
            hint="name another directory, or move that one away",
        )
    with staging_folder(into) as staging, disk_errors(into):
        new = staging / "kernels"
        shutil.copytree(bundled(), new, ignore=_left_out, copy_function=shutil.copyfile)
        for path, text in companions(into).items():
            write_atomic(path, text.encode())
        new.rename(target)
        sync_folder(into)
    return target


def companions(into: Path) -> dict[Path, str]:
    """The files beside a new catalog in `into` that do not exist yet, and what is in them."""
    return {
        into / name: _filled((_TEMPLATES / template).read_text(encoding="utf-8"))
        for name, template in _COMPANIONS.items()
        if not os.path.lexists(into / name)
    }


def _filled(template: str) -> str:
    action = HOME.removeprefix("https://github.com/")
    values = {"@HOME@": HOME, "@ACTION@": action, "@VERSION@": __version__}
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def _left_out(folder: str, names: list[str]) -> set[str]:
    return {name for name in _LEFT_OUT if Path(folder) == bundled()} & set(names)
