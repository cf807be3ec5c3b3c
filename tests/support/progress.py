"""Listeners to progress that record what they are given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ingot.progress import Silent


class Recorder:
    """A Progress and a Step in one that keeps all it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []
        self.results: list[str] = []
        self.advances: list[tuple[float, float | None, str]] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Recorder]:
        self.steps.append(title)
        yield self

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(
        self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
    ) -> None:
        del unit
        self.advances.append((done, total, detail))

    def result(self, text: str) -> None:
        self.results.append(text)


class Notes(Silent):
    """A Progress that keeps notes and the titles of steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Notes]:
        self.steps.append(title)
        yield self
