"""Several places tried in turn: one line for each that failed, one error if all did."""

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
    """Collects failures, and says each one as it happens.

    `prefix` starts every line, so that a reader sees which part of Ingot is speaking.
    """

    def __init__(self, progress: Progress, prefix: str = "source: ") -> None:
        self._progress = progress
        self._prefix = prefix
        self._failed: list[Attempt] = []

    def failed(self, place: str, error: IngotError) -> None:
        """Note a failure; one that every other place would meet as well is raised at once."""
        if is_fault_of_this_machine(error):
            raise error
        attempt = Attempt(place, error)
        self._failed.append(attempt)
        self._progress.note(f"{self._prefix}{attempt}")

    def error(self, what: str, hint: str) -> IngotError:
        """The error that sums it up: a VerificationError if anything failed to verify.

        A single failure is returned as it is: its own words and next step are more precise.
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
    """Whether trying another place is pointless: a missing program, a full or closed disk."""
    cause = error.__cause__
    return isinstance(error, ToolMissingError) or (
        isinstance(cause, OSError) and cause.errno in _HERE
    )
