"""Finds the line of a value in a TOML file, for error messages.

`tomllib` does not report positions, but it does report whether a text is complete. So a file that
is known to be valid can be split into statements (a header, or a key with its value) by adding
lines until they parse; each statement is then parsed separately.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingot.errors import UserError

Place = tuple[str | int, ...]
"""The keys, and the indexes from 0, that lead to a value."""


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """The values of a file's text; a UserError names the line of a mistake in its syntax."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else _unfinished(text)
        raise UserError(
            f"{path} is not valid TOML",
            why=f"{path.name}:{line}: {error}",
            hint="correct that line, or the end of the statement before it",
        ) from None


def _unfinished(text: str) -> int:
    """The line where a statement begins that the end of the text cuts off."""
    last = 0
    for first, lines, _ in _statements(text):
        last = first + len(lines) - 1
    rest = text.replace("\r\n", "\n").split("\n")[last:]
    skipped = itertools.takewhile(lambda line: not line.strip() or line.lstrip()[0] == "#", rest)
    return last + len(list(skipped)) + 1


class Lines:
    """The lines, from 1, of all that a valid TOML text defines."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Place, int] = {}
        self._ends: dict[Place, int] = {}
        self._arrays: Counter[Place] = Counter()
        table: Place = ()
        for first, lines, value in _statements(text):
            if "".join(lines).lstrip().startswith("["):
                table = self._header(value, first)
            else:
                self._note(table, value, first, lines)
            last = first + len(lines) - 1
            for length in range(len(table) + 1):
                self._ends[table[:length]] = last

    def find(self, place: Place) -> int | None:
        """The line of a value, or of the innermost table around it that has a line."""
        for length in range(len(place), 0, -1):
            if place[:length] in self._lines:
                return self._lines[place[:length]]
        return None

    def last(self, table: Place) -> int:
        """The last line of a table that has a header, or contains one that has; else 0.

        The empty place is the whole file. Comments and empty lines after it are not counted.
        """
        return self._ends.get(table, 0)

    def _header(self, value: object, line: int) -> Place:
        """Record the line of a table's header; returns the table's place."""
        place: Place = ()
        while value:
            if isinstance(value, list):
                self._arrays[place] += 1
                place = (*place, self._arrays[place] - 1)
                value = value[0]
            elif isinstance(value, dict):
                ((key, value),) = value.items()
                place = (*place, key)
                # a header also creates the tables around it, unless they have their own header
                self._lines.setdefault(place, line)
        self._lines[place] = line
        return place

    def _note(self, place: Place, value: object, first: int, lines: Sequence[str]) -> None:
        """Record the line of each part of a statement's value; `lines` are the statement's."""
        if isinstance(value, dict):
            for key, inner in value.items():
                self._lines.setdefault((*place, key), first)
                self._note((*place, key), inner, first, lines)
        elif isinstance(value, list):
            at = 0
            for index, inner in enumerate(value):
                at = next((n for n in range(at, len(lines)) if _holds(lines[n], inner)), at)
                self._lines[(*place, index)] = first + at
                self._note((*place, index), inner, first + at, lines[at:])


def _holds(line: str, value: object) -> bool:
    return isinstance(value, str) and (f'"{value}"' in line or f"'{value}'" in line)


def _statements(text: str) -> Iterator[tuple[int, list[str], dict[str, object]]]:
    """Each statement's first line number, its lines, and its parsed value."""
    first, pending = 1, list[str]()
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not pending:
            first = number
        pending.append(line)
        try:
            value = tomllib.loads("\n".join(pending))
        except tomllib.TOMLDecodeError:
            continue
        if value:
            yield first, pending, value
        pending = []
