"""Clocks that tests set."""

from __future__ import annotations


class Clock:
    """A clock that only moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now
