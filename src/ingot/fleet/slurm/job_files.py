"""The files of the jobs, in one directory that the client and all nodes share.

    <name>.log      what the last attempt of a job has printed; a new file for each attempt
    <name>.exit     written at the end of a job that was not cancelled:
                    {"exit_code": 0, "where": "node7", "attempts": 1, "kernel": ..., "arch": ...}

Slurm forgets a job a few minutes after its end (MinJobAge in slurm.conf(5)), unless the cluster has
an accounting database. The exit record is what is known about the job after that.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import MachineError
from ingot.files import disk_errors, private_directory
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.job import PREFIX

_LOG = ".log"
_RECORD = ".exit"
_KEPT_SECONDS = 30 * 24 * 3600
_MOST_RECORD_BYTES = 4096
_FOLLOW_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The files below `directory`."""

    directory: Path

    def prepare(self) -> None:
        """Make the directory, and remove files that are older than a month.

        Their age is measured with the clock of the file system, which the nodes share as well.
        """
        with disk_errors(self.directory):
            private_directory(self.directory)
            with tempfile.NamedTemporaryFile(dir=self.directory, prefix=".now-") as new:
                now = os.fstat(new.fileno()).st_mtime
            for path in self.directory.glob(f"{PREFIX}*"):
                with contextlib.suppress(FileNotFoundError):
                    if now - path.stat().st_mtime > _KEPT_SECONDS:
                        path.unlink()

    def ended(self, names: Iterable[str] | None = None) -> dict[str, JobStatus]:
        """The statuses of the jobs that have an exit record; without `names`, of all of them."""
        if names is None:
            names = [path.stem for path in self.directory.glob(f"{PREFIX}*{_RECORD}")]
        found = ((name, self._record(name)) for name in names)
        return {name: status for name, status in found if status}

    def _record(self, name: str) -> JobStatus | None:
        try:
            with (self.directory / f"{name}{_RECORD}").open("rb") as file:
                record = json.loads(file.read(_MOST_RECORD_BYTES))
            code = int(record["exit_code"])
            return JobStatus(
                name,
                State.FAILED if code else State.SUCCEEDED,
                kernel=str(record["kernel"]),
                arch=str(record["arch"]),
                where=str(record["where"]),
                exit_code=code or None,
                attempts=int(record["attempts"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # without a record, or with a damaged one, nothing is known

    def remove(self, names: Collection[str]) -> None:
        """Forget jobs."""
        with disk_errors(self.directory):
            for name in names:
                for suffix in (_LOG, _RECORD):
                    (self.directory / f"{name}{suffix}").unlink(missing_ok=True)

    def lines(self, name: str) -> Iterator[str]:
        """The lines that the last attempt has printed so far."""
        return self.follow(name, lambda: True)

    def follow(self, name: str, has_ended: Callable[[], bool]) -> Iterator[str]:
        """The lines of a job's log as they come, until `has_ended` returns true.

        If a new attempt begins, its lines follow from the first.
        """
        path = self.directory / f"{name}{_LOG}"
        file: _OpenLog | None = None
        try:
            while True:
                last_look = has_ended()
                if file is None or file.was_replaced():
                    if file:
                        yield from file.finish()
                        file.close()
                    file = _OpenLog.open(path)
                if file:
                    yield from file.lines()
                if last_look:
                    break
                time.sleep(_FOLLOW_SECONDS)
            if file:
                yield from file.finish()
        finally:
            if file:
                file.close()


class _OpenLog:
    """A log that is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._rest = b""

    @classmethod
    def open(cls, path: Path) -> _OpenLog | None:
        """The log, or None if the job has none yet."""
        try:
            return cls(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MachineError(
                f"the log {path} cannot be read",
                why=error.strerror or str(error),
                hint="the directory has to be on a file system that this machine shares with the"
                " nodes (directory in [slurm] of fleet.toml)",
            ) from error

    def close(self) -> None:
        self._file.close()

    def was_replaced(self) -> bool:
        """Whether the path is another file now: as long as this one is open, its inode is taken."""
        with contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        return False

    def lines(self) -> Iterator[str]:
        """The complete lines that are new."""
        while data := self._file.read(1 << 16):
            *lines, self._rest = (self._rest + data).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)

    def finish(self) -> Iterator[str]:
        """The new lines, and the last one even if its end is missing."""
        yield from self.lines()
        if self._rest:
            yield self._rest.decode(errors="replace")
            self._rest = b""
