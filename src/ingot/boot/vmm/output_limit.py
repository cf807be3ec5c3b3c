"""Ends a VMM that writes too much into its files."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

_PAUSE_SECONDS = 0.1


class Watch:
    """A thread that checks the sizes of files while a VMM writes them.

    `stop` becomes readable when a file exceeds its limit; `exceeded` is that file.
    """

    def __init__(self, limits: Mapping[Path, int]) -> None:
        self.stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.exceeded: Path | None = None
        self._limits = limits
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """To be called after the VMM has ended: checks the sizes a last time."""
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
                    self.exceeded = path
                    return True
        return False


@contextlib.contextmanager
def watching(limits: Mapping[Path, int]) -> Iterator[Watch]:
    """Check files (path -> most bytes) while the body runs the VMM."""
    watch = Watch(limits)
    try:
        yield watch
    finally:
        watch.finish()
        os.close(watch.stop)
