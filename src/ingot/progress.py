"""The interface through which long work reports its steps, progress, notes and timings.

The library only uses the `Progress` interface; the CLI chooses the implementation: a live line
on a terminal, plain lines elsewhere, or silence.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Step(Protocol):
    """One piece of work in progress."""

    def advance(
        self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
    ) -> None:
        """Report that `done` of `total` (the same unit) is done, and the current `detail`.

        `unit` is the unit of both, in the plural: `files`, `lines` or `bytes`. It is shown if the
        total is not known.
        """

    def result(self, text: str) -> None:
        """Set the step's result, in a few words; shown when the step ends."""


class Progress(Protocol):
    """Receives steps and notes."""

    def step(self, title: str) -> contextlib.AbstractContextManager[Step]:
        """Begin a step; it ends with the context, also with an exception."""

    def note(self, text: str) -> None:
        """Print one line that stays visible: something tried, found or skipped."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a step took, in seconds of wall time."""

    title: str
    seconds: float


class Timed:
    """A Progress that passes everything on and measures how long each outermost step takes."""

    def __init__(self, listener: Progress) -> None:
        self._listener = listener
        self._depth = 0
        self.timings: list[Timing] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        began = time.monotonic()
        self._depth += 1
        try:
            with self._listener.step(title) as step:
                yield step
        finally:
            self._depth -= 1
            if not self._depth:
                self.timings.append(Timing(title, time.monotonic() - began))

    def note(self, text: str) -> None:
        self._listener.note(text)


class Silent:
    """A Progress and a Step that print nothing: the default of the library's functions."""

    def advance(
        self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
    ) -> None:
        del done, total, detail, unit

    def result(self, text: str) -> None:
        del text

    def note(self, text: str) -> None:
        del text

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        del title
        yield self
