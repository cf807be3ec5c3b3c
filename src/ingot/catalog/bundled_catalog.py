"""A new catalog, copied from the one that is installed with Ingot.

    DIR/
      kernels/                        a copy of the bundled catalog
      README.md                       what the directory is, and how to build and push
      .gitignore                      excludes the image store
      .github/workflows/kernels.yml   builds and publishes on GitHub

A wheel has the bundled catalog as `ingot/kernels`; in a checkout it is the directory `kernels`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ingot import __version__
from ingot.catalog.catalog_directory import FILE_NAME
from ingot.errors import UserError
from ingot.files import disk_errors, staging_directory, sync_directory, write_atomic

HOME = "https://github.com/weaveworks-liquidmetal/ingot"
"""Ingot's repository; the same URL as in pyproject.toml."""

_TEMPLATES = Path(__file__).parent / "starter"
_EXTRA_FILES = {
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".github/workflows/kernels.yml": "kernels.yml",
}
"""Files next to a new catalog, and their templates."""

_LEFT_OUT = ("configs",)
"""Generated from the rest of the catalog: wrong as soon as the user changes that."""


def bundled() -> Path:
    """The directory of the catalog that is installed with Ingot."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "kernels"
    return installed if installed.is_dir() else package.parents[1] / "kernels"


def starter(into: Path) -> Path:
    """Make `into`/kernels, a copy of the bundled catalog for the user to change; returns its path.

    The catalog appears in one rename, after the files next to it are written. Existing files are
    not changed. UserError if the directory already has a catalog.
    """
    target = into / "kernels"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            f"{target} already exists",
            why=f"a new catalog would replace it, with its {FILE_NAME}",
            hint="choose another directory, or move the existing one away",
        )
    with staging_directory(into) as staging, disk_errors(into):
        new = staging / "kernels"
        shutil.copytree(bundled(), new, ignore=_left_out, copy_function=shutil.copyfile)
        for path, text in extra_files(into).items():
            write_atomic(path, text.encode())
        new.rename(target)
        sync_directory(into)
    return target


def extra_files(into: Path) -> dict[Path, str]:
    """The files next to a new catalog in `into` that do not exist yet, and their texts."""
    return {
        into / name: _filled((_TEMPLATES / template).read_text(encoding="utf-8"))
        for name, template in _EXTRA_FILES.items()
        if not os.path.lexists(into / name)
    }


def _filled(template: str) -> str:
    action = HOME.removeprefix("https://github.com/")
    values = {"@HOME@": HOME, "@ACTION@": action, "@VERSION@": __version__}
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def _left_out(directory: str, names: list[str]) -> set[str]:
    return {name for name in _LEFT_OUT if Path(directory) == bundled()} & set(names)
