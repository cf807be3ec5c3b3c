"""Ending a VMM that writes more into its files than anybody can want to read."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

_PAUSE_SECONDS = 0.1


class Watch:
    """Looks at the sizes of files while a VMM writes them.

    `stop` can be read once one has more bytes than its limit; `grown` says which.
    """

    def __init__(self, limits: Mapping[Path, int]) -> None:
        self.stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.grown: Path | None = None
        self._limits = limits
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """The VMM has ended: look once more, and then no longer."""
        self._over.set()
        self._thread.join()
        self._look()

    def _look_on(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            if self._look():
                os.eventfd_write(self.stop, 1)
                return

    def _look(self) -> bool:
        for path, limit in self._limits.items():
            with contextlib.suppress(OSError):
                if path.lstat().st_size > limit:
                    self.grown = path
                    return True
        return False


@contextlib.contextmanager
def watching(limits: Mapping[Path, int]) -> Iterator[Watch]:
    """Look at files (path -> bytes at most) while the body runs the VMM."""
    watch = Watch(limits)
    try:
        yield watch
    finally:
        watch.finish()
        os.close(watch.stop)
