"""Editing `kernels.toml` as text: lines are added, and everything else stays as it was.

Lines are inserted, or a digest replaced, as text. A library that writes TOML was tried: it
attaches a comment above a header to the table before, so that an insertion separates the comment
from its header, and it cannot change tables that are not adjacent. The result is parsed again, and
refused unless it has exactly the old contents and the addition.
"""

from __future__ import annotations

import copy
import datetime
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.toml import Lines
from ingot.version import KernelVersion, Series

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def add_version(
    text: str,
    version: KernelVersion,
    pins: Mapping[str, Digest],
    end_of_life: datetime.date | None = None,
) -> str:
    """The catalog's `text` with a version, and the digests of its source by origin.

    If the file has the version, the pins are added to it, and replace those of the same origins.
    If the file lacks the series, it gets a table, with `end_of_life` if that is known. `text` is
    valid TOML. UserError, with the lines to write by hand, if the layout of the file does not
    allow the insertion.
    """
    before = tomllib.loads(text)
    name, series = str(version.series), before.get("series", {}).get(str(version.series))
    place = ("series", name, "versions", str(version))
    block = _version_block(place, pins)
    expected = copy.deepcopy(before)
    table = expected.setdefault("series", {}).setdefault(name, {})
    if series is None and end_of_life:
        block = [_header(place[:2]), f"end_of_life = {end_of_life}", "", *block]
        table["end_of_life"] = end_of_life
    entry = table.setdefault("versions", {}).setdefault(str(version), {})
    if pins:
        entry.setdefault("sha256", {}).update({origin: pin.hex for origin, pin in pins.items()})
    known = (series or {}).get("versions", {}).get(str(version))
    if known is not None:
        changed = _pin(text, place, known.get("sha256", {}), pins)
    else:
        changed = _insert(text, _end_of_series(before, Lines(text), version.series), ["", *block])
    return _checked(changed, expected, block)


def add_feature(
    text: str, name: str, about: str, needs: Sequence[str] = (), since: str = ""
) -> str:
    """The catalog's `text` with a table for a feature that it does not have yet."""
    before = tomllib.loads(text)
    place = ("features", name)
    values: dict[str, object] = {"about": about}
    block = [_header(place), f"about = {_string(about)}"]
    if needs:
        values["needs"] = list(needs)
        block.append(f"needs = [{', '.join(map(_string, needs))}]")
    if since:
        values["since"] = since
        block.append(f"since = {_string(since)}")
    lines = Lines(text)
    after = lines.last(place[:1]) or lines.last(("vmms",)) or lines.last(())
    expected = copy.deepcopy(before)
    expected.setdefault("features", {})[name] = values
    return _checked(_insert(text, after, ["", *block]), expected, block)


def _version_block(place: Sequence[str], pins: Mapping[str, Digest]) -> list[str]:
    """The lines of a new version."""
    return [_header((*place, "sha256")), *_pin_lines(pins)] if pins else [_header(place)]


def _pin_lines(pins: Mapping[str, Digest]) -> list[str]:
    return [f"{_key(origin)} = {_string(pin.hex)}" for origin, pin in pins.items()]


def _end_of_series(before: Mapping[str, Any], lines: Lines, series: Series) -> int:
    """The line to insert a version after: the last of its series, or of the series before it."""
    existing = sorted(map(Series.parse, before.get("series", {})))
    older = [one for one in existing if one <= series] or existing
    return lines.last(("series", str(older[-1]))) if older else lines.last(())


def _pin(
    text: str, place: tuple[str, ...], known: Mapping[str, str], pins: Mapping[str, Digest]
) -> str:
    """The text with new digests for origins that are pinned, and new lines for the others."""
    lines = Lines(text)
    rows = text.split("\n")
    for origin in pins.keys() & known.keys():
        row = (lines.find((*place, "sha256", origin)) or 1) - 1
        rows[row] = rows[row].replace(known[origin], pins[origin].hex)
    new = {origin: pin for origin, pin in pins.items() if origin not in known}
    if not new:
        return "\n".join(rows)
    if after := lines.last((*place, "sha256")):
        return _insert("\n".join(rows), after, _pin_lines(new))
    return _insert(text, lines.last(place), ["", *_version_block(place, new)])


def _insert(text: str, after: int, block: Sequence[str]) -> str:
    """The text with more lines after line `after`, and a blank line before what follows."""
    rows = text.rstrip("\n").split("\n") if text else []
    gap = [""] if block[0] == "" and rows[after : after + 1] not in ([], [""]) else []
    rows[after:after] = [*block, *gap] if after else [*block[1:], *gap]
    return "\n".join(rows) + "\n"


def _checked(text: str, expected: Mapping[str, Any], block: Sequence[str]) -> str:
    """The text, if it parses to what is expected; otherwise a UserError with the lines to add."""
    try:
        if tomllib.loads(text) == expected:
            return text
    except tomllib.TOMLDecodeError:
        pass
    raise UserError(
        "Ingot cannot add lines to the catalog's file",
        why="it may have inline tables in braces: only a table with a header can be extended",
        hint="add this by hand: " + "; ".join(line for line in block if line),
    )


def _header(place: Sequence[str]) -> str:
    return f"[{'.'.join(map(_key, place))}]"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    """A TOML string of printable text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
