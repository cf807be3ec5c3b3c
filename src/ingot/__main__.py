"""Where the `ingot` command begins: signals first, so that no moment answers with a traceback."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from ingot import __version__
from ingot.errors import Interrupted

_EXIT_CODE = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_AGAIN_AFTER = 0.01
"""Seconds until an interruption that Python dropped is raised once more."""


def main() -> NoReturn:
    """Run the command line and exit with its code; 130 if it was interrupted."""
    if sys.argv[1:] == ["--version"]:  # scripts ask often: before anything large is imported
        print(f"ingot {__version__}")
        sys.exit(0)
    interruption = Interruption()
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, interruption.raise_it)
    sys.unraisablehook = interruption.raise_again
    try:
        from ingot.cli.main import run_command_line  # late: an interruption may come while it loads

        code = run_command_line()
    except Interrupted:
        code = interruption.end()
    except BrokenPipeError:
        sys.stderr.close()  # who reads the output has seen enough
        code = 0
    except Exception:
        if not interruption.arrived:
            raise
        code = interruption.end()  # a library made an error of its own of the interruption
    sys.exit(code)


class Interruption:
    """What a signal that ends the command does: it raises `Interrupted` once, wherever Python is.

    Python drops an exception that is raised in a destructor, a callback of a weak reference or the
    like, and hands it to `sys.unraisablehook`; it is raised again from there, a moment later, so
    that no interruption is lost. Further signals are ignored: the first one is being obeyed, and
    what cleans up is not to be disturbed.
    """

    def __init__(self) -> None:
        self.arrived = False

    def raise_it(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.arrived and number != signal.SIGALRM:
            return
        self.arrived = True
        raise Interrupted

    def raise_again(self, dropped: sys.UnraisableHookArgs) -> None:
        """Handle an exception that Python dropped; any but an interruption is printed as ever."""
        if isinstance(dropped.exc_value, Interrupted):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER)
        else:
            sys.__unraisablehook__(dropped)

    def end(self) -> int:
        """Say that the command was interrupted, and return its exit code."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return _EXIT_CODE


if __name__ == "__main__":
    main()
