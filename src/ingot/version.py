"""Kernel versions and series.

A *series* is `6.1`, a *version* `6.1.176`. Both sort as numbers, not as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ingot.errors import UserError

_SERIES = re.compile(r"(\d{1,3})\.(\d{1,3})")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?")


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """A line of kernel releases, such as 6.1."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _SERIES.fullmatch(text)
        if not match:
            raise UserError(f"'{text}' is not a kernel series", hint="a series looks like 6.1")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, order=True)
class KernelVersion:
    """One upstream release, such as 6.1.176. Patch 0 is written without it: 6.1."""

    series: Series
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _VERSION.fullmatch(text)
        if not match:
            raise UserError(
                f"'{text}' is not a kernel version",
                hint="a version looks like 6.1.176, a series like 6.1",
            )
        return cls(Series(int(match[1]), int(match[2])), int(match[3] or 0))

    def __str__(self) -> str:
        return f"{self.series}.{self.patch}" if self.patch else str(self.series)
