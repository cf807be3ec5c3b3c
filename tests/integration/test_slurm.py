"""The engine `slurm` on a real cluster of two nodes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.errors import MachineError, UserError
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.fleet_settings import SlurmTable
from ingot.fleet.job import Job, SecretFile
from ingot.fleet.slurm.batch_script import write_script
from ingot.fleet.slurm.commands import Slurm
from ingot.fleet.slurm.job_files import JobFiles
from ingot.fleet.slurm.slurm_engine import SlurmEngine
from ingot.fleet.slurm.task import Task
from ingot.fleet.slurm.task_view import TaskView
from tests.support.fleets import make_job
from tests.support.slurm import SlurmCluster, slurm_cluster

SHELL = ("/bin/sh", "-c", 'eval "$1"', "job")
"""A job's only argument is a command of the shell."""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    with slurm_cluster(tmp_path / "slurm") as cluster:
        monkeypatch.setenv("SLURM_CONF", str(cluster.configuration))
        yield cluster


@pytest.fixture
def engine(cluster: SlurmCluster, tmp_path: Path) -> SlurmEngine:
    return make_engine(tmp_path / "jobs")


def make_engine(
    directory: Path, slurm: Slurm | None = None, table: SlurmTable | None = None
) -> SlurmEngine:
    slurm = slurm or Slurm()
    table = table or SlurmTable()
    return SlurmEngine(table, SHELL, JobFiles(directory), slurm, TaskView(slurm), 0.2)


def follow(engine: SlurmEngine, *jobs: Job) -> dict[str, JobStatus]:
    """The last status of each kernel's job."""
    return {status.kernel: status for status in engine.watch([job.name for job in jobs])}


def wait_until(engine: SlurmEngine, job: Job, state: State) -> JobStatus:
    for status in engine.watch([job.name]):
        if status.state == state:
            return status
    raise AssertionError(f"{job.kernel} was never {state}")


def test_jobs_run_once_and_their_results_are_reported(engine: SlurmEngine, tmp_path: Path) -> None:
    good = make_job("6.1", f"echo started >>{tmp_path}/count; echo hello; echo world")
    bad = make_job("5.10", "echo broken; exit 5")
    assert engine.submit([good, bad]) == {good.name, bad.name}
    assert engine.submit([good, bad]) == set()
    found = follow(engine, good, bad)
    assert found["6.1"].state == State.SUCCEEDED
    assert found["6.1"].exit_code is None
    assert (found["5.10"].state, found["5.10"].exit_code) == (State.FAILED, 5)
    assert {found["6.1"].arch, found["5.10"].arch} == {"x86_64"}
    assert list(engine.logs(good.name)) == ["hello", "world"]
    assert list(engine.logs(bad.name, follow=True)) == ["broken"]
    assert (tmp_path / "count").read_text() == "started\n"


def test_clients_that_want_the_same_kernels_share_their_jobs(
    engine: SlurmEngine, tmp_path: Path
) -> None:
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done"
    jobs = [make_job(f"6.{n}", f"echo 6.{n} >>{tmp_path}/count; {wait}") for n in range(6)]
    queued: list[str] = []
    clients = [
        threading.Thread(target=lambda part: queued.extend(engine.submit(part)), args=[part])
        for part in (jobs[:4], jobs[2:], jobs[::-1])
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    (tmp_path / "go").touch()
    assert sorted(queued) == sorted(job.name for job in jobs)
    assert {each.state for each in follow(engine, *jobs).values()} == {State.SUCCEEDED}
    assert sorted((tmp_path / "count").read_text().split()) == sorted(job.kernel for job in jobs)


def test_a_submission_that_was_cut_off_is_finished_by_the_next_client(
    engine: SlurmEngine, cluster: SlurmCluster
) -> None:
    jobs = [make_job("6.1", "true"), make_job("6.6", "true")]
    engine.files.prepare()
    engine._submit_array(jobs)
    queued = {status.name: status for status in engine.watch(follow=False)}
    assert {status.kernel for status in queued.values()} == {"6.1", "6.6"}
    assert {status.state for status in queued.values()} == {State.QUEUED}
    assert engine.submit(jobs) == set()
    assert {each.state for each in follow(engine, *jobs).values()} == {State.SUCCEEDED}


def test_a_job_that_is_killed_is_queued_again_until_its_last_attempt(
    engine: SlurmEngine, cluster: SlurmCluster, tmp_path: Path
) -> None:
    """Of one job only the program is killed, of the other one also the script."""
    engine = replace(engine, table=SlurmTable(attempts=2))
    rest = f"$SLURM_JOB_ID >>{tmp_path}/count; echo once; sleep 60; true"
    jobs = [make_job("6.1", f"echo program {rest}"), make_job("6.6", f"echo script {rest}")]
    engine.submit(jobs)
    found: dict[str, JobStatus] = {}
    client = threading.Thread(target=lambda: found.update(follow(engine, *jobs)))
    client.start()
    for attempt in (1, 2):
        cluster.wait_for(lambda: _lines(tmp_path) == 2 * attempt, "an attempt")  # noqa: B023
        words = (tmp_path / "count").read_text().split()
        script = f"job{int(words[words.index('script') + 1]):05}/slurm_script"
        for number, command in cluster.job_processes().items():
            if "slurm_script" not in command[-1] or script in command[-1]:
                with contextlib.suppress(ProcessLookupError):  # it ended with its script
                    os.kill(number, signal.SIGKILL)
    client.join()
    for status in found.values():
        assert (status.state, status.exit_code, status.attempts) == (State.FAILED, 137, 2)
    assert found["6.1"].reason == ""
    assert found["6.6"].reason == "killed by signal 9"
    assert list(engine.logs(jobs[1].name)) == ["once"], "only the lines of the last attempt"


def test_a_program_ends_with_its_script(
    engine: SlurmEngine, cluster: SlurmCluster, tmp_path: Path
) -> None:
    """Slurm reports the task as failed: a program that goes on would build beside the next one."""
    engine = replace(engine, table=SlurmTable(attempts=1))
    job = make_job("6.1", f"echo >>{tmp_path}/count; sleep 60; true")
    engine.submit([job])
    cluster.wait_for(lambda: _lines(tmp_path) == 1, "the program")
    for number, words in cluster.job_processes().items():
        if "slurm_script" in words[-1]:
            os.kill(number, signal.SIGKILL)
    assert follow(engine, job)["6.1"].state == State.FAILED
    cluster.wait_for(
        lambda: not any("eval" in " ".join(each) for each in cluster.job_processes().values()),
        "the end of the program",
    )


def _lines(directory: Path) -> int:
    path = directory / "count"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_the_jobs_of_a_lost_node_run_on_another_one(
    engine: SlurmEngine, cluster: SlurmCluster, tmp_path: Path
) -> None:
    jobs = [make_job(f"6.{n}", f"until [ -e {tmp_path}/go ]; do sleep 0.1; done") for n in (1, 2)]
    engine.submit(jobs)
    places = {wait_until(engine, job, State.RUNNING).where for job in jobs}
    assert places == {"a", "b"}
    cluster.kill_node("a")
    cluster.declare_down("a")
    (tmp_path / "go").touch()
    found = follow(engine, *jobs)
    assert {(each.state, each.where) for each in found.values()} == {(State.SUCCEEDED, "b")}
    assert sorted(each.attempts for each in found.values()) == [1, 2]


def test_a_job_survives_the_daemon_of_its_node(
    engine: SlurmEngine, cluster: SlurmCluster, tmp_path: Path
) -> None:
    job = make_job(
        "6.1", f"echo >>{tmp_path}/count; until [ -e {tmp_path}/go ]; do sleep 0.1; done"
    )
    engine.submit([job])
    where = wait_until(engine, job, State.RUNNING).where
    cluster.wait_for(lambda: _lines(tmp_path) == 1, "the program")
    cluster.kill_daemon(where)
    (tmp_path / "go").touch()
    cluster.wait_for(lambda: not cluster.job_processes(), "the end of the program")
    cluster.start_node(where)
    status = follow(engine, job)["6.1"]
    assert (status.state, status.attempts) == (State.SUCCEEDED, 1)
    assert _lines(tmp_path) == 1


def test_cancelled_jobs_leave_no_process_and_are_forgotten(
    engine: SlurmEngine, cluster: SlurmCluster
) -> None:
    jobs = [make_job(f"6.{n}", "echo on; sleep 60 & sleep 61; true") for n in range(6)]
    names = [job.name for job in jobs]
    engine.submit(jobs)
    wait_until(engine, jobs[0], State.RUNNING)
    engine.cancel(names)
    assert not cluster.job_processes()
    assert {status.state for status in engine.watch(names)} == {State.GONE}
    assert not list(engine.watch(follow=False))
    assert not list(engine.logs(names[0]))
    engine.cancel([*names, "ingot-0123456789ab"])


def test_a_job_that_slurm_has_forgotten_is_known_by_its_record(engine: SlurmEngine) -> None:
    job, never = make_job("6.1", "echo no; exit 3"), make_job("6.6", "true")
    engine.submit([job])
    before = follow(engine, job)["6.1"]
    later = make_engine(engine.files.directory, _Forgetful())
    assert list(later.watch([job.name])) == [before]
    assert list(later.watch(follow=False)) == [before]
    assert [status.state for status in later.watch([never.name])] == [State.GONE]


class _Forgetful(Slurm):
    """The cluster after MinJobAge."""

    def tasks(self) -> list[Task]:
        return []


def test_a_new_job_replaces_one_that_failed(engine: SlurmEngine, tmp_path: Path) -> None:
    job = make_job("6.1", f"[ -e {tmp_path}/fixed ]")
    engine.submit([job])
    assert follow(engine, job)["6.1"].state == State.FAILED
    (tmp_path / "fixed").touch()
    assert engine.submit([job]) == {job.name}
    assert follow(engine, job)["6.1"].state == State.SUCCEEDED


def test_a_request_that_no_node_can_meet_is_refused(
    engine: SlurmEngine, cluster: SlurmCluster, tmp_path: Path
) -> None:
    picky = make_engine(tmp_path / "jobs", table=SlurmTable(constraint="riscv"))
    with pytest.raises(UserError, match="Invalid feature specification"):
        picky.submit([make_job("6.1", "true")])
    assert not list(engine.watch(follow=False))


def test_a_cluster_that_does_not_answer_is_an_error_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: SlurmCluster, engine: SlurmEngine
) -> None:
    other = tmp_path / "other.conf"
    text = cluster.configuration.read_text()
    other.write_text(text.replace("SlurmctldPort=", "MessageTimeout=2\nSlurmctldPort=1#"))
    monkeypatch.setenv("SLURM_CONF", str(other))
    lost = make_engine(tmp_path / "jobs", Slurm(waits=(0.0,)))
    with pytest.raises(MachineError, match="squeue failed"):
        lost.submit([make_job("6.1", "true")])


def run_script(directory: Path, script: str, **environment: str) -> int:
    """The exit code of a script that runs as task 0, as on a node."""
    variables = {"PATH": f"{directory}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "0"}
    variables |= {"SLURM_JOB_ID": "7", "SLURMD_NODENAME": "node7"}
    for name, text in (("squeue", "echo COMPLETING"), ("scontrol", "exit 1")):
        if not (directory / name).exists():
            (directory / name).write_text(f"#!/bin/sh\n{text}\n")
            (directory / name).chmod(0o755)
    done = subprocess.run(
        ["sh"], input=script, text=True, env={**variables, **environment}, check=False
    )
    return done.returncode


def test_a_script_runs_its_job_with_its_secrets_and_leaves_a_record(tmp_path: Path) -> None:
    setup = tmp_path / "setup.sh"
    setup.write_text("export GREETING=hello\n")
    secret = SecretFile("REGISTRY_AUTH_FILE", "/secrets/it's mine")
    job = make_job("6.1", 'echo "$GREETING $REGISTRY_AUTH_FILE"; exit 5')
    script = write_script([replace(job, secrets=(secret,))], SHELL, tmp_path, str(setup), 3)
    files = JobFiles(tmp_path)
    assert run_script(tmp_path, script, SLURM_RESTART_COUNT="1") == 5
    assert list(files.lines(job.name)) == ["hello /secrets/it's mine"]
    status = files.ended()[job.name]
    assert (status.state, status.exit_code, status.attempts) == (State.FAILED, 5, 2)
    assert (status.kernel, status.arch, status.where) == ("6.1", "x86_64", "node7")
    files.remove([job.name])
    assert not files.ended()
    assert not list(files.lines(job.name))


def test_a_task_gives_way_to_one_of_the_same_job_that_started_before(tmp_path: Path) -> None:
    """The squeue of this test lists the script's own task, 7, and one that started earlier."""
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 2026-01-01T00:00:02 7; echo 2026-01-01T00:00:01 12\n")
    squeue.chmod(0o755)
    for name in ("scontrol", "scancel"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/calls\nexit 1\n')
        program.chmod(0o755)
    (tmp_path / f"{(job := make_job('6.1', f'touch {tmp_path}/ran')).name}.log").write_text("mine")
    assert run_script(tmp_path, write_script([job], SHELL, tmp_path, "", 3)) == 0
    assert not (tmp_path / "ran").exists()
    assert list(JobFiles(tmp_path).lines(job.name)) == ["mine"], "the log is the other task's"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["scontrol update JobId=7 JobName=ingot-array", "scancel 7"]


def test_of_two_tasks_that_started_in_the_same_second_the_newer_goes_on(tmp_path: Path) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 2026-01-01T00:00:01 5; echo 2026-01-01T00:00:01 7\n")
    squeue.chmod(0o755)
    job = make_job("6.1", f"touch {tmp_path}/ran")
    assert run_script(tmp_path, write_script([job], SHELL, tmp_path, "", 3)) == 0
    assert (tmp_path / "ran").exists()


def test_a_task_that_is_queued_again_after_a_second_submission_does_not_run_the_job_twice(
    engine: SlurmEngine, cluster: SlurmCluster, tmp_path: Path
) -> None:
    """The second array is submitted as by a client to which Slurm did not give the first one."""
    go = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done"
    job = make_job("6.1", f"echo >>{tmp_path}/count; {go}")
    engine.submit([job])
    wait_until(engine, job, State.RUNNING)
    cluster.wait_for(lambda: _lines(tmp_path) == 1, "the program")
    array = engine._submit_array([job])
    engine._release([task for task in engine.view.live([job.name]) if task.array == array])
    cluster.wait_for(
        lambda: not [task for task in engine.view.live([job.name]) if task.array == array],
        "the end of the second task",
    )
    (tmp_path / "go").touch()
    assert follow(engine, job)["6.1"].state == State.SUCCEEDED
    assert _lines(tmp_path) == 1


def test_a_job_that_slurm_ends_is_not_queued_again_and_leaves_no_record(tmp_path: Path) -> None:
    job = make_job("6.1", "kill -15 $$")
    script = write_script([job], SHELL, tmp_path, "", 3)
    assert run_script(tmp_path, script) == 143
    assert not JobFiles(tmp_path).ended()


def test_a_script_without_its_directory_says_so_with_its_exit_code(tmp_path: Path) -> None:
    job = make_job("6.1", "true")
    assert run_script(tmp_path, write_script([job], SHELL, tmp_path / "nowhere", "", 3)) == 120
