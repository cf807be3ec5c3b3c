"""Collects the mistakes in a file, so that one error reports all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingot.errors import UserError
from ingot.toml.lines import Lines, Place


class Mistakes:
    """The mistakes found in one file so far; `text` is the content of the file `path`."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self._found: list[tuple[Place, str]] = []
        self._aside: list[Place] = []

    def add(self, place: Place, message: str) -> None:
        """Add a mistake at `place`, unless a value there, in it or around it was set aside."""
        if not any(_overlap(place, other) for other in self._aside):
            self._found.append((place, message))

    def set_aside(self, places: Sequence[Place]) -> None:
        """Ignore mistakes at these places from now on: what follows from a mistake is not one."""
        self._aside += places

    def add_error(self, place: Place, error: UserError) -> None:
        """Add an error that parsing a value raised."""
        self.add(place, f"{error} ({error.hint})" if error.hint else str(error))

    def check(self) -> None:
        """Raise what `error` returns, if there is any mistake."""
        if self._found:
            raise self.error()

    def error(self) -> UserError:
        """All mistakes, a line for each, in the order of the file."""
        lines = Lines(self.text)
        found = [(lines.find(place), place, text) for place, text in dict.fromkeys(self._found)]
        return UserError(
            f"{self.path} has mistakes",
            why="\n".join(
                f"{self.path.name}{f':{line}' if line else ''}: {_dotted(place)}{text}"
                for line, place, text in sorted(found, key=lambda each: each[0] or 0)
            ),
        )


def _overlap(place: Place, other: Place) -> bool:
    """Whether one of two places is the other, or contains it; the file itself does not."""
    shorter = min(len(place), len(other))
    return shorter > 0 and place[:shorter] == other[:shorter]


def _dotted(place: Place) -> str:
    """The place in TOML's dotted form, as the prefix of a message; empty for the file itself."""
    return f"{'.'.join(map(str, place))}: " if place else ""
