"""The lock file of a builder: the packages it is to be made of, committed with the catalog.

    kernels/builders/<name>-<arch of the machine that compiles>.lock

An archive changes under the same name of a suite. The lock is what a team has looked at: a change
of toolchain is a change of this file. Its lines are those of `packages`, after comments.
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
    """What a lock file lists, and where that stands."""

    path: Path
    packages: tuple[str, ...]

    @property
    def digest(self) -> Digest:
        """The digest of the builder it describes."""
        return digest_of(self.packages)


def read_lock(path: Path) -> Lock | None:
    """The lock that a file holds; None if there is no such file, UserError if it is no lock."""
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
                    hint="`ingot builder update` writes it anew",
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
