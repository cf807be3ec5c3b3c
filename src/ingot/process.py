"""The one place that starts other programs.

Commands are argv lists, never shell text. Their output is read line by line as it arrives; a
program that fails raises `CommandFailedError` with the last lines and a command to replay it.
A program does not outlive Ingot: the kernel kills it when Ingot dies, even by SIGKILL
(prctl(2), PR_SET_PDEATHSIG, which `setpriv` sets).

A program inherits only what it needs: the environment variables that `environment` lists, the
three standard streams, not the terminal, and, if it runs untrusted code, not the keyring.

The output of a program is limited, see `program_output`. A program that exceeds the limit is
ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.environment import runs_others, seen_by
from ingot.errors import MachineError
from ingot.keyring import leaving_keyring
from ingot.program_output import ProgramOutput
from ingot.pseudoterminal import pseudoterminal

COMMANDS = "ingot.commands"
"""The logger that gets the command of each program that is run, at the level DEBUG."""

_GRACE_SECONDS = 5.0


class ToolMissingError(MachineError):
    """A program that Ingot needs is not installed."""


class CommandFailedError(MachineError):
    """A program ended with an error. `tail` is the last lines of its output."""

    def __init__(
        self,
        argv: Sequence[str],
        returncode: int,
        tail: Sequence[str],
        *,
        timed_out: bool = False,
        too_long: bool = False,
    ) -> None:
        end = "timed out" if timed_out else _describe_exit(returncode)
        if too_long:
            end = "ended, since it printed more than the limit"
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
    """How a program ended: its exit code (-N: killed by signal N), and its output.

    `timed_out`: Ingot ended it, at a timeout or since `stop` was readable. `too_long`: Ingot
    ended it, since it printed more than the limit.
    """

    returncode: int
    output: str
    timed_out: bool = False
    too_long: bool = False


def require_tool(name: str) -> str:
    """The path of the program `name`; ToolMissingError if it is not found."""
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
    limit: int | None = None,
    keep_output: bool = True,
    inherited: Sequence[int] = (),
) -> Result:
    """Run a program to its end and return its result.

    It gets the variables that `environment` lists for it, changed by `env`. Standard output and
    error are one stream: each line is passed to `on_line`, appended to `log`, and kept in
    `Result.output` (unless `keep_output` is off). `stdin` is written to its standard input.
    The program is ended when `timeout` seconds have passed, when it printed nothing for
    `silence` seconds, when the file descriptor `stop` is readable, or when it printed more than
    `limit` bytes, or more than `program_output.MOST_KEPT` with `keep_output`. With `check`, such
    an end, or an exit code other than 0, raises CommandFailedError. If `log` cannot be written,
    the program is ended and a MachineError raised. The descriptors in `inherited` stay open in the
    program, under the same numbers.
    """
    require_tool(argv[0])
    limits = _TimeLimits(None if timeout is None else time.monotonic() + timeout, silence)
    output = ProgramOutput(log, on_line, keep_output, limit)
    with output, _spawn(argv, env, cwd, inherited, feed=stdin is not None) as process:
        try:
            with _feeding(process, stdin):
                in_time = _read_all(process, output, limits, stop) and _ended(process, limits)
                if not in_time:
                    _end(process)
                    _read_rest(process, output)
            output.finish()
            returncode = process.wait()
        except BaseException:
            _end(process)
            raise
    timed_out = not in_time and not output.is_full
    if check and (returncode != 0 or not in_time):
        raise CommandFailedError(
            argv, returncode, list(output.tail), timed_out=timed_out, too_long=output.is_full
        )
    return Result(returncode, "".join(output.kept), timed_out=timed_out, too_long=output.is_full)


def run_in_terminal(argv: Sequence[str]) -> None:
    """Run an interactive program in Ingot's terminal until it ends.

    Ctrl-C goes to the program meanwhile. If Ingot has a terminal, the program runs in a
    pseudoterminal (see `pseudoterminal`). An exit code other than 0 raises CommandFailedError.
    """
    require_tool(argv[0])
    command, environment = _prepared(argv, None)
    require_tool("setsid")
    terminal = next((each for each in (0, 1, 2) if os.isatty(each)), None)
    returncode = (
        _without_terminal(command, environment)
        if terminal is None
        else _in_pseudoterminal(command, environment, terminal)
    )
    if returncode != 0:
        raise CommandFailedError(argv, returncode, [])


def _in_pseudoterminal(
    command: Sequence[str], environment: Mapping[str, str], terminal: int
) -> int:
    """Run a program in a new pseudoterminal; `terminal` is Ingot's own."""
    with (
        pseudoterminal(terminal) as own,
        subprocess.Popen(
            ["setsid", "--ctty", *command],
            env=environment,
            stdin=own.follower,
            stdout=own.follower,
            stderr=own.follower,
            preexec_fn=leaving_keyring(),
        ) as process,
    ):
        own.close_follower()
        try:
            own.relay(0, 1, lambda: process.poll() is not None)
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def _without_terminal(command: Sequence[str], environment: Mapping[str, str]) -> int:
    # a handler, since the program would inherit SIG_IGN
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(
            command,
            env=environment,
            check=False,
            preexec_fn=leaving_keyring(),
        ).returncode
    finally:
        signal.signal(signal.SIGINT, previous)


@dataclass(frozen=True, slots=True)
class _TimeLimits:
    """`deadline` of the program on the monotonic clock; `silence`: seconds without output."""

    deadline: float | None
    silence: float | None

    def seconds(self) -> float | None:
        """How long to wait for the next output: 0 after the deadline, None without a limit."""
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        return min((limit for limit in (left, self.silence) if limit is not None), default=None)


def _spawn(
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: Path | None,
    inherited: Sequence[int],
    *,
    feed: bool,
) -> subprocess.Popen[bytes]:
    command, environment = _prepared(argv, env)
    needs_terminal = Path(argv[0]).name == "sudo"
    return subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=tuple(inherited),
        # without Ingot's terminal, except for sudo: it keeps its tickets per terminal
        start_new_session=not needs_terminal,
        process_group=0 if needs_terminal else None,
        preexec_fn=leaving_keyring() if runs_others(argv) else None,
    )


def _prepared(
    argv: Sequence[str], env: Mapping[str, str] | None
) -> tuple[list[str], dict[str, str]]:
    """The command as it is started, and its whole environment, with `env`.

    It is started by `setpriv`, if that is installed, so that it ends when Ingot dies. A program
    that gets no PATH is started by its full path.
    """
    logging.getLogger(COMMANDS).debug("run: %s", shlex.join(argv))
    ours = {**os.environ, "PATH": _search_path()}
    environment = {**seen_by(argv, ours), **(env or {})}
    found = [] if "PATH" in environment else [str(Path(require_tool(argv[0])).absolute())]
    guard = shutil.which("setpriv")
    prefix = [guard, "--pdeathsig", "KILL", "--"] if guard else []
    return [*prefix, *(found or argv[:1]), *argv[1:]], environment


def _read_all(
    process: subprocess.Popen[bytes], output: ProgramOutput, limits: _TimeLimits, stop: int | None
) -> bool:
    """Read until the program closes its output; False if it has to be ended before that."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ)
        while (seconds := limits.seconds()) != 0 and (ready := selector.select(seconds)):
            if any(key.fd == stop for key, _ in ready):
                return False
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                return True
            output.feed(data)
            if output.is_full:
                return False
    return False


def _read_rest(process: subprocess.Popen[bytes], output: ProgramOutput) -> None:
    """Read the output that a program printed before it was ended, without waiting for more.

    At most the size of the pipe: a child that left the process group may still print.
    """
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    room = fcntl.fcntl(process.stdout.fileno(), fcntl.F_GETPIPE_SZ)
    with contextlib.suppress(BlockingIOError):
        while room > 0 and (data := os.read(process.stdout.fileno(), 1 << 16)):
            room -= len(data)
            output.feed(data)


def _ended(process: subprocess.Popen[bytes], limits: _TimeLimits) -> bool:
    """Wait for the program's end, which can come long after the end of its output."""
    try:
        process.wait(limits.seconds())
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
            pass  # it closed its input; the exit code shows whether that is an error
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
    """End a program and its process group: SIGTERM first, SIGKILL for the processes left.

    SIGTERM may end the program but not its children, which no one waits for.
    """
    if process.returncode is not None:
        return  # its process ID may have been reused
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _search_path() -> str:
    """PATH with the system directories that are not in an ordinary user's PATH on Debian."""
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
