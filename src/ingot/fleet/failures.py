"""The error for a job that failed, of the kind that its exit code names."""

from __future__ import annotations

import signal

from ingot.errors import (
    BUG,
    BootError,
    BuildError,
    ConfigError,
    IngotError,
    MachineError,
    UserError,
    VerificationError,
)
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.following import Outcome

_FINAL = (ConfigError, UserError, VerificationError, BuildError, BootError)
_KINDS: dict[int | None, type[IngotError]] = {kind.exit_code: kind for kind in _FINAL}
FINAL_EXIT_CODES = (*(kind.exit_code for kind in _FINAL), BUG)
"""Exit codes of a job that would be the same on every machine: another attempt cannot help."""

_KILLED = 128 + signal.SIGKILL


def error_of(outcome: Outcome, engine: str) -> IngotError:
    """The error for the job of an outcome that is not built; `engine` is the engine's `--on`."""
    job, status = outcome.job, outcome.status
    kind = _KINDS.get(status.exit_code, MachineError)
    where = f" on {status.where}" if status.where else ""
    why = [_reason(status), *outcome.tail]
    log = f"the whole log: ingot jobs --on {engine} --logs {job.name}"
    if status.exit_code == _KILLED:
        log = f"if it needed more memory, raise job.memory in fleet.toml; {log}"
    return kind(
        f"the job of {job.kernel} failed{where}",
        why="\n".join(part for part in why if part),
        hint=log,
    )


def _reason(status: JobStatus) -> str:
    if status.state == State.SUCCEEDED:
        return "it ended without an error, but the registry does not have its images"
    if status.state == State.GONE:
        return "it was cancelled, or the engine has removed it"
    code = f"exit code {status.exit_code}" if status.exit_code is not None else ""
    return ", ".join(part for part in (status.reason, code) if part)
