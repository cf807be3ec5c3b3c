"""Where the `ingot` command begins: signals first, so that no moment answers with a traceback."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from ingot.errors import Interrupted

_EXIT_CODE = 130


def main() -> NoReturn:
    """Run the command line and exit with its code; 130 if it was interrupted."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        from ingot.cli.main import run_command_line  # late: it takes most of the start-up time

        code = run_command_line()
    except Interrupted:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        code = _EXIT_CODE
    except BrokenPipeError:
        sys.stderr.close()  # who reads the output has seen enough
        code = 0
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
