"""Recognizes kernel trees, and reads the version of one."""

from __future__ import annotations

import re
from pathlib import Path

from ingot.errors import UserError
from ingot.version import KernelVersion

_MAKEFILE_BYTES = 1 << 20
"""How many bytes of a top-level Makefile are read: that of 2026 has 70 kB."""

_FIELDS = ("VERSION", "PATCHLEVEL", "SUBLEVEL")


def check_tree(tree: Path, version: KernelVersion | None, shown: Path | str = "") -> KernelVersion:
    """The version of the kernel tree `tree`; UserError unless it is `version`, if that is given.

    `shown` is its name in messages, by default its path.
    """
    name = shown or tree
    for file in ("Makefile", "Kconfig"):
        if not (tree / file).is_file():
            raise UserError(
                f"{name} is not a kernel tree",
                why=f"it has no top-level {file}",
                hint="name the directory that has the kernel's Makefile and Kconfig",
            )
    text = _makefile_version(tree / "Makefile")
    found = _parsed(text)
    if found is None or version not in (None, found):
        raise UserError(
            f"{name} is not linux {version}" if version else f"{name} is not a release of linux",
            why=f"its Makefile says {text}",
            hint="request that version, or use another source",
        )
    return found


def tree_version(tree: Path) -> KernelVersion | None:
    """The version in a kernel tree's Makefile; None for a directory that is not a kernel tree."""
    makefile = tree / "Makefile"
    if not makefile.is_file():
        return None
    return _parsed(_makefile_version(makefile))


def check_clean(tree: Path) -> None:
    """Raise UserError if the tree was configured or compiled in place.

    The kernel refuses `make O=` on such a tree (Makefile, target `outputmakefile`).
    """
    leftovers = (tree / ".config", tree / "include/config", *tree.glob("arch/*/include/generated"))
    for leftover in leftovers:
        if leftover.exists():
            raise UserError(
                f"{tree} has been configured or compiled in place",
                why=f"it has {leftover.relative_to(tree)}, so `make O=` refuses it",
                hint=f"clean it, which also removes its .config: make -C {tree} mrproper",
            )


def _parsed(text: str) -> KernelVersion | None:
    try:
        return KernelVersion.parse(text)
    except UserError:
        return None


def _makefile_version(path: Path) -> str:
    """`6.1.176` from the first assignments of VERSION, PATCHLEVEL and SUBLEVEL.

    `6.19.0-rc1` if EXTRAVERSION has an `-rc`; any other EXTRAVERSION, by vendors, is ignored. Only
    the beginning of the file is read.
    """
    with path.open("rb") as file:
        makefile = file.read(_MAKEFILE_BYTES).decode("utf-8", errors="replace")
    numbers = []
    for field in _FIELDS:
        match = re.search(rf"^{field}\s*=[ \t]*(\d*)", makefile, re.MULTILINE)
        numbers.append((match and match[1]) or "?")
    extra = re.search(r"^EXTRAVERSION\s*=[ \t]*(-rc\d+)\s*$", makefile, re.MULTILINE)
    return ".".join(numbers) + (extra[1] if extra else "")
