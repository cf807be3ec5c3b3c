"""The errors Ingot raises on purpose, and the exit code each one ends the program with.

The library raises these; only the CLI turns them into text and an exit code. Every error
says what happened, why, and what to do next.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class IngotError(Exception):
    """Something went wrong that the user can be told about in plain words.

    `what` is one sentence, `why` may span lines (a log's tail), `hint` is the next step.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)


class UserError(IngotError):
    """The request cannot be met as asked: a wrong name, a contradiction, a bad file."""

    exit_code = 2


class MachineError(IngotError):
    """This machine lacks something: a tool, the network, space, a permission."""

    exit_code = 3


class VerificationError(IngotError):
    """A digest or a signature does not match. What did not verify has been removed."""

    exit_code = 4


class BuildError(IngotError):
    """The kernel could not be configured or compiled."""

    exit_code = 5


class BootError(IngotError):
    """The kernel was built but did not pass its boot test."""

    exit_code = 6


class Interrupted(BaseException):
    """The user ended the program (Ctrl-C, SIGTERM); raised wherever it was just then."""


def told_by_the_system(error: OSError) -> MachineError:
    """What the system refused where nobody expected it, as an error a person can use."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "free some space (`ingot prune` removes what is unused)"
    else:
        advice = "see that the path is right and that this user may use it"
    return MachineError(
        f"the system refused to work on {' and '.join(names)}" if names else "the system refused",
        why=error.strerror or str(error) or type(error).__name__,
        hint=f"{advice}, then run the same command again",
    )
