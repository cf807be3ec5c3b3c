"""Runs git independently of the repository's configuration and of Ingot's working directory.

The user's credentials, proxies, SSH keys and certificates are used. Variables that select a
repository, such as those that git sets for its hooks, are not passed on (see `environment`).
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
    # never prompt: git's output does not reach the terminal, so no one could answer
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
    # keep a fetch as one pack file, whose size can be limited, however many objects it has
    "fetch.unpackLimit=1",
)
_UNCONVERTED = ("core.autocrlf=false", "core.eol=lf")
_UNCONVERTED_ENVIRONMENT = {"GIT_ATTR_NOSYSTEM": "1"}
"""Override the user's conversions of files, so that a source is the same for every user."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a git that talks to a server: bytes per file, bytes of memory, seconds."""

    file_bytes: int
    memory_bytes: int
    seconds: float

    @property
    def command(self) -> list[str]:
        """The command that sets the limits (prlimit(1)) for git and its child processes.

        A server announces how many objects it sends, and git allocates memory for them at once.
        The limit counts writable memory (setrlimit(2), RLIMIT_DATA), not mapped packs.
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

    `bounds` are for a git that reads what a server sends. With `converted`, the
    user's settings decide the line ends of files, as in the user's own checkout. A full disk is
    raised as an OSError, as it is when Ingot itself writes.
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
