"""The one place that starts other programs.

Programs are argv lists, never shell text. Their output is read line by line as it comes; a
program that fails raises `CommandFailedError` with the last lines and a command to replay it.
A program does not outlive Ingot: the kernel kills it when Ingot dies, even by SIGKILL
(prctl(2), PR_SET_PDEATHSIG, which `setpriv` sets).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ingot.errors import MachineError

_TAIL_LINES = 25
_GRACE_SECONDS = 5.0


class ToolMissingError(MachineError):
    """A program that Ingot needs is not installed."""


class CommandFailedError(MachineError):
    """A program ended with an error. `tail` holds the last lines it printed."""

    def __init__(self, argv: Sequence[str], returncode: int, tail: Sequence[str]) -> None:
        super().__init__(
            f"{argv[0]} failed ({_describe_exit(returncode)})",
            why="\n".join(tail),
            hint=f"to replay it: {shlex.join(argv)}",
        )
        self.argv = list(argv)
        self.returncode = returncode
        self.tail = list(tail)


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended: its exit code (-N: killed by signal N), and what it printed.

    `timed_out` says that Ingot ended it because its time was up.
    """

    returncode: int
    output: str
    timed_out: bool = False


def require_tool(name: str) -> str:
    """The path of the program `name`; ToolMissingError if there is none."""
    path = shutil.which(name, path=_search_path())
    if path is None:
        raise ToolMissingError(
            f"the program '{name}' is not installed",
            hint="`ingot doctor` lists what is missing and how to install it",
        )
    return path


def run(
    argv: Sequence[str],
    *,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    stdin: Iterable[bytes] | None = None,
    on_line: Callable[[str], None] | None = None,
    until: Callable[[], bool] | None = None,
    timeout: float | None = None,
    silence: float | None = None,
    keep_output: bool = True,
) -> Result:
    """Run a program to its end and return how it went.

    It sees this process's environment, changed by `env`.
    Standard output and error come as one stream: each line goes to `on_line`, to the end
    of `log`, and into `Result.output` (unless `keep_output` is off). `stdin` is fed to it.
    The program is ended when `until` becomes true after a line, when `timeout` seconds have
    passed, or when it printed nothing for `silence` seconds. With `check`, an exit code other than 0 raises CommandFailedError.
    """
    require_tool(argv[0])
    output = _Output(log, on_line, keep_output)
    with output, _spawn(argv, env, cwd, feed=stdin is not None) as process:
        try:
            with _feeding(process, stdin):
                timed_out = _read_all(process, output, until, timeout, silence)
            returncode = process.wait()
        except BaseException:
            _end(process)
            raise
    if check and returncode != 0:
        raise CommandFailedError(argv, returncode, list(output.tail))
    return Result(returncode, "".join(output.kept), timed_out)


class _Output:
    """Splits a byte stream into lines and hands each to everyone who wants it."""

    def __init__(self, log: Path | None, on_line: Callable[[str], None] | None, keep: bool) -> None:
        self._log: IO[bytes] | None = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            self._log = log.open("ab")
        self._on_line = on_line
        self._keep = keep
        self._rest = b""
        self.kept: list[str] = []
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        if self._log:
            self._log.close()

    def feed(self, data: bytes) -> None:
        if self._log:
            self._log.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit(line)

    def finish(self) -> None:
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _emit(self, raw: bytes) -> None:
        line = raw.decode("utf-8", errors="replace").rstrip("\r")
        if self._keep:
            self.kept.append(line + "\n")
        self.tail.append(line)
        if self._on_line:
            self._on_line(line)


def _spawn(
    argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, *, feed: bool
) -> subprocess.Popen[bytes]:
    guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    return subprocess.Popen(
        [*guard, *argv],
        env={**os.environ, "PATH": _search_path(), **(env or {})},
        cwd=cwd,
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )


def _read_all(
    process: subprocess.Popen[bytes],
    output: _Output,
    until: Callable[[], bool] | None,
    timeout: float | None,
    silence: float | None,
) -> bool:
    """Read until the program closes its output; True if its time ran out first."""
    assert process.stdout is not None
    deadline = None if timeout is None else time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            waits = [seconds for seconds in (left, silence) if seconds is not None]
            if (left is not None and left <= 0) or not selector.select(min(waits, default=None)):
                _end(process)
                output.finish()
                return True
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                output.finish()
                return False
            output.feed(data)
            if until and until():
                _end(process)
                output.finish()
                return False


@contextlib.contextmanager
def _feeding(process: subprocess.Popen[bytes], chunks: Iterable[bytes] | None) -> Iterator[None]:
    """Write `chunks` to the program's standard input while the body reads its output."""
    if chunks is None:
        yield
        return
    failure: list[BaseException] = []

    def feed() -> None:
        assert process.stdin is not None
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
        except BrokenPipeError:
            pass  # it had seen enough; its exit code says whether that was right
        except BaseException as error:
            failure.append(error)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    yield
    thread.join()
    if failure:
        raise failure[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children: politely first, then for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        try:
            process.wait(_GRACE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _search_path() -> str:
    """PATH with the system folders that an ordinary user's PATH leaves out on Debian."""
    path = os.environ.get("PATH", os.defpath)
    known = path.split(":")
    return ":".join([*known, *(d for d in ("/usr/sbin", "/sbin") if d not in known)])


def _describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    return f"killed by {signal.Signals(-returncode).name}"
