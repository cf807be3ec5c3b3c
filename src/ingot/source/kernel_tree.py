"""Telling a kernel tree from any other folder, and which version it holds."""

from __future__ import annotations

import re
from pathlib import Path

from ingot.errors import UserError
from ingot.version import KernelVersion

_FIELDS = ("VERSION", "PATCHLEVEL", "SUBLEVEL")


def check_tree(tree: Path, version: KernelVersion, shown: Path | str = "") -> None:
    """Raise UserError unless `tree` is a kernel of `version` that `make O=` accepts.

    `shown` is what to call it in messages, if not by its path.
    """
    name = shown or tree
    for file in ("Makefile", "Kconfig"):
        if not (tree / file).is_file():
            raise UserError(
                f"{name} is not a kernel tree",
                why=f"it has no top-level {file}",
                hint="give the folder that holds the kernel's Makefile and Kconfig",
            )
    found = _makefile_version((tree / "Makefile").read_text("utf-8", errors="replace"))
    wanted = f"{version.series.major}.{version.series.minor}.{version.patch}"
    if found != wanted:
        raise UserError(
            f"{name} is not linux {version}",
            why=f"its Makefile says {found}",
            hint="ask for the version that it holds, or give another source",
        )


def tree_version(tree: Path) -> KernelVersion | None:
    """The version a kernel tree says it holds; None for a folder that is no kernel tree."""
    makefile = tree / "Makefile"
    if not makefile.is_file():
        return None
    try:
        return KernelVersion.parse(_makefile_version(makefile.read_text("utf-8", errors="replace")))
    except UserError:
        return None


def check_clean(tree: Path) -> None:
    """Raise UserError if the tree was configured or compiled in place.

    The kernel refuses `make O=` on such a tree (Makefile, target `outputmakefile`).
    """
    leftovers = (tree / ".config", tree / "include/config", *tree.glob("arch/*/include/generated"))
    for leftover in leftovers:
        if leftover.exists():
            raise UserError(
                f"{tree} has been configured or compiled in place",
                why=f"it holds {leftover.relative_to(tree)}, so `make O=` refuses it",
                hint=f"clean it, which also removes its .config: make -C {tree} mrproper",
            )


def _makefile_version(makefile: str) -> str:
    """`6.1.176` from the first assignments of VERSION, PATCHLEVEL and SUBLEVEL."""
    numbers = []
    for field in _FIELDS:
        match = re.search(rf"^{field}\s*=[ \t]*(\d*)", makefile, re.MULTILINE)
        numbers.append((match and match[1]) or "?")
    return ".".join(numbers)
