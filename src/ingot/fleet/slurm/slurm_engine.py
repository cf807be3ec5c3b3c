"""The engine `slurm`: jobs are the tasks of job arrays.

An array is submitted in three steps: its tasks wait, held; each gets the name of its job; then they
are released. Until then nothing runs, so two clients that want the same kernel at the same time
find each other's tasks, and the array with the lower ID keeps the job. The script of an array says
which jobs its tasks are, so a client that dies between two steps leaves nothing that another client
could not finish.

Slurm itself queues a job again whose node was lost. A job that was killed on a healthy node is
queued again by its script, or, if the script was killed too, by a client that follows it. At the
same time, another client can submit the job anew: then the task that was started first goes on, and
the scripts of the others end themselves.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import MachineError
from ingot.fleet.engine import Engine, JobStatus, State
from ingot.fleet.fleet_settings import FleetSettings, SlurmTable
from ingot.fleet.job import Job
from ingot.fleet.slurm.batch_script import write_script
from ingot.fleet.slurm.commands import LostAnswerError, Slurm
from ingot.fleet.slurm.job_files import JobFiles
from ingot.fleet.slurm.task import ARRAY_NAME, Task
from ingot.fleet.slurm.task_view import TaskView
from ingot.process import ToolMissingError, require_tool

_MIB = 1 << 20
_MOST_TASKS = 500
"""The tasks of one array: below MaxArraySize of slurm.conf(5), which is 1001 unless changed."""

_MOST_MESSAGE = 500
_CANCEL_POLL_SECONDS = 0.5
_CANCEL_SECONDS = 300.0
"""How long the end of cancelled jobs may take: Slurm kills them after KillWait (slurm.conf(5))."""


@dataclass(frozen=True, slots=True)
class SlurmEngine:
    """An Engine that runs jobs on the cluster of `slurm`.

    `program` are the words that run Ingot on a node. A client asks for the states of its jobs every
    `poll` seconds, with one squeue for all of them.
    """

    table: SlurmTable
    program: tuple[str, ...]
    files: JobFiles
    slurm: Slurm
    view: TaskView
    poll: float

    @property
    def name(self) -> str:
        return f"slurm (partition {self.table.partition})" if self.table.partition else "slurm"

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        self.files.prepare()
        for wait in (*self.slurm.waits, None):
            try:
                return self._submit({job.name: job for job in jobs})
            except LostAnswerError:
                if wait is None:
                    raise
                # if Slurm has the array nevertheless, the next try finds and releases it
                time.sleep(wait)
        raise AssertionError("the last wait is None")

    def _submit(self, jobs: Mapping[str, Job]) -> frozenset[str]:
        if self._lost(tasks := self.view.recent(0), jobs):
            self._revive(jobs)  # as a client that follows the job may do now
            tasks = self.view.recent(0)
        live = [task for task in tasks if task.is_live and task.name in jobs]
        present = self._release_first(live)
        new = [job for name, job in jobs.items() if name not in present]
        arrays = [self._submit_array(chunk) for chunk in _chunks(new)]
        if not arrays:
            return frozenset()
        kept = self._release_first(self.view.live(jobs))
        return frozenset(name for name, task in kept.items() if task.array in arrays)

    def _submit_array(self, jobs: Sequence[Job]) -> int:
        script = write_script(
            jobs, self.program, self.files.directory, self.table.setup or "", self.table.attempts
        )
        return self.slurm.submit(array_options(self.table, jobs), script)

    def _release_first(self, tasks: Collection[Task]) -> dict[str, Task]:
        """Release the first task of each job, and cancel other ones that are held; the first ones.

        Tasks that are held are new: of this client, of one that does the same now, or of one that
        has died.
        """
        first = {task.name: task for task in sorted(tasks, key=lambda task: -task.array)}
        held = [task for task in tasks if task.is_held]
        self.slurm.cancel([task for task in held if task is not first[task.name]])
        self._release([task for task in held if task is first[task.name]])
        return first

    def _release(self, tasks: Collection[Task]) -> None:
        """Give held tasks the names of their jobs, and let them start."""
        messages = self.slurm.edit(
            line
            for task in tasks
            for line in (
                f"update JobId={task.id} JobName={task.name} Comment={task.kernel}/{task.arch}",
                f"release {task.id}",
            )
        )
        self.view.expire()
        names = {task.name for task in tasks}
        # another client can have released some of them, which have ended since
        if messages and any(task.is_held for task in self.view.live(names)):
            raise MachineError("Slurm did not release its jobs", why=messages[:_MOST_MESSAGE])

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        reported: dict[str, JobStatus] = {}
        while True:
            # an answer that a thread which follows a log got a moment ago will do
            tasks = self.view.recent(self.poll / 2)
            if follow and self._lost(tasks, names):
                self._revive(names)
                tasks = self.view.recent(0)
            wanted = None if names is None else [n for n in names if not _is_final(reported.get(n))]
            for status in self._statuses(tasks, wanted):
                if reported.get(status.name) != status:
                    reported[status.name] = status
                    yield status
            if not follow or (names is not None and all(_is_final(reported.get(n)) for n in names)):
                return
            time.sleep(self.poll)

    def _lost(self, tasks: Iterable[Task], names: Collection[str] | None) -> list[Task]:
        """The tasks that were lost, unless they were started often enough."""
        newest = _newest(tasks, names).values()
        return [task for task in newest if task.was_lost and task.attempts < self.table.attempts]

    def _revive(self, names: Collection[str] | None) -> None:
        """Queue tasks that were lost again, unless another client has submitted the job since.

        Slurm can refuse that for a moment, while it cleans up behind the task.
        """
        for wait in (*self.slurm.waits, None):
            lost = self._lost(self.view.recent(0), names)
            for task in lost:
                self.slurm.requeue(task)
            if not lost or wait is None:
                return
            time.sleep(min(wait, self.poll))

    def _statuses(self, tasks: Iterable[Task], names: Collection[str] | None) -> list[JobStatus]:
        """The status of each job, from its task, its exit record or the accounting database."""
        present = {name: task.status for name, task in _newest(tasks, names).items()}
        if names is None:  # a job that was cancelled is forgotten, though Slurm still has it
            present = {n: each for n, each in present.items() if each.state != State.GONE}
        rest = None if names is None else [name for name in names if name not in present]
        found = {**self.files.ended(rest), **present}
        unknown = [name for name in rest or () if name not in found]
        accounted = self.slurm.accounting(unknown) if unknown else {}
        gone = {name: JobStatus(name, State.GONE) for name in unknown}
        return list({**found, **gone, **accounted}.values())

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        if not follow:
            return self.files.lines(name)

        def has_ended() -> bool:
            tasks = self.view.recent(self.poll)
            return all(_is_final(status) for status in self._statuses(tasks, [name]))

        return self.files.follow(name, has_ended)

    def cancel(self, names: Collection[str]) -> None:
        deadline = time.monotonic() + _CANCEL_SECONDS
        live = self.view.live(names)
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
            live = self.view.live(names)
        self.files.remove(cancelled)


def array_options(table: SlurmTable, jobs: Sequence[Job]) -> list[str]:
    """The options of sbatch for an array of jobs for the same machines and resources."""
    needs = jobs[0].resources
    chosen = {
        "partition": table.partition,
        "account": table.account,
        "qos": table.qos,
        "constraint": table.constraints.get(jobs[0].machine, table.constraint),
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
    """The jobs of each new array: they need the same machines and resources."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.machine, job.resources), []).append(job)
    return [
        group[start : start + _MOST_TASKS]
        for group in groups.values()
        for start in range(0, len(group), _MOST_TASKS)
    ]


def _newest(tasks: Iterable[Task], names: Collection[str] | None) -> dict[str, Task]:
    """The task of each job: the one that did not end, or else the last one."""
    wanted = None if names is None else frozenset(names)
    found = [task for task in tasks if wanted is None or task.name in wanted]
    return {task.name: task for task in sorted(found, key=lambda task: (task.is_live, task.array))}


def _is_final(status: JobStatus | None) -> bool:
    return status is not None and status.state.is_final


def open_slurm(settings: FleetSettings) -> Engine:
    """The engine for the cluster that slurm.conf names, with the settings of `[slurm]`.

    MachineError if this machine does not have Slurm's programs.
    """
    for program in ("sbatch", "squeue", "scontrol", "scancel"):
        try:
            require_tool(program)
        except ToolMissingError as error:
            raise MachineError(
                str(error),
                hint="run this on a machine from which jobs are submitted to the Slurm cluster;"
                " in Debian the program is in slurm-client",
            ) from None
    table, slurm = settings.table.slurm, Slurm()
    directory = table.directory or str(settings.cache / "fleet" / "slurm")
    words = (table.program,) if table.program else settings.program
    files = JobFiles(Path(directory))
    return SlurmEngine(table, words, files, slurm, TaskView(slurm), table.poll_seconds)
