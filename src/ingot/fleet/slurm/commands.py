"""Slurm's programs: sbatch, squeue, scontrol, scancel and sacct.

Their exit codes do not tell an error of the request from an error of the cluster, so the messages
do (src/common/slurm_errno.c of Slurm). What may pass is retried.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ingot.errors import MachineError, UserError
from ingot.fleet.engine import JobStatus
from ingot.fleet.slurm.task import (
    SACCT_FORMAT,
    SQUEUE_FORMAT,
    Task,
    read_accounting,
    read_tasks,
)
from ingot.process import Result, run

_PASSING = re.compile(
    r"unable to contact slurm controller|timed out|connection refused|temporarily unable"
    r"|zero bytes were transmitted|not connected|standby mode|resource temporarily unavailable",
    re.IGNORECASE,
)
_WRONG_REQUEST = re.compile(
    r"invalid|not available|violates|can not be satisfied|not permitted|unrecognized option"
    r"|denied|requested .* exceed",
    re.IGNORECASE,
)
_WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the attempts of a command that the cluster did not answer."""

_AT_ONCE = 500
"""The most names or IDs on one command line."""


class LostAnswerError(MachineError):
    """Slurm did not answer a submission: the new jobs may exist or not."""


@dataclass(frozen=True, slots=True)
class Slurm:
    """The cluster that slurm.conf or SLURM_CONF names, as its user.

    Every method raises a MachineError if the cluster cannot be reached.
    """

    waits: Sequence[float] = _WAITS

    def submit(self, options: Sequence[str], script: str) -> int:
        """Submit a script; returns the ID of the new job. UserError if Slurm refuses it.

        It is not repeated here: LostAnswerError if Slurm may have the job all the same.
        """
        argv = ["sbatch", "--parsable", *options]
        done = run(argv, check=False, stdin=[script.encode()])
        # the ID, and the cluster's name if it is one of several; warnings come before
        found = re.search(r"^(\d+)(;\S+)?$", done.output, re.MULTILINE)
        if done.returncode != 0 or not found:
            raise _error(argv, done)
        return int(found[1])

    def tasks(self) -> list[Task]:
        """The tasks of Ingot that the user has, and those that ended a few minutes ago."""
        words = ["--me", "--array", "--noheader", "--states=all", f"--Format={SQUEUE_FORMAT}"]
        return read_tasks(self._run(["squeue", *words]).output)

    def script_of(self, array: int) -> str:
        """The script of an array; empty if Slurm does not have it any more."""
        argv = ["scontrol", "write", "batch_script", str(array), "-"]
        done = run(argv, check=False)
        return done.output if done.returncode == 0 else ""

    def edit(self, commands: Iterable[str]) -> str:
        """Give commands to one scontrol, a line each; returns its messages about those that failed.

        A command about an ended job fails, and the others have their effect.
        """
        lines = [f"{command}\n".encode() for command in commands]
        if not lines:
            return ""
        done = self._run(["scontrol"], lines, check=False)
        messages = [line for line in done.output.splitlines() if not line.startswith("scontrol: ")]
        return "\n".join(messages) if done.returncode else ""

    def requeue(self, task: Task) -> None:
        """Queue a task again. If Slurm refuses that, nothing changes."""
        run(["scontrol", "requeue", task.id], check=False)

    def cancel(self, tasks: Collection[Task]) -> None:
        """Ask Slurm to end tasks. It does not wait for their end; ended tasks are ignored."""
        ids = [task.id for task in tasks]
        for start in range(0, len(ids), _AT_ONCE):
            self._run(["scancel", "--quiet", *ids[start : start + _AT_ONCE]])

    def accounting(self, names: Sequence[str]) -> dict[str, JobStatus]:
        """What the accounting database says about ended jobs; empty without a database."""
        found: dict[str, JobStatus] = {}
        for start in range(0, len(names), _AT_ONCE):
            some = ",".join(names[start : start + _AT_ONCE])
            words = ["--allocations", "--noheader", "--parsable2", "--starttime=now-30days"]
            argv = ["sacct", *words, f"--name={some}", f"--format={SACCT_FORMAT}"]
            done = run(argv, check=False)
            if done.returncode != 0:
                break
            found |= read_accounting(done.output)
        return found

    def _run(
        self, argv: Sequence[str], stdin: Sequence[bytes] | None = None, *, check: bool = True
    ) -> Result:
        """Run a command that can be repeated, until Slurm answers."""
        for wait in (*self.waits, None):
            done = run(argv, check=False, stdin=stdin)
            if done.returncode == 0 or not is_passing(done.output):
                break
            if wait is None:
                raise _error(argv, done)
            time.sleep(wait)
        if check and done.returncode != 0:
            raise _error(argv, done)
        return done


def is_passing(message: str) -> bool:
    """Whether the same command may succeed in a few seconds."""
    return bool(_PASSING.search(message))


def _error(argv: Sequence[str], done: Result) -> MachineError | UserError:
    why = "\n".join(done.output.splitlines()[-5:])
    kind = MachineError
    if argv[0] == "sbatch" and is_passing(why):
        kind = LostAnswerError
    elif argv[0] == "sbatch" and _WRONG_REQUEST.search(why):
        return UserError(
            "Slurm refuses the jobs",
            why=why,
            hint="change [slurm] or [job] in fleet.toml; `sinfo --Node --long` lists the nodes with"
            " their processors, memory and features",
        )
    return kind(
        f"{argv[0]} failed",
        why=why,
        hint="see whether the cluster answers: sinfo",
    )
