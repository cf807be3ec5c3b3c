"""The errors that Ingot raises on purpose, and the exit codes of the program.

The library raises these; only the CLI turns them into text and an exit code. Every error
says what happened, why, and what to do next.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

OWN_SOURCE = "build from your tarball or tree: ingot build VERSION --source PATH"
"""The next step if no origin has a source, for hints. Not all verbs have the option --source."""


class IngotError(Exception):
    """An error that is reported to the user as text, without a traceback.

    `what` is one sentence, `why` can have several lines (a log's tail), `hint` is the next step.
    """

    exit_code: ClassVar[int]

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)


class UserError(IngotError):
    """The request cannot be met: a wrong name, a contradiction, a bad file."""

    exit_code = 2


def require_none(
    errors: Sequence[UserError], what: str, lines: Callable[[UserError], str] = str
) -> None:
    """Raise the only error, or one with the text `what` that has the `lines` of all of them."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        hints = dict.fromkeys(error.hint for error in errors if error.hint)
        raise UserError(what, why="\n".join(map(lines, errors)), hint="; ".join(hints))


class ConfigError(UserError):
    """A config was checked, and lacks something that is asked of it."""

    exit_code = 1


class MachineError(IngotError):
    """Something is missing on this machine: a tool, the network, space, a permission."""

    exit_code = 3


class VerificationError(IngotError):
    """A digest or a signature does not match. Data that was not verified is not used."""

    exit_code = 4


class BuildError(IngotError):
    """The kernel could not be configured or compiled."""

    exit_code = 5


class BootError(IngotError):
    """The kernel was built, but did not pass its boot test, or costs more than its budget."""

    exit_code = 6


BUG = 70
"""The exit code after an error that Ingot did not raise on purpose (EX_SOFTWARE of sysexits.h)."""

INTERRUPTED = 130
"""The exit code of an interrupted program, as shells have it (128 + SIGINT)."""

EXIT_CODES: Mapping[int, str] = {
    0: "success",
    ConfigError.exit_code: "a config lacks something that is asked of it, or a kernel has CVEs",
    UserError.exit_code: "the command, or a file that it reads, has a mistake",
    MachineError.exit_code: "this machine lacks something: a program, the network, space, a"
    " permission",
    VerificationError.exit_code: "a digest or a signature does not match",
    BuildError.exit_code: "a kernel does not compile",
    BootError.exit_code: "a kernel does not pass its boot test, or costs more than its budget",
    BUG: "a mistake of Ingot itself, with a traceback: please report it",
    INTERRUPTED: "the command was interrupted (Ctrl-C, SIGTERM)",
}
"""The meaning of each exit code of the program."""


class Interrupted(BaseException):
    """The user ended the program (Ctrl-C, SIGTERM); raised wherever the program is then."""


def system_error(error: OSError) -> MachineError:
    """The error to report for an unexpected error of the operating system."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "free some space (`ingot prune` removes what is unused)"
    else:
        advice = "check the path and its permissions"
    return MachineError(
        f"the system reported an error for {' and '.join(names)}"
        if names
        else "the system reported an error",
        why=error.strerror or str(error) or type(error).__name__,
        hint=f"{advice}, then run the same command again",
    )
