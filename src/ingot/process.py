"""The one place that starts other programs.

Programs are argv lists, never shell text. Their output is read line by line as it comes; a
program that fails raises `CommandFailedError` with the last lines and a command to replay it.
A program does not outlive Ingot: the kernel kills it when Ingot dies, even by SIGKILL
(prctl(2), PR_SET_PDEATHSIG, which `setpriv` sets).

A program inherits nothing that is not meant for it: of the environment what `environment` lists,
of the open files none but the three that every program has, of the session neither the terminal
nor, if it runs what strangers wrote, the keyring.

What a program prints has limits, see `captured`. One that prints more than is kept is ended.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.environment import runs_others, seen_by
from ingot.errors import MachineError
from ingot.keyring import leaving_keyring
from ingot.program_output import ProgramOutput
from ingot.pseudoterminal import pseudoterminal

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
        too_long: bool = False,
    ) -> None:
        end = "timed out, and was ended" if timed_out else _describe_exit(returncode)
        if too_long:
            end = "printed more than it may, and was ended"
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

    `timed_out` says that Ingot ended it: its time was up, or it was told to stop. `too_long` says
    that Ingot ended it since it printed more than it may.
    """

    returncode: int
    output: str
    timed_out: bool = False
    too_long: bool = False


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
    limit: int | None = None,
    keep_output: bool = True,
) -> Result:
    """Run a program to its end and return how it went.

    It sees what `environment` lists for it of this process's environment, changed by `env`.
    Standard output and error come as one stream: each line goes to `on_line`, to the end
    of `log`, and into `Result.output` (unless `keep_output` is off). `stdin` is fed to it.
    The program is ended when `timeout` seconds have passed, when it printed nothing for
    `silence` seconds, when the file descriptor `stop` can be read, or when it printed more than
    `limit` bytes, or than `captured.MOST_KEPT` that are to be kept. With `check`, an exit code
    other than 0 raises CommandFailedError, and so does such an end. A log that cannot be written
    ends the program too, with a MachineError.
    """
    require_tool(argv[0])
    patience = _Patience(None if timeout is None else time.monotonic() + timeout, silence)
    output = ProgramOutput(log, on_line, keep_output, limit)
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
    timed_out = not in_time and not output.is_full
    if check and (returncode != 0 or not in_time):
        raise CommandFailedError(
            argv, returncode, list(output.tail), timed_out=timed_out, too_long=output.is_full
        )
    return Result(returncode, "".join(output.kept), timed_out=timed_out, too_long=output.is_full)


def run_in_terminal(argv: Sequence[str]) -> None:
    """Run a program that talks to the user: it is shown in Ingot's terminal until it ends.

    Ctrl-C is the program's then. The terminal that it has is one of its own, if Ingot has one at
    all (see `pseudoterminal`). An exit code other than 0 raises CommandFailedError.
    """
    require_tool(argv[0])
    command, environment = _prepared(argv, None)
    require_tool("setsid")
    users = next((each for each in (0, 1, 2) if os.isatty(each)), None)
    returncode = (
        _without_terminal(command, environment)
        if users is None
        else _in_own_terminal(command, environment, users)
    )
    if returncode != 0:
        raise CommandFailedError(argv, returncode, [])


def _in_own_terminal(command: Sequence[str], environment: Mapping[str, str], users: int) -> int:
    """Run a program in a terminal of its own, which it cannot type out of; `users` is Ingot's."""
    with (
        pseudoterminal(users) as own,
        subprocess.Popen(
            ["setsid", "--ctty", *command],
            env=environment,
            stdin=own.follower,
            stdout=own.follower,
            stderr=own.follower,
            preexec_fn=leaving_keyring(),
        ) as process,
    ):
        own.let_go()
        try:
            own.relay(0, 1, lambda: process.poll() is not None)
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def _without_terminal(command: Sequence[str], environment: Mapping[str, str]) -> int:
    # a handler, since a signal that is ignored would be ignored by the program as well
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
class _Patience:
    """When a program has taken too long: `deadline` on the monotonic clock, and `silence`."""

    deadline: float | None
    silence: float | None

    def seconds(self) -> float | None:
        """How long the next sign of life may take: 0 if its time is up, None for any time."""
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        return min((limit for limit in (left, self.silence) if limit is not None), default=None)


def _spawn(
    argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, *, feed: bool
) -> subprocess.Popen[bytes]:
    command, environment = _prepared(argv, env)
    asked_by_terminal = Path(argv[0]).name == "sudo"
    return subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # without the terminal that Ingot has; but sudo knows by it who was asked before
        start_new_session=not asked_by_terminal,
        process_group=0 if asked_by_terminal else None,
        preexec_fn=leaving_keyring() if runs_others(argv) else None,
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
    process: subprocess.Popen[bytes], output: ProgramOutput, patience: _Patience, stop: int | None
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
            if output.is_full:
                return False
    return False


def _read_rest(process: subprocess.Popen[bytes], output: ProgramOutput) -> None:
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
