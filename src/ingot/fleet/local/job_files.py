"""The files of the jobs on this machine, through which several commands see the same jobs.

<cache>/fleet/jobs/<name>/
  status.json       the job's last status
  log               what it has printed
  cancel            another command wants the job to end
<cache>/fleet/jobs/.<name>.lock     held by the command that has the job, queued or running
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ingot.files import locked_if_free, private_directory, remove_tree, write_atomic
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.job import PREFIX


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The files of one job."""

    directory: Path

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the job while the context lasts; False inside if another command has it."""
        lock = self.directory.with_name(f".{self.name}.lock")
        with locked_if_free(lock) as free:
            yield free

    def begin(self) -> None:
        """Make the files of a new job; those of an earlier one are removed."""
        remove_tree(self.directory)
        private_directory(self.directory)

    def write(self, status: JobStatus) -> None:
        document = {**asdict(status), "state": status.state.value}
        write_atomic(self.directory / "status.json", json.dumps(document).encode())

    def read(self) -> JobStatus:
        """The last status; of a job whose command has died it is GONE."""
        try:
            document = json.loads((self.directory / "status.json").read_text(encoding="utf-8"))
            status = JobStatus(**{**document, "state": State(document["state"])})
        except (FileNotFoundError, NotADirectoryError):
            return JobStatus(self.name, State.GONE)
        if status.state.is_final:
            return status
        with self.held() as free:
            if not free:
                return status
        return replace(status, state=State.GONE, reason="the command that ran it has ended")

    def request_cancel(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.directory / "cancel").touch()

    def is_cancel_requested(self) -> bool:
        return (self.directory / "cancel").exists()

    def remove(self) -> None:
        remove_tree(self.directory)


def files_of(root: Path, name: str) -> JobFiles:
    return JobFiles(root / name)


def all_files(root: Path) -> list[JobFiles]:
    """The files of every job below `root`."""
    return [JobFiles(path) for path in sorted(root.glob(f"{PREFIX}*")) if path.is_dir()]
