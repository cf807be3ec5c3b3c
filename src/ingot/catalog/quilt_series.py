"""The `series` file of a directory of patches, which names them in the order they are applied.

    # a comment
    0002-second.patch
    backports/0001-first.diff -p1   # a patch below the directory, and its strip level

Source: quilt(1), "The series file". Of its options, only `-p1` is accepted: it is quilt's default,
and what `git apply` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SERIES_FILE = "series"


@dataclass(frozen=True, slots=True)
class QuiltSeries:
    """The patches that a `series` file names, as paths below its directory, and its mistakes."""

    patches: tuple[str, ...]
    mistakes: tuple[str, ...]


def read_series(directory: Path) -> QuiltSeries | None:
    """Read the `series` file of a directory; None if it has none."""
    path = directory / SERIES_FILE
    if not path.is_file():
        return None
    patches: list[str] = []
    mistakes: list[str] = []
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        name = PurePosixPath(words[0]).as_posix()
        mistakes += (f"line {number}: {each}" for each in _mistakes(directory, name, words[1:]))
        if name in patches:
            mistakes.append(f"line {number}: {name} is listed twice")
        else:
            patches.append(name)
    return QuiltSeries(tuple(patches), tuple(mistakes))


def _mistakes(directory: Path, name: str, options: list[str]) -> Iterator[str]:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        yield f"{name} is not in this directory"
    elif not (directory / name).is_file():
        yield f"there is no file {name}"
    for option in options:
        if option != "-p1":
            yield (
                f"{name} has the option {option}, and only -p1 is supported: `quilt refresh -p1`"
                " writes the patch in that form"
                if option.startswith("-p")
                else f"{name} has the option {option}, which is not supported"
            )
