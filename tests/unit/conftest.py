"""What the unit tests share: a listener that remembers, and ways to make small values."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.digest import Digest

REPOSITORY = Path(__file__).parents[2]


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

    def advance(self, done: float, total: float | None = None, detail: str = "") -> None:
        self.advances.append((done, total, detail))

    def result(self, text: str) -> None:
        self.results.append(text)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def digest(text: str) -> Digest:
    """A digest that stands for something this test does not make."""
    return Digest.of(text.encode())


@contextlib.contextmanager
def python_child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs `code`; it has printed its first line when the body begins."""
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() != "", child.stderr and child.stderr.read()
            yield child
        finally:
            child.kill()


class Clock:
    """A clock that only moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now
