"""Running git, so that neither a repository nor where Ingot was started from decides what it does.

What belongs to the user stays: credentials, proxies, SSH keys, certificates. What git sets for its
hooks, to say which repository is meant, never comes through (see `environment`).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.process import CommandFailedError, Result, require_tool, run

_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # nobody is asked: output is read by a program, and a terminal's answer would never come
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS": "false",
    "SSH_ASKPASS_REQUIRE": "force",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
}
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.recurseSubmodules=false",
    # what comes stays one file, whose size can be bounded, however many objects are in it
    "fetch.unpackLimit=1",
)
_UNCONVERTED = ("core.autocrlf=false", "core.eol=lf")
_UNCONVERTED_ENVIRONMENT = {"GIT_ATTR_NOSYSTEM": "1"}
"""What keeps the user's settings from changing files: a source is the same for everyone."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a git that talks to a server may take: bytes of each file, of memory, and seconds."""

    file_bytes: int
    memory_bytes: int
    seconds: float

    @property
    def command(self) -> list[str]:
        """What sets the limits (prlimit(1)), for git and all that it starts.

        A server says how many objects it sends, and git makes room for them before any has come.
        Counted is memory that can be written to (setrlimit(2), RLIMIT_DATA), not the packs that
        are mapped.
        """
        if shutil.which("prlimit") is None:
            return []
        return ["prlimit", f"--fsize={self.file_bytes}", f"--data={self.memory_bytes}", "--"]


def git(
    arguments: Iterable[str],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    silence: float | None = None,
    bounds: Bounds | None = None,
    stop: int | None = None,
    on_line: Callable[[str], None] | None = None,
    check: bool = True,
    converted: bool = False,
) -> Result:
    """Run `git` with these arguments; see `process.run` for the rest, and for what it raises.

    `bounds` are for a git that reads what a server sends. `converted` leaves it to the user's
    settings how files are written out (ends of lines), as in a checkout of theirs. A full disk is
    an OSError, as if Ingot itself had written.
    """
    require_tool("git")
    settings = _SETTINGS if converted else (*_SETTINGS, *_UNCONVERTED)
    argv = [
        *(bounds.command if bounds else ()),
        "git",
        *(word for setting in settings for word in ("-c", setting)),
        *arguments,
    ]
    attributes = {} if converted else _UNCONVERTED_ENVIRONMENT
    environment = {**_ENVIRONMENT, **attributes, **(env or {})}
    try:
        return run(
            argv,
            env=environment,
            log=log,
            silence=silence,
            timeout=bounds.seconds if bounds else None,
            stop=stop,
            on_line=on_line,
            check=check,
            keep_output=on_line is None,
        )
    except CommandFailedError as error:
        if any(os.strerror(errno.ENOSPC) in line for line in error.tail):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
