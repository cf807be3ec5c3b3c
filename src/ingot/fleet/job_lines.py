"""The lines that a job prints about its progress, and how a client reads them from the job's log.

    [ingot] compile 6.1.176: 45% fs/ext4/inode.o
    [ingot] compile 6.1.176: done in 231 s
    anything else                                   a note, an error, the output of a program

They are readable in the log of any engine (`kubectl logs`, a file of Slurm), and a client that
joins late finds the present step in the last such line.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ingot.progress import Step

_MARK = "[ingot] "
_EVERY_SECONDS = 2.0
"""How often a step prints its progress at most: engines keep every line."""

_LINE = re.compile(
    r"\[ingot\] (?P<title>.+?): (?:(?P<percent>\d{1,3})% ?(?P<detail>.*)|done in .*)"
)


@dataclass(frozen=True, slots=True)
class StepLine:
    """The progress of a job's present step; `percent` is None if it ended or is not known."""

    title: str
    percent: int | None = None
    detail: str = ""


def read_step(line: str) -> StepLine | None:
    """The step that a line of a job's log reports; None for any other line."""
    match = _LINE.fullmatch(line.rstrip())
    if match is None:
        return None
    percent = match["percent"]
    return StepLine(match["title"], int(percent) if percent else None, match["detail"] or "")


class JobProgress:
    """A Progress that prints the lines above with `emit`, which gets one line at a time."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit

    def note(self, text: str) -> None:
        self._emit(text)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        state = _JobStep(title, self._emit)
        state.advance(0)
        yield state
        self._emit(f"{_MARK}{title}: done in {time.monotonic() - state.began:.0f} s")


class _JobStep:
    """A step that prints its progress now and then."""

    def __init__(self, title: str, emit: Callable[[str], None]) -> None:
        self._title = title
        self._emit = emit
        self._printed: float | None = None
        self.began = time.monotonic()

    def advance(
        self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
    ) -> None:
        del unit  # a job's client shows percents
        now = time.monotonic()
        if self._printed is not None and now - self._printed < _EVERY_SECONDS:
            return
        self._printed = now
        percent = min(100, int(100 * done / total)) if total else 0
        self._emit(f"{_MARK}{self._title}: {percent}% {detail}".rstrip())

    def result(self, text: str) -> None:
        self._emit(f"{self._title}: {text}")
