"""The tasks of Ingot in the cluster, as squeue reported them last.

All threads of a client share the answers: one that follows the states, and one for each log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import replace

from ingot.fleet.slurm.batch_script import read_jobs
from ingot.fleet.slurm.commands import Slurm
from ingot.fleet.slurm.task import ARRAY_NAME, Task


class TaskView:
    """Asks squeue, and keeps its last answer."""

    def __init__(self, slurm: Slurm) -> None:
        self._slurm = slurm
        self._lock = threading.Lock()
        self._tasks: list[Task] = []
        self._asked: float | None = None

    def recent(self, seconds: float) -> list[Task]:
        """The tasks as they were at most so many seconds ago."""
        with self._lock:
            if self._asked is None or time.monotonic() - self._asked >= seconds:
                self._asked = None
                asked = time.monotonic()
                self._tasks = self._ask()
                self._asked = asked
            return self._tasks

    def expire(self) -> None:
        """Forget the last answer: this client has changed something."""
        with self._lock:
            self._asked = None

    def live(self, names: Collection[str] | None = None) -> list[Task]:
        """The tasks that wait or run now; without `names`, of all jobs."""
        return [
            task
            for task in self.recent(0)
            if task.is_live and (names is None or task.name in names)
        ]

    def _ask(self) -> list[Task]:
        """All tasks, those of an array that was not named yet with the names in its script."""
        tasks = self._slurm.tasks()
        unnamed = {task.array for task in tasks if task.name == ARRAY_NAME and task.is_live}
        jobs = {array: read_jobs(self._slurm.script_of(array)) for array in sorted(unnamed)}
        named = [task for task in tasks if task.name != ARRAY_NAME]
        for task in tasks:
            job = jobs.get(task.array, {}).get(task.index)
            if task.name == ARRAY_NAME and job:
                named.append(replace(task, name=job.name, kernel=job.kernel, arch=job.arch))
        return named
