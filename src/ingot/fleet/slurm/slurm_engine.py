"""The engine `slurm`: jobs are the tasks of job arrays.

An array is submitted in three steps: its tasks wait, held; each gets the name of its job; then they
are released. Until then nothing runs, so two clients that want the same kernel at the same time
find each other's tasks, and the array with the lower ID keeps the job. The script of an array says
which jobs its tasks are, so a client that dies between two steps leaves nothing that another client
could not finish.

Slurm itself queues a job again whose node was lost. A job that was killed on a healthy node is
queued again by its script, or, if the script was killed too, by a client that follows it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.errors import MachineError
from ingot.fleet.engine import Engine, JobStatus, State
from ingot.fleet.fleet_settings import FleetSettings, SlurmTable
from ingot.fleet.job import Job
from ingot.fleet.slurm.batch_script import read_jobs, write_script
from ingot.fleet.slurm.commands import Slurm
from ingot.fleet.slurm.job_files import JobFiles
from ingot.fleet.slurm.task import ARRAY_NAME, Task

_MIB = 1 << 20
_MOST_TASKS = 500
"""The tasks of one array: below MaxArraySize of slurm.conf(5), which is 1001 unless changed."""

_POLL_SECONDS = 5.0
"""How often a client asks for the states of its jobs: one squeue for all of them."""

_MOST_MESSAGE = 500
_CANCEL_POLL_SECONDS = 0.5
_CANCEL_SECONDS = 300.0
"""How long the end of cancelled jobs may take: Slurm kills them after KillWait (slurm.conf(5))."""


@dataclass(frozen=True, slots=True)
class SlurmEngine:
    """An Engine that runs jobs on the cluster of `slurm`.

    `program` are the words that run Ingot on a node. `poll` is in seconds.
    """

    table: SlurmTable
    program: tuple[str, ...]
    files: JobFiles
    slurm: Slurm
    poll: float = _POLL_SECONDS

    @property
    def name(self) -> str:
        return f"slurm (partition {self.table.partition})" if self.table.partition else "slurm"

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        self.files.prepare()
        wanted = {job.name: job for job in jobs}
        present = self._live(wanted)
        self._release(task for task in present if task.is_held)
        new = [job for name, job in wanted.items() if name not in {task.name for task in present}]
        arrays = [self._submit_array(chunk) for chunk in _chunks(new)]
        if not arrays:
            return frozenset()
        ours = self._release_first(arrays)
        return frozenset(task.name for task in ours)

    def _submit_array(self, jobs: Sequence[Job]) -> int:
        script = write_script(
            jobs, self.program, self.files.directory, self.table.setup or "", self.table.attempts
        )
        return self.slurm.submit(array_options(self.table, jobs), script)

    def _release_first(self, arrays: Collection[int]) -> list[Task]:
        """Name and release the tasks of our new arrays, except for jobs that others have queued."""
        live = self._live()
        first: dict[str, int] = {}
        for task in live:
            first[task.name] = min(task.array, first.get(task.name, task.array))
        ours = [task for task in live if task.array in arrays]
        self.slurm.cancel([task for task in ours if first[task.name] < task.array])
        kept = [task for task in ours if first[task.name] == task.array]
        self._release(kept)
        return kept

    def _release(self, tasks: Iterable[Task]) -> None:
        """Give held tasks the names of their jobs, and let them start."""
        tasks = list(tasks)
        messages = self.slurm.edit(
            line
            for task in tasks
            for line in (
                f"update JobId={task.id} JobName={task.name} Comment={task.kernel}/{task.arch}",
                f"release {task.id}",
            )
        )
        names = {task.name for task in tasks}
        # another client can have released some of them, which have ended since
        if messages and any(task.is_held for task in self._live(names)):
            raise MachineError("Slurm did not release its jobs", why=messages[:_MOST_MESSAGE])

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        reported: dict[str, JobStatus] = {}
        while True:
            wanted = None if names is None else [n for n in names if not _is_final(reported.get(n))]
            for status in self._statuses(wanted, revive=follow):
                if reported.get(status.name) != status:
                    reported[status.name] = status
                    yield status
            if not follow or (names is not None and all(_is_final(reported.get(n)) for n in names)):
                return
            time.sleep(self.poll)

    def _statuses(self, names: Collection[str] | None, *, revive: bool) -> list[JobStatus]:
        """The status of each job, from squeue, the exit records or the accounting database."""
        tasks = _newest(self._tasks(), names)
        if revive:
            tasks = {name: self._revived(task) for name, task in tasks.items()}
        # a job without a task can have ended since squeue looked: its record was there before
        rest = None if names is None else [name for name in names if name not in tasks]
        present = {name: task.status for name, task in tasks.items()}
        if names is None:  # a job that was cancelled is forgotten, though Slurm still has it
            present = {n: each for n, each in present.items() if each.state != State.GONE}
        found = {**self.files.ended(rest), **present}
        unknown = [name for name in rest or () if name not in found]
        accounted = self.slurm.accounting(unknown) if unknown else {}
        gone = {name: JobStatus(name, State.GONE) for name in unknown}
        return list({**found, **gone, **accounted}.values())

    def _revived(self, task: Task) -> Task:
        """A task that was lost is queued again, unless it was started often enough."""
        if not task.was_lost or task.restarts + 1 >= self.table.attempts:
            return task
        if not self.slurm.requeue(task):
            return task
        return replace(task, slurm_state="PENDING", reason="BeginTime", exit_code=0)

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        if not follow:
            return self.files.lines(name)
        asked = -self.poll

        def has_ended() -> bool:
            nonlocal asked
            if time.monotonic() - asked < self.poll:
                return False
            asked = time.monotonic()
            return all(status.state.is_final for status in self._statuses([name], revive=True))

        return self.files.follow(name, has_ended)

    def cancel(self, names: Collection[str]) -> None:
        deadline = time.monotonic() + _CANCEL_SECONDS
        live = self._live(names)
        cancelled = {task.name for task in live}
        self.slurm.cancel(live)
        while live:
            if time.monotonic() > deadline:
                raise MachineError(
                    f"Slurm did not end {len(live)} jobs in {_CANCEL_SECONDS:.0f} s",
                    why=", ".join(f"{task.name} on {task.where}" for task in live),
                    hint="an administrator of the cluster can see why: scontrol show job "
                    + live[0].id,
                )
            time.sleep(_CANCEL_POLL_SECONDS)
            live = self._live(names)
        self.files.remove(cancelled)

    def _live(self, names: Collection[str] | None = None) -> list[Task]:
        return [
            task for task in self._tasks() if task.is_live and (names is None or task.name in names)
        ]

    def _tasks(self) -> list[Task]:
        """All tasks, those of an array that was not named yet with the names in its script."""
        tasks = self.slurm.tasks()
        unnamed = {task.array for task in tasks if task.name == ARRAY_NAME and task.is_live}
        jobs = {array: read_jobs(self.slurm.script_of(array)) for array in sorted(unnamed)}
        named = [task for task in tasks if task.name != ARRAY_NAME]
        for task in tasks:
            job = jobs.get(task.array, {}).get(task.index)
            if task.name == ARRAY_NAME and job:
                named.append(replace(task, name=job.name, kernel=job.kernel, arch=job.arch))
        return named


def array_options(table: SlurmTable, jobs: Sequence[Job]) -> list[str]:
    """The options of sbatch for an array of jobs with the same arch and resources."""
    arch, needs = jobs[0].arch, jobs[0].resources
    constraint = table.constraints.get(arch, table.constraint)
    chosen = {
        "partition": table.partition,
        "account": table.account,
        "qos": table.qos,
        "constraint": constraint,
    }
    return [
        f"--job-name={ARRAY_NAME}",
        f"--array=0-{len(jobs) - 1}",
        *("--hold", "--requeue", "--nodes=1", "--ntasks=1"),
        f"--cpus-per-task={needs.cpus}",
        f"--mem={-(-needs.memory // _MIB)}M",
        f"--time={-(-needs.seconds // 60)}",
        # a task writes to the log of its job
        *("--output=/dev/null", "--chdir=/"),
        *(f"--{option}={value}" for option, value in chosen.items() if value),
        *table.options,
    ]


def _chunks(jobs: Sequence[Job]) -> list[Sequence[Job]]:
    """The jobs of each new array: they have one arch and need the same resources."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.arch, job.resources), []).append(job)
    return [
        group[start : start + _MOST_TASKS]
        for group in groups.values()
        for start in range(0, len(group), _MOST_TASKS)
    ]


def _newest(tasks: Iterable[Task], names: Collection[str] | None) -> dict[str, Task]:
    """The task of each job: the one that did not end, or else the last one."""
    newest: dict[str, Task] = {}
    for task in sorted(tasks, key=lambda task: (task.is_live, task.array)):
        if names is None or task.name in names:
            newest[task.name] = task
    return newest


def _is_final(status: JobStatus | None) -> bool:
    return status is not None and status.state.is_final


def open_slurm(settings: FleetSettings) -> Engine:
    """The engine for the cluster that slurm.conf names, with the settings of `[slurm]`."""
    table = settings.table.slurm
    directory = table.directory or str(settings.cache / "fleet" / "slurm")
    program = (table.program,) if table.program else (sys.executable, "-m", "ingot")
    return SlurmEngine(table, program, JobFiles(Path(directory)), Slurm())
