"""How long work tells what it is doing, how far it is and how long it has taken.

The library talks to the `Progress` interface only; the CLI chooses who listens: a live line
on a terminal, plain lines elsewhere, or nobody.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Step(Protocol):
    """One piece of work under way."""

    def advance(self, done: float, total: float | None = None, detail: str = "") -> None:
        """Say how far the work is: `done` of `total` (the same unit), and at what."""

    def result(self, text: str) -> None:
        """Say what came out, in a few words; shown when the step ends."""


class Progress(Protocol):
    """Who is told about steps and notes."""

    def step(self, title: str) -> contextlib.AbstractContextManager[Step]:
        """Begin a step; it ends, well or badly, with the context."""

    def note(self, text: str) -> None:
        """One line that stays visible: something tried, found or skipped."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a step took, in seconds of wall time."""

    title: str
    seconds: float


class Timed:
    """A Progress that passes everything on and keeps how long each outermost step took."""

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
    """A Progress, and a Step, that nobody listens to: for callers who do not ask to be told."""

    def advance(self, done: float, total: float | None = None, detail: str = "") -> None:
        del done, total, detail

    def result(self, text: str) -> None:
        del text

    def note(self, text: str) -> None:
        del text

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        del title
        yield self
