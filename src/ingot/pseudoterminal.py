"""A pseudoterminal for an interactive program, connected to the user's terminal.

A program that has the user's terminal can insert input into it (ioctl TIOCSTI), which the shell
reads after Ingot has ended. So an interactive program gets a pseudoterminal (pty(7)), and only
bytes are passed between the two. The user's terminal is in raw mode meanwhile: Ctrl-C goes to
the program. Input that the program has not read when it ends is dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import termios
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

_CHUNK = 1 << 16
_SIZE = termios.TIOCSWINSZ
_GET_SIZE = termios.TIOCGWINSZ
_SIZE_BYTES = 8
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Pseudoterminal:
    """Both ends: `leader` is Ingot's, `follower` is the program's terminal."""

    leader: int
    follower: int

    def close_follower(self) -> None:
        """Close Ingot's copy of the follower, so that the leader reports when the program ends."""
        os.close(self.follower)

    def relay(self, stdin: int | None, stdout: int, ended: Callable[[], bool]) -> None:
        """Pass bytes both ways until the program has ended and all its output is passed on.

        Without `stdin` there is no input.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self.leader, selectors.EVENT_READ)
            if stdin is not None:
                selector.register(stdin, selectors.EVENT_READ)
            while True:
                over = (
                    ended()
                )  # before the select, which then sees all that it wrote before its end
                ready = selector.select(_PAUSE_SECONDS)
                if over and not any(key.fd == self.leader for key, _ in ready):
                    return
                for key, _ in ready:
                    if key.fd == self.leader:
                        data = _read(self.leader)
                        if not data:
                            return
                        _write(stdout, data)
                    elif typed := _read(key.fd):
                        _write(self.leader, typed)
                    else:
                        selector.unregister(key.fd)  # the user's terminal is gone


@contextlib.contextmanager
def pseudoterminal(like: int) -> Iterator[Pseudoterminal]:
    """A new pseudoterminal of the size of the terminal `like`, which is in raw mode meanwhile.

    Its size follows that of `like`. The state of `like` is restored at the end.
    """
    leader, follower = os.openpty()
    made = Pseudoterminal(leader, follower)
    before = termios.tcgetattr(like)

    def resize(_number: int = 0, _frame: FrameType | None = None) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(like, _GET_SIZE, bytes(_SIZE_BYTES))
            fcntl.ioctl(leader, _SIZE, size)

    resize()
    previous = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(like)
        yield made
    finally:
        signal.signal(signal.SIGWINCH, previous)
        # TCSAFLUSH drops input that was not read: it was intended for the program
        termios.tcsetattr(like, termios.TCSAFLUSH, before)
        os.close(leader)


def _read(descriptor: int) -> bytes:
    """The available bytes; empty if the other end is closed (a leader reports EIO then)."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return  # the other end is closed
