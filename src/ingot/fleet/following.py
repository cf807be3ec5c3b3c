"""Submits jobs and follows them to their end, in one display.

An interruption cancels the jobs that this call has submitted, and no others: another client may
wait for those.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingot.errors import MachineError
from ingot.fleet.board import Board
from ingot.fleet.engine import Engine, JobStatus, State
from ingot.fleet.events import merged_events
from ingot.fleet.job import Job
from ingot.progress import Progress

_SUBMITTED_AT_ONCE = 50
_TAIL_LINES = 20
_LOG_READINGS = 3
_SUBMISSIONS = 2
"""How often a job is submitted at most: once more after a machine's fault or another's cancel."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. `is_built`: its images are in the registry, whatever its last state was.

    `tail` is the end of its log if it failed.
    """

    job: Job
    status: JobStatus
    is_built: bool
    tail: tuple[str, ...] = ()


def submit_all(engine: Engine, jobs: Sequence[Job]) -> frozenset[str]:
    """Submit jobs; returns the names of the new ones. An interruption cancels them."""
    started: set[str] = set()
    with _cancelling(engine, started):
        for first in range(0, len(jobs), _SUBMITTED_AT_ONCE):
            started |= engine.submit(jobs[first : first + _SUBMITTED_AT_ONCE])
    return frozenset(started)


def run_jobs(
    engine: Engine, jobs: Sequence[Job], is_built: Callable[[Job], bool], progress: Progress
) -> list[Outcome]:
    """Submit jobs and follow them until each has ended; the outcomes are in the jobs' order.

    `is_built` looks a job's result up in the registry, which decides about success. A job that
    failed through a fault of its machine, or that another client cancelled, is submitted once more.
    MachineError if the engine fails: the jobs go on then, and the same call follows them again.
    """
    run = _Run(engine, is_built, {job.name: job for job in jobs})
    with _cancelling(engine, run.started, run.ended), contextlib.ExitStack() as steps:
        board = Board(progress, steps, len(run.jobs))
        run.submit(list(run.jobs.values()))
        while names := run.waiting:
            with merged_events(engine, names) as events:
                for event in events:
                    board.show(run.jobs, event)
                    if isinstance(event, JobStatus):
                        run.take(event)
            again, run.again = run.again, []
            run.submit(again)
    return [run.ended[job.name] for job in jobs]


@contextlib.contextmanager
def _cancelling(engine: Engine, started: set[str], ended: Iterable[str] = ()) -> Iterator[None]:
    """Cancel the jobs in `started` that have not ended if the body is interrupted.

    After an error the jobs go on: the error may be the engine's, and their results are wanted.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException:
        engine.cancel(started - set(ended))
        raise


@dataclass(slots=True)
class _Run:
    """The jobs of one call: which ones it has submitted, and how those that ended did."""

    engine: Engine
    is_built: Callable[[Job], bool]
    jobs: dict[str, Job]
    started: set[str] = field(default_factory=set)
    ended: dict[str, Outcome] = field(default_factory=dict)
    again: list[Job] = field(default_factory=list)
    submissions: dict[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> list[str]:
        return [name for name in self.jobs if name not in self.ended]

    def submit(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.submissions[job.name] = self.submissions.get(job.name, 0) + 1
        for first in range(0, len(jobs), _SUBMITTED_AT_ONCE):
            self.started |= self.engine.submit(jobs[first : first + _SUBMITTED_AT_ONCE])

    def take(self, status: JobStatus) -> None:
        """Note a final status; the job is submitted again if that may help."""
        if not status.state.is_final or status.name in self.ended:
            return
        job = self.jobs[status.name]
        if self.is_built(job):
            self.ended[job.name] = Outcome(job, status, is_built=True)
        elif self._may_try_again(status):
            self.started.discard(job.name)
            self.again.append(job)
        else:
            self.ended[job.name] = Outcome(job, status, is_built=False, tail=self._tail(job))

    def _may_try_again(self, status: JobStatus) -> bool:
        if self.submissions[status.name] >= _SUBMISSIONS:
            return False
        cancelled_elsewhere = status.state == State.GONE and status.name not in self.started
        return cancelled_elsewhere or status.exit_code == MachineError.exit_code

    def _tail(self, job: Job) -> tuple[str, ...]:
        """The last lines of the job's log; a note if the engine cannot show it.

        The log is what explains the failure, so one refusal is not the last word.
        """
        for _ in range(_LOG_READINGS):
            try:
                return tuple(deque(self.engine.logs(job.name), maxlen=_TAIL_LINES))
            except MachineError as error:
                note = f"(its log cannot be read: {error})"
        return (note,)
