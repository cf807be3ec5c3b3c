"""The statuses and the log lines of running jobs, as one stream.

The engine is read in threads: one for the statuses, and one for each log. A queue brings everything
to the caller's thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from ingot.fleet.engine import Engine, JobStatus, State

_AWAKE_SECONDS = 0.5
_MOST_LOGS = 40
"""Logs that are followed at the same time; each is a connection."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a running job's log."""

    name: str
    text: str


Event = JobStatus | LogLine


@contextlib.contextmanager
def merged_events(engine: Engine, names: Sequence[str]) -> Iterator[Iterator[Event]]:
    """The statuses and log lines of jobs, until the last of these jobs has ended.

    The threads that read the engine are daemons: they end with the engine's next answer.
    """
    stream = _Stream(engine, names)
    try:
        yield stream.events()
    finally:
        stream.over.set()


class _Stream:
    """One queue, filled by the threads. None in it is the end, an exception is the engine's."""

    def __init__(self, engine: Engine, names: Sequence[str]) -> None:
        self._engine = engine
        self._names = names
        self._queue: SimpleQueue[Event | BaseException | None] = SimpleQueue()
        self._readers: dict[str, threading.Thread] = {}
        self.over = threading.Event()

    def events(self) -> Iterator[Event]:
        threading.Thread(target=self._watch, daemon=True).start()
        while (event := self._next()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, JobStatus) and event.state == State.RUNNING:
                self._follow_log(event.name)

    def _next(self) -> Event | BaseException | None:
        """The queue's next item. It wakes up regularly, so that signals are handled in time."""
        while True:
            with contextlib.suppress(Empty):
                return self._queue.get(timeout=_AWAKE_SECONDS)

    def _watch(self) -> None:
        try:
            for status in self._engine.watch(self._names):
                self._queue.put(status)
                if self.over.is_set():
                    return
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error)

    def _follow_log(self, name: str) -> None:
        """Read a job's log in a thread of its own, unless too many are read already."""
        reading = {each for each, thread in self._readers.items() if thread.is_alive()}
        if name in reading or len(reading) >= _MOST_LOGS:
            return
        self._readers[name] = threading.Thread(target=self._read_log, args=(name,), daemon=True)
        self._readers[name].start()

    def _read_log(self, name: str) -> None:
        with contextlib.suppress(Exception):  # a log that cannot be read is not shown
            for line in self._engine.logs(name, follow=True):
                if self.over.is_set():
                    return
                self._queue.put(LogLine(name, line))
