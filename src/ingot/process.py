"""The one place that starts other programs.

Programs are argv lists, never shell text. Their output is read line by line as it comes; a
program that fails raises `CommandFailedError` with the last lines and a command to replay it.
A program does not outlive Ingot: the kernel kills it when Ingot dies, even by SIGKILL
(prctl(2), PR_SET_PDEATHSIG, which `setpriv` sets).

A program inherits nothing that is not meant for it: of the environment what `environment` lists,
of the open files none but the three that every program has.

What a program prints has no limit of its own, so there are some here. A line is cut into several
at `LONGEST_LINE`; what is kept in memory ends at `MOST_KEPT`, and then the program is ended as if
its time was up; a log ends at `LARGEST_LOG`, with a line that says so, and the program goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
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

from ingot.environment import seen_by
from ingot.errors import MachineError
from ingot.files import disk_errors

LONGEST_LINE = 256 << 10
"""Bytes. A line of a compiler or of a guest's kernel has a few hundred."""
MOST_KEPT = 64 << 20
"""Bytes of output that are kept in memory, and 64 more for each line, which is what it takes."""
LARGEST_LOG = 64 << 20
"""Bytes. The log of a kernel with all its modules has about 2 MiB."""

_LINE_COSTS = 64
_TAIL_LINES = 25
_TAIL_LINE = 16 << 10
_GRACE_SECONDS = 5.0


class ToolMissingError(MachineError):
    """A program that Ingot needs is not installed."""


class CommandFailedError(MachineError):
    """A program ended with an error. `tail` holds the last lines it printed."""

    def __init__(
        self,
        argv: Sequence[str],
        returncode: int,
        tail: Sequence[str],
        *,
        timed_out: bool = False,
        flooded: bool = False,
    ) -> None:
        end = "timed out, and was ended" if timed_out else _describe_exit(returncode)
        if flooded:
            end = f"printed more than {MOST_KEPT >> 20} MiB, and was ended"
        super().__init__(
            f"{argv[0]} failed ({end})",
            why="\n".join(tail),
            hint=f"to replay it: {shlex.join(argv)}",
        )
        self.argv = list(argv)
        self.returncode = returncode
        self.tail = list(tail)


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended: its exit code (-N: killed by signal N), and what it printed.

    `timed_out` says that Ingot ended it: its time was up, it was told to stop, or it printed more
    than is kept.
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
    timeout: float | None = None,
    silence: float | None = None,
    stop: int | None = None,
    keep_output: bool = True,
) -> Result:
    """Run a program to its end and return how it went.

    It sees what `environment` lists for it of this process's environment, changed by `env`.
    Standard output and error come as one stream: each line goes to `on_line`, to the end
    of `log`, and into `Result.output` (unless `keep_output` is off). `stdin` is fed to it.
    The program is ended when `timeout` seconds have passed, when it printed nothing for
    `silence` seconds, when the file descriptor `stop` can be read, or when it printed more than
    `MOST_KEPT` that is to be kept. With `check`, an exit code
    other than 0 raises CommandFailedError, and so does such an end. A log that cannot be written
    ends the program too, with a MachineError.
    """
    require_tool(argv[0])
    patience = _Patience(None if timeout is None else time.monotonic() + timeout, silence)
    output = _Output(log, on_line, keep_output)
    with output, _spawn(argv, env, cwd, feed=stdin is not None) as process:
        try:
            with _feeding(process, stdin):
                in_time = _read_all(process, output, patience, stop) and _ended(process, patience)
                if not in_time:
                    _end(process)
                    _read_rest(process, output)
            output.finish()
            returncode = process.wait()
        except BaseException:
            _end(process)
            raise
    if check and (returncode != 0 or not in_time):
        raise CommandFailedError(
            argv, returncode, list(output.tail), timed_out=not in_time, flooded=output.full
        )
    return Result(returncode, "".join(output.kept), timed_out=not in_time)


def run_in_terminal(argv: Sequence[str]) -> None:
    """Run a program that talks to the user: it has Ingot's terminal until it ends.

    Ctrl-C is the program's then. An exit code other than 0 raises CommandFailedError.
    """
    require_tool(argv[0])
    # a handler, since a signal that is ignored would be ignored by the program as well
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        command, environment = _prepared(argv, None)
        returncode = subprocess.run(command, env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, previous)
    if returncode != 0:
        raise CommandFailedError(argv, returncode, [])


@dataclass(frozen=True, slots=True)
class _Patience:
    """When a program has taken too long: `deadline` on the monotonic clock, and `silence`."""

    deadline: float | None
    silence: float | None

    def seconds(self) -> float | None:
        """How long the next sign of life may take: 0 if its time is up, None for any time."""
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        return min((limit for limit in (left, self.silence) if limit is not None), default=None)


class _Output:
    """Splits a byte stream into lines and hands each to everyone who wants it."""

    def __init__(self, log: Path | None, on_line: Callable[[str], None] | None, keep: bool) -> None:
        self._log: IO[bytes] | None = None
        self._log_room = 0
        self._path = log or Path()
        if log is not None:
            with disk_errors(log.parent):
                log.parent.mkdir(parents=True, exist_ok=True)
                self._log = log.open("ab")
                self._log_room = max(1, LARGEST_LOG - self._log.tell())
        self._on_line = on_line
        self._keep = keep
        self._room = MOST_KEPT
        self._rest = bytearray()
        self.kept: list[str] = []
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._log is None:
            return
        # what went wrong first is what the user is told
        with contextlib.suppress(OSError) if kind else disk_errors(self._path.parent):
            self._log.close()

    @property
    def full(self) -> bool:
        """Whether more was printed than is kept."""
        return self._room < 0

    def feed(self, data: bytes) -> None:
        if self._log_room > 0:
            self._write(data)
        # each byte is looked at once, however long its line is
        first, *others = data.split(b"\n")
        self._add(first)
        for piece in others:
            self._emit()
            self._add(piece)

    def finish(self) -> None:
        if self._rest:
            self._emit()

    def _write(self, data: bytes) -> None:
        assert self._log is not None
        self._log_room -= len(data)
        with disk_errors(self._path.parent):
            if self._log_room > 0:
                self._log.write(data)
                return
            self._log.write(data[: self._log_room] if self._log_room else data)
            self._log.write(f"\ningot: the rest is left out: {LARGEST_LOG >> 20} MiB\n".encode())

    def _add(self, piece: bytes) -> None:
        self._rest += piece
        while len(self._rest) > LONGEST_LINE:
            over = self._rest[LONGEST_LINE:]
            del self._rest[LONGEST_LINE:]
            self._emit()
            self._rest = over

    def _emit(self) -> None:
        size = len(self._rest)
        line = self._rest.decode("utf-8", errors="replace").rstrip("\r")
        self._rest.clear()
        self.tail.append(line[:_TAIL_LINE])
        if self._keep:
            self._room -= size + _LINE_COSTS
            if not self.full:
                self.kept.append(line + "\n")
        if self._on_line:
            self._on_line(line)


def _spawn(
    argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, *, feed: bool
) -> subprocess.Popen[bytes]:
    command, environment = _prepared(argv, env)
    return subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )


def _prepared(
    argv: Sequence[str], env: Mapping[str, str] | None
) -> tuple[list[str], dict[str, str]]:
    """The command as it is started, and its whole environment: what it may see, and `env`.

    It is under a guard that ends it when Ingot dies, where there is one. A program without a PATH
    is started by its full name.
    """
    ours = {**os.environ, "PATH": _search_path()}
    environment = {**seen_by(argv, ours), **(env or {})}
    found = [] if "PATH" in environment else [str(Path(require_tool(argv[0])).absolute())]
    guard = shutil.which("setpriv")
    prefix = [guard, "--pdeathsig", "KILL", "--"] if guard else []
    return [*prefix, *(found or argv[:1]), *argv[1:]], environment


def _read_all(
    process: subprocess.Popen[bytes], output: _Output, patience: _Patience, stop: int | None
) -> bool:
    """Read until the program closes its output; False if it is to be ended first."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ)
        while (seconds := patience.seconds()) != 0 and (ready := selector.select(seconds)):
            if any(key.fd == stop for key, _ in ready):
                return False
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                return True
            output.feed(data)
            if output.full:
                return False
    return False


def _read_rest(process: subprocess.Popen[bytes], output: _Output) -> None:
    """Read what a program that was ended had printed, and wait for no more.

    That is what fits into a pipe: one of its children may have left its group, and print on.
    """
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    room = fcntl.fcntl(process.stdout.fileno(), fcntl.F_GETPIPE_SZ)
    with contextlib.suppress(BlockingIOError):
        while room > 0 and (data := os.read(process.stdout.fileno(), 1 << 16)):
            room -= len(data)
            output.feed(data)


def _ended(process: subprocess.Popen[bytes], patience: _Patience) -> bool:
    """Wait for the program's end, which may come long after that of its output."""
    try:
        process.wait(patience.seconds())
    except subprocess.TimeoutExpired:
        return False
    return True


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
    """End a program, politely first, and then whatever is left of its process group.

    The first signal may end the program and not its children; nobody waits for those.
    """
    if process.returncode is not None:
        return  # its number may be another program's by now
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _search_path() -> str:
    """PATH with the system folders that an ordinary user's PATH leaves out on Debian."""
    path = os.environ.get("PATH", os.defpath)
    known = path.split(":")
    return ":".join([*known, *(d for d in ("/usr/sbin", "/sbin") if d not in known)])


def _describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:  # most real-time signals have no name (signal(7))
        return f"killed by signal {-returncode}"
