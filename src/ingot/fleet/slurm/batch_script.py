"""The script of a job array: which task builds which kernel, and what a task does.

Slurm keeps the script of an array as long as it has a task that did not end. So any client can
read there which jobs the tasks are, even if the client that submitted it died before it had named
them (`read_jobs`).

A job can have two tasks that are not held: a client submits it since Slurm refuses to queue its
lost task again, and then another client, or Slurm itself, queues that task after all. So a task
that starts looks for one of its name that has started before, and gives way to it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.fleet.job import PREFIX, Job
from ingot.fleet.slurm.task import ARRAY_NAME, NO_DIRECTORY

_TASK = re.compile(rf"# task (\d+): ({PREFIX}[0-9a-f]+) (\S+) (\S+)")

_TEXT = """\
#!/bin/sh
# Ingot: each task of this array builds one kernel and pushes it to the registry.
{tasks}
directory={directory}
attempts={attempts}
case $SLURM_ARRAY_TASK_ID in
{rows}
*) exit 2;;
esac
attempt=$((${{SLURM_RESTART_COUNT:-0}} + 1))
# Of several tasks that run this job, the one that has started first goes on; of two in the same
# second the newer one. Start times are whole seconds: a task that was queued again looks when its
# second is over, so it also sees a newer task that has looked before this one was started.
# The name of a new array makes clients ignore a task that was cancelled.
[ $attempt -eq 1 ] || sleep 1
first=$(squeue --noheader --me --array --states=RUNNING --name="$name" --format='%S %A' |
    sort -k1,1 -k2,2nr | sed -n '1s/.* //p')
if [ "${{first:-$SLURM_JOB_ID}}" != "$SLURM_JOB_ID" ]; then
    scontrol update JobId=$SLURM_JOB_ID JobName={array_name}
    scancel $SLURM_JOB_ID && sleep 600  # until Slurm ends this script
    exit 0
fi
log=$directory/$name.log
record=$directory/$name.exit
# a new file, so that a client which follows the log of the last attempt notices
rm -f "$log" "$record" && touch "$log" || exit {no_directory}
exec >"$log" 2>&1
# without a trap, the signal that Slurm sends to all processes at the end would end this shell
trap : TERM
{setup}
# If only this script is killed, Slurm may not find the program, which would go on beside the next
# attempt: so the kernel ends it with the script (setpriv of util-linux).
bound="setpriv --pdeathsig KILL"
$bound true 2>/dev/null || bound=
$bound {program} "$@"
code=$?

if [ $code -gt 128 ]; then
    # Killed. Slurm changes the state before it kills: then the result is Slurm's, not the job's.
    [ "$(squeue --noheader --job=$SLURM_JOB_ID --format=%T)" = RUNNING ] || exit $code
    if [ $attempt -lt $attempts ] && scontrol requeue $SLURM_JOB_ID; then
        sleep 600  # until Slurm ends this script
    fi
fi
printf '{{"exit_code": %d, "where": "%s", "attempts": %d, "kernel": "%s", "arch": "%s"}}\\n' \\
    $code "$SLURMD_NODENAME" $attempt "$kernel" "$arch" >"$record.new" &&
    mv "$record.new" "$record"
exit $code
"""


@dataclass(frozen=True, slots=True)
class NamedJob:
    """What the script of an array says about one task."""

    name: str
    kernel: str
    arch: str


def write_script(
    jobs: Sequence[Job], program: Sequence[str], directory: Path, setup: str, attempts: int
) -> str:
    """The script of an array with a task for each job, in this order.

    `program` are the words that run Ingot on a node, `directory` is that of `job_files`, `setup`
    a shell file that is read first (empty: none). A job whose program is killed by a signal is
    queued again until it was started `attempts` times.
    """
    return _TEXT.format(
        directory=shlex.quote(str(directory)),
        attempts=attempts,
        no_directory=NO_DIRECTORY,
        array_name=ARRAY_NAME,
        tasks="\n".join(
            f"# task {index}: {job.name} {job.kernel} {job.arch}" for index, job in enumerate(jobs)
        ),
        rows="\n".join(_row(index, job) for index, job in enumerate(jobs)),
        setup=f". {shlex.quote(setup)}" if setup else ":",
        program=shlex.join(program),
    )


def _row(index: int, job: Job) -> str:
    secrets = (f"export {each.variable}={shlex.quote(each.name)}" for each in job.secrets)
    commands = "; ".join([f"set -- {shlex.join(job.argv)}", *secrets])
    name, kernel, arch = (shlex.quote(word) for word in (job.name, job.kernel, job.arch))
    return f"{index}) name={name} kernel={kernel} arch={arch}; {commands};;"


def read_jobs(script: str) -> dict[int, NamedJob]:
    """The jobs of an array by the index of their task; empty for a script that is not ours."""
    found = (_TASK.fullmatch(line) for line in script.splitlines())
    return {int(task[1]): NamedJob(task[2], task[3], task[4]) for task in found if task}
