"""Kernel versions and series.

A *series* is `6.1`, a *version* `6.1.176`, or `6.19-rc1` for a candidate. Both sort as numbers,
not as text.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Self

from ingot.errors import UserError

_SERIES = re.compile(r"(\d{1,3})\.(\d{1,3})")
_RELEASE = re.compile(r"[0-9][A-Za-z0-9._+~-]{0,63}")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?:-rc([1-9]\d?))?")


def is_release(text: str) -> bool:
    """Whether this is a valid kernel release (`uname -r`), which is used as a directory's name.

    It begins with the version, and has 64 characters at most (kernel: __NEW_UTS_LEN in
    include/uapi/linux/utsname.h).
    """
    return _RELEASE.fullmatch(text) is not None


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


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class KernelVersion:
    """One upstream release, such as 6.1.176. Patch 0 is written without it: 6.1.

    `candidate` is the number of a release candidate, 0 for a release: 6.19-rc1 comes before
    6.19-rc2, and both before 6.19.
    """

    series: Series
    patch: int = 0
    candidate: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _VERSION.fullmatch(text)
        if not match:
            raise UserError(
                f"'{text}' is not a kernel version",
                hint="a version looks like 6.1.176, a series like 6.1",
            )
        series = Series(int(match[1]), int(match[2]))
        return cls(series, int(match[3] or 0), int(match[4] or 0))

    def __lt__(self, other: KernelVersion) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[Series, int, bool, int]:
        return self.series, self.patch, not self.candidate, self.candidate

    def __str__(self) -> str:
        release = f"{self.series}.{self.patch}" if self.patch else str(self.series)
        return f"{release}-rc{self.candidate}" if self.candidate else release
