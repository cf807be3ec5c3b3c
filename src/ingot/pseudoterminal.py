"""A terminal of a program's own, whose words go to and fro between it and the user's.

A program that has the user's own terminal can type into it (ioctl TIOCSTI): what it typed would be
read by the shell when Ingot has ended. So a program that talks to the user gets a pseudoterminal
(pty(7)), and everything that passes is bytes. The user's terminal is raw meanwhile: Ctrl-C is the
program's. What was typed and not read when the program ends is dropped.
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
    """Both ends: `leader` is ours, `follower` what the program has as its terminal."""

    leader: int
    follower: int

    def let_go(self) -> None:
        """Close the program's end here, once the program has it: its end is then known."""
        os.close(self.follower)

    def relay(self, stdin: int | None, stdout: int, ended: Callable[[], bool]) -> None:
        """Pass bytes both ways until the program has ended and all that it wrote is passed on.

        Without `stdin` nothing is typed.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self.leader, selectors.EVENT_READ)
            if stdin is not None:
                selector.register(stdin, selectors.EVENT_READ)
            while True:
                over = ended()  # before looking: what it wrote before it ended is there then
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
    """A new pseudoterminal of the size of the terminal `like`, which is raw meanwhile.

    Its size follows that of the user's. Both are as they were afterwards.
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
        # with what was typed and not read: it was meant for the program
        termios.tcsetattr(like, termios.TCSAFLUSH, before)
        os.close(leader)


def _read(descriptor: int) -> bytes:
    """What can be read; nothing where the other end is closed, which a leader tells as EIO."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return  # nobody is at the other end
