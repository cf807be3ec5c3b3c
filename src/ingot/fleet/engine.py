"""What an engine does: run jobs, report their state, print their logs, cancel them.

Each of the four functions can be repeated: it has the same result as one call. A client may die
between any two calls, and another client goes on with nothing but the names of the jobs. An engine
finds the jobs of Ingot by their labels, and keeps `kernel` and `arch` with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ingot.fleet.job import Job


class State(Enum):
    """The state of a job.

    `GONE`: the engine does not have it. It was cancelled, or it ended so long ago that the engine
    has removed it: whether it succeeded, only the registry knows.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GONE = "gone"

    @property
    def is_final(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What an engine reports about one job.

    `where` is the machine that runs it, or ran it last. `reason` is why it waits or why it failed,
    in the engine's words. `exit_code` is that of the job's command, if it failed and the engine
    knows it: one of the codes of `ingot.errors`, or 128 + N for signal N. It is None if the engine
    ended the job (time limit, lost machine); `reason` says so then. `attempts` counts how often it
    was started. `kernel` and `arch` are empty for a job that is gone.
    """

    name: str
    state: State
    kernel: str = ""
    arch: str = ""
    where: str = ""
    reason: str = ""
    exit_code: int | None = None
    attempts: int = 1


class Engine(Protocol):
    """Runs jobs.

    Every function raises a MachineError if the engine cannot be reached or refuses the user, and
    a UserError if the request or the engine's settings are wrong. An engine retries what may
    pass (a lost connection, too many requests) before it raises.
    """

    @property
    def name(self) -> str:
        """Its name in messages, such as `kubernetes (namespace ingot)`."""

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        """Queue jobs; returns the names of those that this call has queued.

        A job that is queued or running already is left alone, whoever submitted it. A job that
        ended without success is replaced by the new one, and so is one that succeeded: a caller
        only submits what the registry lacks. If the call fails, some of the jobs may be queued;
        the same call again queues the rest.
        """

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        """The present status of each job, then, if `follow`, its changes until it is final.

        Without `names`: all jobs of Ingot that the engine has, and with `follow` also those that
        are submitted later; it never ends then. A name that the engine does not know is GONE. The
        same status may be reported twice, and a state that lasted briefly may be left out, but the
        last status of a job is always reported.
        """

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        """The lines that a job has printed so far, without line ends; `follow`: until it ends.

        With `follow` it waits for the first line of a job that is queued. After a new attempt the
        lines of the last attempt come. Nothing for a job that is gone.
        """

    def cancel(self, names: Collection[str]) -> None:
        """End jobs and forget them; returns when none of their processes runs any more.

        Queued jobs never start. Names that the engine does not know, and jobs that have ended, are
        ignored.
        """
