"""The entry point of the `ingot` command: handles signals before anything else is imported."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from ingot import __version__
from ingot.errors import BUG, INTERRUPTED, Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_AGAIN_AFTER = 0.01
"""Seconds until an interruption that Python dropped is raised again."""


def main() -> NoReturn:
    """Run the command line, and exit with one of `errors.EXIT_CODES`."""
    if sys.argv[1:] == [
        "--version"
    ]:  # scripts often call `--version`: before anything large is imported
        print(f"ingot {__version__}")
        sys.exit(0)
    interruption = Interruption()
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, interruption.raise_it)
    sys.unraisablehook = interruption.raise_again
    try:
        from ingot.cli.main import run_command_line  # late: an interruption may come while it loads

        code = run_command_line()
        interruption.ignore_more()
    except Interrupted:
        code = interruption.end()
    except BrokenPipeError:
        interruption.ignore_more()
        sys.stderr.close()  # the reader of the output closed it, such as `head`
        code = 0
    except Exception:
        if not interruption.arrived:
            sys.excepthook(*sys.exc_info())
            sys.exit(BUG)
        code = interruption.end()  # a library turned the interruption into its own error
    sys.exit(code)


class Interruption:
    """The handler of the signals that end the command: it raises `Interrupted` once.

    Python drops an exception that is raised in a destructor, a callback of a weak reference or
    similar, and passes it to `sys.unraisablehook`. From there it is raised again a moment later,
    so that no interruption is lost. Further signals are ignored, so that they do not disturb the
    clean-up.
    """

    def __init__(self) -> None:
        self.arrived = False
        self._over = False

    def raise_it(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if self._over or (self.arrived and number != signal.SIGALRM):
            return
        self.arrived = True
        raise Interrupted

    def raise_again(self, dropped: sys.UnraisableHookArgs) -> None:
        """Handle an exception that Python dropped; all but interruptions are printed as usual."""
        if isinstance(dropped.exc_value, Interrupted):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER)
        else:
            sys.__unraisablehook__(dropped)

    def ignore_more(self) -> None:
        """Ignore all signals from now on: the exit code is known, and Python begins to end.

        Python restores the default handlers meanwhile, unless signals are ignored. Then a signal
        would end the process without the exit code.
        """
        self._over = True
        for number in (*_SIGNALS, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)

    def end(self) -> int:
        """Report that the command was interrupted, and return its exit code."""
        self.ignore_more()
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    main()
