"""A program's output by lines: passed to the caller, logged and kept, each up to a limit.

A line longer than `LONGEST_LINE` is split; at most `MOST_KEPT` is kept in memory; a log ends at
`LARGEST_LOG`, with a line that says so.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ingot.files import disk_errors

LONGEST_LINE = 256 << 10
"""Bytes. Lines of a compiler or of a guest's kernel have a few hundred."""
MOST_KEPT = 64 << 20
"""Bytes of output kept in memory. Each line counts 64 more, the overhead of a string."""
LARGEST_LOG = 64 << 20
"""Bytes. The log of a kernel with all modules has about 2 MiB."""

_LINE_COSTS = 64
_TAIL_LINES = 25
_TAIL_LINE = 16 << 10


class ProgramOutput:
    """Splits a byte stream into lines; passes them on, logs them and keeps them."""

    def __init__(
        self,
        log: Path | None,
        on_line: Callable[[str], None] | None,
        keep: bool,
        limit: int | None,
    ) -> None:
        self._left = limit
        self._log: IO[bytes] | None = None
        self._log_room = 0
        self._path = log or Path()
        if log is not None:
            with disk_errors(log.parent):
                log.parent.mkdir(parents=True, exist_ok=True)
                self._log = log.open("ab")
                self._log_room = max(1, LARGEST_LOG - self._log.tell())
        self._on_line = on_line
        self._keep = keep
        self._room = MOST_KEPT
        self._rest = bytearray()
        self.kept: list[str] = []
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._log is None:
            return
        # the first error is the one that is reported
        with contextlib.suppress(OSError) if kind else disk_errors(self._path.parent):
            self._log.close()

    @property
    def is_full(self) -> bool:
        """Whether more was printed than the limit, or than is kept."""
        return self._room < 0 or (self._left is not None and self._left < 0)

    def feed(self, data: bytes) -> None:
        if self._left is not None:
            data, self._left = data[: max(0, self._left)], self._left - len(data)
        if self._log_room > 0:
            self._write(data)
        # each byte is examined once, however long its line is
        first, *others = data.split(b"\n")
        self._add(first)
        for piece in others:
            self._emit()
            self._add(piece)

    def finish(self) -> None:
        if self._rest:
            self._emit()

    def _write(self, data: bytes) -> None:
        assert self._log is not None
        self._log_room -= len(data)
        with disk_errors(self._path.parent):
            if self._log_room > 0:
                self._log.write(data)
                return
            self._log.write(data[: self._log_room] if self._log_room else data)
            limit = f"the limit of a log is {LARGEST_LOG >> 20} MiB"
            self._log.write(f"\ningot: the rest is left out: {limit}\n".encode())

    def _add(self, piece: bytes) -> None:
        self._rest += piece
        while len(self._rest) > LONGEST_LINE:
            over = self._rest[LONGEST_LINE:]
            del self._rest[LONGEST_LINE:]
            self._emit()
            self._rest = over

    def _emit(self) -> None:
        size = len(self._rest)
        line = self._rest.decode("utf-8", errors="replace").rstrip("\r")
        self._rest.clear()
        self.tail.append(line[:_TAIL_LINE])
        if self._keep:
            self._room -= size + _LINE_COSTS
            if self._room >= 0:
                self.kept.append(line + "\n")
        if self._on_line:
            self._on_line(line)
