"""A jobserver of make that several jobs on one machine share.

A jobserver is a pipe with one byte for each compiler that may run in addition to the one that every
make may always run (GNU make 4.3, "POSIX Jobserver Interaction"). A make takes a byte before it
starts a compiler and puts it back afterwards. A make that is killed keeps the bytes that it had, so
the pipe is filled again whenever no job runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

_LOWEST_DESCRIPTOR = 20
"""Above those that Ingot itself gives to programs, such as the filter of the sandbox."""


class Jobserver:
    """A jobserver for at most `jobs` jobs at once, which run `cpus` compilers together."""

    def __init__(self, cpus: int, jobs: int) -> None:
        self._tokens = max(0, cpus - jobs)
        read, write = os.pipe()
        self.read = fcntl.fcntl(read, fcntl.F_DUPFD_CLOEXEC, _LOWEST_DESCRIPTOR)
        self.write = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, _LOWEST_DESCRIPTOR)
        os.close(read)
        os.close(write)
        self.refill()

    @property
    def descriptors(self) -> tuple[int, int]:
        return self.read, self.write

    def refill(self) -> None:
        """Give it all its tokens again; only while no job runs."""
        os.set_blocking(self.read, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(self.read, 1 << 12):
                pass
        os.set_blocking(self.read, True)  # the flag is the pipe's: make expects it to block
        os.write(self.write, b"+" * self._tokens)
