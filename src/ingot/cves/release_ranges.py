"""Ranges of releases, as numbers that sort like releases: what a record says about versions.

A release has up to four parts, as in 2.6.32.5, of 16 bits each. Every part counts the same way in
all of them: 2.6.12 is a mainline release like 6.1, and 2.6.32.5 one of its stable releases, but
since only the order decides, no rule needs to know which is which.

An entry of a record names a range as in CVE Record Format 5.1, "product versions": `version` is its
first release; `lessThan` the first one after it; `lessThanOrEqual` its last one, where `6.1.*` is
the last release of 6.1, and `*` the last one of all. Without both, it is the one release `version`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from ingot.version import KernelVersion, Series

_PARTS = 4
_BITS = 16
_NUMBER = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}")

END = 1 << 63
"""After all releases."""

Range = tuple[int, int]
"""The first release, and the first one after the range."""


class NotAReleaseError(ValueError):
    """A text in place of a release that is not one."""


@functools.lru_cache(maxsize=1 << 16)
def release_number(text: str) -> int:
    """The number of a release, such as `6.1.176`; NotAReleaseError for any other text."""
    if not _NUMBER.fullmatch(text):
        raise NotAReleaseError(f"'{text[:40]}' is not a version")
    return _number([int(part) for part in text.split(".")], text)


@functools.lru_cache(maxsize=1 << 16)
def end_of(text: str) -> int:
    """The first number after the last release that `lessThanOrEqual` names."""
    if text == "*":
        return END
    if not text.endswith(".*"):
        return release_number(text) + 1
    series = text.removesuffix(".*")
    release_number(series)
    parts = [int(part) for part in series.split(".")]
    if len(parts) == _PARTS:
        raise NotAReleaseError(f"'{text[:40]}' is not a version")
    parts[-1] += 1
    return _number(parts, text)


def _number(parts: list[int], text: str) -> int:
    if max(parts) >= 1 << (_BITS - 1):
        raise NotAReleaseError(f"'{text[:40]}' is not a version")
    number = 0
    for part in (*parts, *[0] * (_PARTS - len(parts))):
        number = number << _BITS | part
    return number


def number_of(version: KernelVersion) -> int:
    """The number of a release of the kernel; a candidate has that of the release to come."""
    return release_number(f"{version.series}.{version.patch}")


def version_of(number: int, series: Series) -> KernelVersion | None:
    """The release of `series` that has this number; None for a release of another series."""
    first, after = release_number(str(series)), end_of(f"{series}.*")
    if not first <= number < after:
        return None
    return KernelVersion(series, (number >> _BITS) - (first >> _BITS))


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order, those that overlap or touch as one."""
    found: list[Range] = []
    for first, after in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], after))
        elif first < after:
            found.append((first, after))
    return found


def without(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """The releases of the ranges that are in none of the others."""
    rest = all_but(others)
    return [
        (max(one[0], two[0]), min(one[1], two[1]))
        for one in ranges
        for two in rest
        if max(one[0], two[0]) < min(one[1], two[1])
    ]


def all_but(ranges: Iterable[Range]) -> list[Range]:
    """All releases that are in none of the ranges."""
    found: list[Range] = []
    begin = 0
    for first, after in joined(ranges):
        if begin < first:
            found.append((begin, first))
        begin = after
    if begin < END:
        found.append((begin, END))
    return found
