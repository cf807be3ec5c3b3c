"""The lock file of a builder: the expected packages, committed with the catalog.

    kernels/builders/<name>-<arch of the machine that compiles>.lock

The packages of a suite change over time. With a lock file, a change of toolchain is a change of
this file, which can be reviewed. After comments, its lines are those of `builder_packages`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingot.builder.builder_packages import digest_of, text_of
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import read_text, write_atomic

_LINE = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?=\S+")


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of a lock file, and its path."""

    path: Path
    packages: tuple[str, ...]

    @property
    def digest(self) -> Digest:
        """The digest of the builder with these packages."""
        return digest_of(self.packages)


def read_lock(path: Path) -> Lock | None:
    """The lock in a file; None if there is no such file, UserError if it is not a lock file."""
    text = read_text(path)
    if text is None:
        return None
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            if not _LINE.fullmatch(line):
                raise UserError(
                    f"{path} is not a builder's lock file",
                    why=f"line {number}, '{line}', is not of the form package:arch=version",
                    hint="`ingot builder update` writes it again",
                )
            packages.append(line)
    return Lock(path, tuple(sorted(packages)))


def lock_text(builder: str, packages: tuple[str, ...]) -> str:
    """The text of a builder's lock file."""
    return (
        f"# The {len(packages)} packages of the builder '{builder}', for review."
        f" `ingot builder update {builder}` renews this file.\n{text_of(packages)}"
    )


def write_lock(path: Path, builder: str, packages: tuple[str, ...]) -> None:
    write_atomic(path, lock_text(builder, packages).encode())
