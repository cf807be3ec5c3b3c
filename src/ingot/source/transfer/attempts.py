"""Tries several places in turn: a note for each failure, and one error if all failed."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from ingot.errors import IngotError, MachineError, VerificationError
from ingot.process import ToolMissingError
from ingot.progress import Progress

_HERE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A place that was tried, and why it did not deliver."""

    place: str
    error: IngotError

    def __str__(self) -> str:
        return f"{self.place}: {one_line(self.error)}"


class Attempts:
    """Collects failures, and notes each one when it happens.

    `prefix` starts every note, so that a reader knows which part of Ingot reports it.
    """

    def __init__(self, progress: Progress, prefix: str = "source: ") -> None:
        self._progress = progress
        self._prefix = prefix
        self._failed: list[Attempt] = []

    def failed(self, place: str, error: IngotError) -> None:
        """Note a failure; one that would happen at every other place too is raised at once."""
        if is_fault_of_this_machine(error):
            raise error
        attempt = Attempt(place, error)
        self._failed.append(attempt)
        self._progress.note(f"{self._prefix}{attempt}")

    def error(self, what: str, hint: str) -> IngotError:
        """The error for all failures: a VerificationError if one of them is.

        A single failure is returned unchanged: its own message and hint are more precise.
        """
        if len(self._failed) == 1:
            return self._failed[0].error
        refused = any(isinstance(attempt.error, VerificationError) for attempt in self._failed)
        kind = VerificationError if refused else MachineError
        return kind(what, why="\n".join(str(attempt) for attempt in self._failed), hint=hint)


def one_line(error: IngotError) -> str:
    """What happened and why, on one line."""
    return "; ".join(str(error).splitlines())


def is_fault_of_this_machine(error: IngotError) -> bool:
    """Whether trying another place is pointless: a missing program, a full or read-only disk."""
    cause = error.__cause__
    return isinstance(error, ToolMissingError) or (
        isinstance(cause, OSError) and cause.errno in _HERE
    )
