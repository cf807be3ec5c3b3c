"""Runs the kernel's make in the sandbox, and explains its failures."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.builder.toolchain import make_flags
from ingot.errors import BuildError, MachineError
from ingot.files import free_bytes
from ingot.process import CommandFailedError, run
from ingot.progress import Step

_OBJECT_LINE = re.compile(r"  (?:CC|AS|LD|AR|HOSTCC)(?: \[M\])? +(\S+)")
_ERROR_LINE = re.compile(r"(?i:error:)|Error \d+$|undefined reference|No space left|Killed|\*\*\*")
_KILLED_LINE = re.compile(r"signal terminated program|\*\*\* \[.*\] (?:Killed|Terminated)$")
"""What gcc prints if a signal ends a part of it, and make if a signal ends a command."""

_KILLED_CODES = (137, 143)
"""The exit codes of a shell or of bwrap for a program that SIGKILL or SIGTERM has ended."""

_ERRORS_SHOWN = 15
_LARGEST_OBJECT = 8 << 20


def timestamp(epoch: int) -> str:
    """The time, in seconds, in the format of KBUILD_BUILD_TIMESTAMP."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%a %b %e %H:%M:%S UTC %Y")


class Counter:
    """Counts compiled objects, and reports progress towards the expected number, if known."""

    def __init__(self, step: Step, expected: int = 0) -> None:
        self._step = step
        self._expected = expected
        self.done = 0

    def __call__(self, line: str) -> None:
        if match := _OBJECT_LINE.match(line):
            self.done += 1
            total = self._expected if self.done < self._expected else None
            self._step.advance(self.done, total, match[1], unit="objects")


@dataclass(frozen=True, slots=True)
class Make:
    """make in the sandbox, with the flags that all calls of one build share.

    `place` is its directory: the kernel's `O=`, or the `M=` of a module. `epoch` is the time, in
    seconds, that is compiled in. `what` names the target in errors; `readable` converts a line of
    output for a user who does not know the sandbox's paths.
    """

    sandbox: Sandbox
    arch: Arch
    epoch: int
    log: Path
    place: str = "O=/build"
    what: str = "the kernel"
    readable: Callable[[str], str] = str

    def run(self, *words: str, counter: Counter | None = None) -> None:
        argv = [
            *("make", "-C", "/src", self.place),
            *make_flags(self.arch, llvm=self.sandbox.builder.llvm),
            f"KBUILD_BUILD_TIMESTAMP={timestamp(self.epoch)}",
            *words,
        ]
        try:
            run(
                self.sandbox.command(argv),
                log=self.log,
                on_line=counter,
                keep_output=False,
                inherited=self.sandbox.inherited,
            )
        except CommandFailedError as error:
            raise self._explain(error) from error

    def _explain(self, error: CommandFailedError) -> BuildError | MachineError:
        """The compiler's errors from the log; another error if the machine is at fault."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        picked = [line for line in lines if _ERROR_LINE.search(line)] or error.tail
        hint = f"the whole output is in {self.log}; {error.hint}"
        full = any("No space left on device" in line for line in picked)
        if full or _is_nearly_full(self.sandbox.build):
            return MachineError(
                f"no space left in the build directory {self.sandbox.build}",
                why="\n".join(picked[-3:]),
                hint="free some space, or pass another directory with --build-dir",
            )
        shown = map(self.readable, picked[:_ERRORS_SHOWN])
        if _was_killed(error, picked):
            return MachineError(
                f"the compile of {self.what} was killed",
                why="\n".join(shown),
                hint="if the machine had no memory left (`dmesg` says so), give it more, or run"
                f" fewer builds at the same time; {hint}",
            )
        return BuildError(f"{self.what} did not compile", why="\n".join(shown), hint=hint)


def jobs(sandbox: Sandbox) -> tuple[str, ...]:
    """make's option to use every processor that this process may use; none with a jobserver."""
    return () if sandbox.jobserver else (f"-j{len(os.sched_getaffinity(0))}",)


def _was_killed(error: CommandFailedError, lines: Sequence[str]) -> bool:
    """Whether a signal has ended make, or a program that it ran: not an error of the source."""
    if error.returncode < 0 or error.returncode in _KILLED_CODES:
        return True
    return any(_KILLED_LINE.search(line) for line in lines)


def _is_nearly_full(directory: Path) -> bool:
    """Whether the disk has no room for another object of a kernel.

    ccache ends without a message when a file does not fit, and make then deletes that file.
    """
    return free_bytes(directory) < _LARGEST_OBJECT
