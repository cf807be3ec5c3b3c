"""What Slurm prints, as values; the options of sbatch; logs and records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.errors import MachineError, UserError
from ingot.fleet.engine import State
from ingot.fleet.fleet_settings import SlurmTable, load_fleet_settings
from ingot.fleet.slurm import commands, job_files
from ingot.fleet.slurm.batch_script import read_jobs, write_script
from ingot.fleet.slurm.commands import Slurm
from ingot.fleet.slurm.job_files import JobFiles
from ingot.fleet.slurm.slurm_engine import SlurmEngine, array_options
from ingot.fleet.slurm.task import SQUEUE_FORMAT, read_accounting, read_tasks
from ingot.fleet.slurm.task_view import TaskView
from ingot.process import Result
from tests.support.fleets import make_job

NAME = "ingot-0123456789ab"
SHELL = ("/bin/sh", "-c", 'eval "$1"', "job")


def line(*fields: object) -> str:
    """A line of squeue: fields of a fixed width, and a separator behind all but the last one."""
    return "|".join(f"{field:<255}" for field in fields)


def test_squeue_prints_one_task_a_line() -> None:
    output = "\n".join(
        [
            line(7, 3, NAME, "RUNNING", 0, 1, "node7", "6.1-min/arm64", "None"),
            line(7, 4, "ingot-array", "PENDING", 0, 0, "", "(null)", "JobHeldUser"),
            line(8, "N/A", NAME, "RUNNING", 0, 0, "node7", "(null)", "None"),
            line(9, 0, "ingot-mine", "RUNNING", 0, 0, "node7", "(null)", "None"),
            "slurm_load_jobs: a warning",
        ]
    )
    running, held = read_tasks(output)
    assert (running.id, running.name, running.where) == ("7_3", NAME, "node7")
    assert (running.kernel, running.arch) == ("6.1-min", "arm64")
    assert (running.state, running.attempts) == (State.RUNNING, 2)
    assert held.is_held
    assert not running.is_held
    assert held.status.reason == "JobHeldUser"
    assert (held.kernel, held.arch) == ("", "")
    assert SQUEUE_FORMAT.count("|") == len(line(*"123456789").split("|")) - 1


@pytest.mark.parametrize(
    ("word", "wait_status", "state", "code", "lost"),
    [
        ("PENDING", 0, State.QUEUED, None, False),
        ("REQUEUED", 0, State.QUEUED, None, False),
        ("COMPLETING", 0, State.RUNNING, None, False),
        ("SUSPENDED", 0, State.RUNNING, None, False),
        ("COMPLETED", 0, State.SUCCEEDED, None, False),
        ("CANCELLED", 0, State.GONE, None, False),
        ("FAILED", 5 << 8, State.FAILED, 5, False),
        ("FAILED", 137 << 8, State.FAILED, 137, True),
        ("FAILED", 120 << 8, State.FAILED, None, False),
        ("FAILED", 9, State.FAILED, 137, True),
        ("NODE_FAIL", 0, State.FAILED, None, True),
        ("PREEMPTED", 0, State.FAILED, None, True),
        ("TIMEOUT", 15, State.FAILED, None, False),
        ("OUT_OF_MEMORY", 9, State.FAILED, None, False),
        ("A_STATE_OF_LATER", 0, State.FAILED, None, False),
    ],
)
def test_the_states_of_slurm(
    word: str, wait_status: int, state: State, code: int | None, lost: bool
) -> None:
    (task,) = read_tasks(line(1, 0, NAME, word, wait_status, 0, "a", "k/x86_64", "None"))
    assert (task.status.state, task.status.exit_code, task.was_lost) == (state, code, lost)
    if state == State.FAILED and code is None:
        assert task.status.reason


def test_accounting_knows_how_a_job_ended_long_ago() -> None:
    output = (
        f"{NAME}|CANCELLED by 1000|0:15|node1\n"
        f"{NAME}|FAILED|5:0|node2\n"
        "ingot-00aa|FAILED|0:9|node3\n"
        "ingot-00bb|TIMEOUT|0:0|node4\n"
        "ingot-00cc|RUNNING|0:0|node5\n"
        "ingot-00dd|COMPLETED|0:0|node6\n"
        "interactive|COMPLETED|0:0|node6\n"
    )
    found = read_accounting(output)
    assert set(found) == {NAME, "ingot-00aa", "ingot-00bb", "ingot-00dd"}
    assert (found[NAME].exit_code, found[NAME].where) == (5, "node2")
    assert (found["ingot-00aa"].exit_code, found["ingot-00aa"].reason) == (
        137,
        "killed by signal 9",
    )
    assert found["ingot-00bb"].exit_code is None
    assert found["ingot-00dd"].state == State.SUCCEEDED


def test_a_script_says_which_task_builds_which_kernel() -> None:
    jobs = [
        make_job("6.1", "fleet", "job", "it's\ntwo lines"),
        make_job("5.10-min-arm64", arch="arm64"),
    ]
    script = write_script(jobs, ("/opt/my ingot",), Path("/shared/logs"), "/etc/setup.sh", 3)
    found = read_jobs(script)
    assert [(index, each.name) for index, each in found.items()] == [
        (0, jobs[0].name),
        (1, jobs[1].name),
    ]
    assert (found[1].kernel, found[1].arch) == ("5.10-min-arm64", "arm64")
    assert read_jobs("#!/bin/sh\nsleep 1\n") == {}


def test_a_damaged_record_is_ignored(tmp_path: Path) -> None:
    for number, text in enumerate(["", "{", "[]", '{"exit_code": "x"}', "null"]):
        (tmp_path / f"ingot-{number:012}.exit").write_text(text)
    assert not JobFiles(tmp_path).ended()


def test_old_files_are_removed(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("ingot-aa.log", "ingot-bb.log", "mine.txt"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    JobFiles(tmp_path).prepare()
    assert sorted(tmp_path.iterdir()) == [new, other]


def test_a_follower_reads_a_new_attempt_from_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_files, "_FOLLOW_SECONDS", 0)
    path = tmp_path / f"{NAME}.log"
    path.write_text("one\ntw")
    looks = iter([False, False, True])

    def has_ended() -> bool:
        last = next(looks)
        if last:
            path.unlink()
            path.write_text("again\nand more")
        return last

    lines = JobFiles(tmp_path).follow(NAME, has_ended)
    assert list(lines) == ["one", "tw", "again", "and more"]


def test_jobs_go_to_the_nodes_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(
        '[slurm]\npartition = "build"\nconstraint = "fast"\nconstraints = {x86_64 = "amd&nvme"}\n'
        'account = "kernels"\nqos = "low"\noptions = ["--exclude=node7"]\n'
    )
    table = load_fleet_settings(
        tmp_path, cache=tmp_path, store=tmp_path, program=("ingot",), environment={}
    ).table.slurm
    job = make_job("6.1")
    options = array_options(table, [job, make_job("6.6")])
    assert {"--array=0-1", "--hold", "--requeue", "--cpus-per-task=2", "--mem=1024M"} < {*options}
    assert {"--time=1", "--partition=build", "--account=kernels", "--qos=low"} < {*options}
    assert "--constraint=amd&nvme" in options
    assert options[-1] == "--exclude=node7"
    assert "--constraint=fast" in array_options(table, [replace(job, machine="arm64")])


@pytest.mark.parametrize(
    "text", ['program = "ingot"', 'options = ["now"]', "attempts = 0", "poll_seconds = 0"]
)
def test_a_wrong_setting_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(f"[slurm]\n{text}\n")
    with pytest.raises(UserError, match=r"fleet\.toml:2"):
        load_fleet_settings(
            tmp_path, cache=tmp_path, store=tmp_path, program=("ingot",), environment={}
        )


def answer(
    patch: pytest.MonkeyPatch, *results: Result
) -> list[tuple[Sequence[str], list[bytes] | None]]:
    """Let Slurm's programs answer so, in this order; returns the list of calls."""
    calls: list[tuple[Sequence[str], list[bytes] | None]] = []
    left = list(results)

    def run(argv: Sequence[str], *, check: bool, stdin: list[bytes] | None = None) -> Result:
        assert not check
        calls.append((argv, stdin))
        return left.pop(0)

    patch.setattr(commands, "run", run)
    return calls


LOST = Result(1, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")


def test_what_may_pass_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answer(monkeypatch, LOST, Result(0, line(7, 3, NAME, "RUNNING", *"00abc")))
    (task,) = Slurm(waits=(0.0,)).tasks()
    assert task.id == "7_3"
    assert len(calls) == 2
    answer(monkeypatch, LOST, LOST)
    with pytest.raises(MachineError, match="squeue failed"):
        Slurm(waits=(0.0,)).tasks()


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Batch job submission failed: Invalid partition name specified", UserError),
        ("Batch job submission failed: Requested node configuration is not available", UserError),
        (
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time)",
            UserError,
        ),
        ("Batch job submission failed: Socket timed out on send/recv operation", MachineError),
        ("Batch job submission failed: Unable to contact slurm controller", MachineError),
        ("a message of a later version", MachineError),
    ],
)
def test_a_submission_is_not_simply_repeated(
    message: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = answer(monkeypatch, Result(1, f"sbatch: error: {message}\n"))
    with pytest.raises(kind, match=message[:20]):
        Slurm(waits=(0.0,)).submit(["--hold"], "#!/bin/sh\n")
    assert len(calls) == 1


def test_a_submission_whose_answer_is_lost_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = make_job("6.1", "true")
    script = write_script([job], SHELL, tmp_path, "", 3)
    array = Result(0, held(7, "ingot-array"))
    calls = answer(monkeypatch, Result(0, ""), LOST, array, Result(0, script), Result(0, ""))
    slurm = Slurm(waits=(0.0,))
    engine = SlurmEngine(SlurmTable(), SHELL, JobFiles(tmp_path), slurm, TaskView(slurm), 0.0)
    assert engine.submit([job]) == set()
    assert [argv[0] for argv, _ in calls] == ["squeue", "sbatch", "squeue", "scontrol", "scontrol"]
    assert calls[-1][1] == [
        f"update JobId=7_0 JobName={job.name} Comment=6.1/x86_64\n".encode(),
        b"release 7_0\n",
    ]


def held(array: int, name: str, reason: str = "JobHeldUser") -> str:
    return line(array, 0, name, "PENDING", 0, 0, "", "6.1/x86_64", reason)


def test_of_two_held_tasks_the_first_is_released_and_the_other_cancelled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job, other = make_job("6.1", "true"), make_job("6.6", "true")
    tasks = [held(9, job.name), held(7, job.name), held(5, other.name, "Resources")]
    nothing = Result(0, "")
    calls = answer(monkeypatch, Result(0, "\n".join(tasks)), nothing, nothing)
    slurm = Slurm(waits=())
    engine = SlurmEngine(SlurmTable(), SHELL, JobFiles(tmp_path), slurm, TaskView(slurm), 0.0)
    assert engine.submit([job, other]) == set()
    assert calls[1][0] == ["scancel", "--quiet", "9_0"]
    assert calls[2][1] == [
        f"update JobId=7_0 JobName={job.name} Comment=6.1/x86_64\n".encode(),
        b"release 7_0\n",
    ]


def test_a_lost_job_that_another_client_has_submitted_is_not_queued_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lost = line(7, 0, NAME, "FAILED", 9, 0, "a", "6.1/x86_64", "None")
    new = line(9, 0, NAME, "COMPLETED", 0, 0, "a", "6.1/x86_64", "None")
    before, after = Result(0, lost), Result(0, f"{lost}\n{new}")
    calls = answer(monkeypatch, before, after, after)
    slurm = Slurm(waits=())
    engine = SlurmEngine(SlurmTable(), SHELL, JobFiles(tmp_path), slurm, TaskView(slurm), 0.0)
    assert [status.state for status in engine.watch([NAME])] == [State.SUCCEEDED]
    assert {argv[0] for argv, _ in calls} == {"squeue"}


def test_the_id_of_an_array_is_found_behind_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, Result(0, "sbatch: lua: your quota is low\n4711;cluster2\n"))
    assert Slurm().submit([], "") == 4711


def test_commands_about_ended_tasks_fail_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Result(1, "scontrol: release 7_3\nJob/step already completing or completed\n")
    calls = answer(monkeypatch, failed)
    messages = Slurm().edit(["release 7_3", "release 7_4"])
    assert messages == "Job/step already completing or completed"
    assert calls == [(["scontrol"], [b"release 7_3\n", b"release 7_4\n"])]


def test_a_cluster_without_accounting_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, Result(1, "Slurm accounting storage is disabled\n"))
    assert Slurm().accounting([NAME]) == {}
