"""A program that talks to the user has a terminal of its own, and the user's is as it was."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

_RUN = """
import sys
from ingot.errors import IngotError
from ingot.process import run_in_terminal
try:
    run_in_terminal([sys.executable, "-c", sys.argv[1]])
except IngotError as error:
    print("ended:", error)
print("Ingot has ended")
"""
_SIZE = struct.pack("HHHH", 33, 77, 0, 0)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody before a terminal: `leader` is their screen and keyboard."""

    leader: int
    follower: int

    def see(self, program: str, typed: str = "") -> str:
        """What they see while a program in Ingot's terminal runs to its end."""
        words = [sys.executable, "-c", _RUN, program]
        seen = b""
        with subprocess.Popen(
            words,
            stdin=self.follower,
            stdout=self.follower,
            stderr=self.follower,
            start_new_session=True,
        ) as process:
            patience = threading.Timer(120, process.kill)
            patience.start()
            while process.poll() is None or select.select([self.leader], [], [], 0.2)[0]:
                if not select.select([self.leader], [], [], 0.2)[0]:
                    continue
                seen += os.read(self.leader, 4096)
                if typed and b"ready" in seen:
                    os.write(self.leader, typed.encode())
                    typed = ""
            patience.cancel()
        return seen.decode()

    def waiting(self) -> bytes:
        """What the next program at their terminal, the shell, would read."""
        os.set_blocking(self.follower, False)
        with contextlib.suppress(BlockingIOError):
            return os.read(self.follower, 4096)
        return b""


@pytest.fixture
def user() -> Iterator[User]:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, _SIZE)
    yield User(leader, follower)
    os.close(leader)
    os.close(follower)


def test_the_terminal_is_another(user: User) -> None:
    seen = user.see("import os; print('terminal', os.ttyname(0), os.ttyname(1))")
    (line,) = [line for line in seen.splitlines() if line.startswith("terminal ")]
    _, first, second = line.split()
    assert first == second != os.ttyname(user.follower)
    assert "Ingot has ended" in seen


def test_nothing_can_be_typed_into_the_users(user: User) -> None:
    program = (
        "import fcntl, termios\n"
        "for name in ('/dev/tty', '/dev/stdin', '/dev/stdout'):\n"
        "    for letter in b'echo hostile\\n':\n"
        "        try:\n"
        "            fcntl.ioctl(open(name), termios.TIOCSTI, bytes([letter]))\n"
        "        except OSError as error:\n"
        "            print('not typed', error)\n"
        "            break\n"
    )
    user.see(program)
    assert user.waiting() == b""


def test_what_was_typed_and_not_read_is_dropped(user: User) -> None:
    user.see("print('ready', flush=True); import time; time.sleep(1)", "rm -rf /\n")
    assert user.waiting() == b""


def test_what_the_user_types_reaches_the_program(user: User) -> None:
    assert "got: hello" in user.see("print('ready', flush=True); print('got:', input())", "hello\n")


def test_an_interrupt_reaches_the_program(user: User) -> None:
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    for _ in range(600): time.sleep(0.1)\n"
        "except KeyboardInterrupt:\n"
        "    print('heard')"
    )
    seen = user.see(program, "\x03")
    assert "heard" in seen
    assert "Ingot has ended" in seen


def test_it_has_the_size_of_the_users(user: User) -> None:
    assert "size 77x33" in user.see("import os; print('size %dx%d' % os.get_terminal_size())")


def test_the_users_terminal_is_as_it_was(user: User) -> None:
    before = termios.tcgetattr(user.follower)
    user.see("import tty; tty.setraw(0)")
    assert termios.tcgetattr(user.follower) == before


def test_an_exit_code_is_passed_on(user: User) -> None:
    assert "exit code 3" in user.see("raise SystemExit(3)")


def test_a_program_that_leaves_another_behind_does_not_keep_ingot(user: User) -> None:
    program = (
        "import subprocess\n"
        "subprocess.Popen(['sleep', '100'], start_new_session=True)\n"
        "print('gone')"
    )
    seen = user.see(program)
    assert "gone" in seen
    assert "Ingot has ended" in seen
