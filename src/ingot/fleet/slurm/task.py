"""One task of a job array, as squeue and sacct print it.

Slurm documents the states in squeue(1), "JOB STATE CODES", and the fields in its section on
`--Format`. squeue's `exit_code` is a wait status (wait(2)); sacct prints `CODE:SIGNAL`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingot.fleet.engine import JobStatus, State
from ingot.fleet.job import PREFIX

ARRAY_NAME = f"{PREFIX}array"
"""The name of a new array, until each of its tasks has the name of its job."""

FIELDS = (
    "ArrayJobID",
    "ArrayTaskID",
    "Name",
    "State",
    "exit_code",
    "RestartCnt",
    "NodeList",
    "Comment",
    "Reason",
)
"""The fields of squeue that a task is made of. The last one is the only one that can have a `|`."""

SQUEUE_FORMAT = ",".join(f"{field}:255|" for field in FIELDS[:-1]) + f",{FIELDS[-1]}:255"
"""squeue fills and cuts a field of `--Format` to its width: 255 is longer than any of ours."""

NO_DIRECTORY = 120
"""The exit code of a script that cannot write its log, so that it cannot say why."""

SACCT_FORMAT = "JobName,State,ExitCode,NodeList"

_OUR_NAME = re.compile(rf"{PREFIX}[0-9a-f]+")
_QUEUED = frozenset(
    {
        *("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD"),
        "SPECIAL_EXIT",
    }
)
_RUNNING = frozenset(
    {
        *("RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED"),
    }
)
_GONE = frozenset({"CANCELLED", "REVOKED"})
_LOST = frozenset({"NODE_FAIL", "BOOT_FAIL", "PREEMPTED"})
_REASONS: Mapping[str, str] = {
    "TIMEOUT": "Slurm ended it at the time limit (minutes in [job] of fleet.toml)",
    "DEADLINE": "Slurm ended it at its deadline",
    "OUT_OF_MEMORY": "it used more memory than it may (memory in [job] of fleet.toml)",
    "NODE_FAIL": "its node was lost",
    "BOOT_FAIL": "its node did not boot",
    "PREEMPTED": "Slurm ended it for a job with a higher priority",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One task of an array.

    `array` and `index` identify it in the cluster. `slurm_state` is Slurm's word for its state.
    `exit_code` is that of the script, -N if signal N ended it, and 0 before its end. `restarts`
    counts how often it was queued again. `where` is its node, `kernel` and `arch` are empty before
    the task is named.
    """

    array: int
    index: int
    name: str
    slurm_state: str
    exit_code: int = 0
    restarts: int = 0
    where: str = ""
    kernel: str = ""
    arch: str = ""
    reason: str = ""

    @property
    def id(self) -> str:
        """Its ID for Slurm's programs. The ID without an index can be the whole array's."""
        return f"{self.array}_{self.index}"

    @property
    def state(self) -> State:
        return state_of(self.slurm_state)

    @property
    def is_live(self) -> bool:
        """Whether it waits, runs or is being ended."""
        return not self.state.is_final

    @property
    def attempts(self) -> int:
        """How often it was started, or how often it will have been if it waits."""
        return self.restarts + 1

    @property
    def is_held(self) -> bool:
        """Whether its user has to release it before it can start."""
        return self.is_live and self.reason == "JobHeldUser"

    @property
    def was_lost(self) -> bool:
        """Whether it ended without a decision of its script, of its user or of a limit."""
        killed = self.exit_code < 0 or self.exit_code > 128
        return self.slurm_state in _LOST or (self.slurm_state == "FAILED" and killed)

    @property
    def status(self) -> JobStatus:
        return JobStatus(
            self.name,
            self.state,
            kernel=self.kernel,
            arch=self.arch,
            where=self.where,
            reason=self._reason(),
            exit_code=self._code(),
            attempts=self.attempts,
        )

    def _code(self) -> int | None:
        if self.slurm_state != "FAILED" or self.exit_code == NO_DIRECTORY:
            return None
        return self.exit_code if self.exit_code >= 0 else 128 - self.exit_code

    def _reason(self) -> str:
        if self.state == State.FAILED:
            return failure_reason(self.slurm_state, self.exit_code)
        return "" if self.state != State.QUEUED or self.reason == "None" else self.reason


def state_of(slurm_state: str) -> State:
    """The state of a job by Slurm's word for it."""
    if slurm_state == "COMPLETED":
        return State.SUCCEEDED
    for state, words in ((State.QUEUED, _QUEUED), (State.RUNNING, _RUNNING), (State.GONE, _GONE)):
        if slurm_state in words:
            return state
    return State.FAILED


def failure_reason(slurm_state: str, exit_code: int) -> str:
    """Why a job failed, unless its exit code says it; `exit_code` is -N for signal N."""
    if slurm_state != "FAILED":
        return _REASONS.get(slurm_state, f"Slurm reports {slurm_state}")
    if exit_code == NO_DIRECTORY:
        return "its node cannot write its log (directory in [slurm] of fleet.toml)"
    return f"killed by signal {-exit_code}" if exit_code < 0 else ""


def read_tasks(output: str) -> list[Task]:
    """The tasks of Ingot among the lines of squeue, which print SQUEUE_FORMAT."""
    return [task for line in output.splitlines() if (task := _read_task(line))]


def _read_task(line: str) -> Task | None:
    fields = [field.strip() for field in line.split("|", len(FIELDS) - 1)]
    if len(fields) != len(FIELDS):
        return None
    array, index, name, state, status, restarts, where, comment, reason = fields
    if not index.isdigit() or not (name == ARRAY_NAME or _OUR_NAME.fullmatch(name)):
        return None
    kernel, _, arch = ("" if comment == "(null)" else comment).partition("/")
    return Task(
        array=int(array),
        index=int(index),
        name=name,
        slurm_state=state,
        exit_code=os.waitstatus_to_exitcode(int(status)) if status.isdigit() else 0,
        restarts=int(restarts) if restarts.isdigit() else 0,
        where=where,
        kernel=kernel,
        arch=arch,
        reason=reason,
    )


def read_accounting(output: str) -> dict[str, JobStatus]:
    """The last status of each job in the lines of `sacct --parsable2`, which print SACCT_FORMAT."""
    found = {}
    for line in output.splitlines():
        name, state, code, where = (*line.split("|"), "", "", "", "")[:4]
        slurm_state = state.partition(" ")[0]  # CANCELLED by 1000
        if not _OUR_NAME.fullmatch(name) or not state_of(slurm_state).is_final:
            continue
        number, _, signal = code.partition(":")
        exit_code = -int(signal) if signal.strip("0") else int(number or 0)
        task = Task(0, 0, name, slurm_state, exit_code=exit_code, where=where)
        found[name] = task.status
    return found
