"""Other processes that run Python."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def python_child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs `code`; it has printed its first line when the body begins."""
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() != "", child.stderr and child.stderr.read()
            yield child
        finally:
            child.kill()
