"""The local engine: processes on this machine, bounded, followed, cancelled, seen by others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.fleet.engine import JobStatus, State
from ingot.fleet.local.local_engine import LocalEngine, Program
from tests.support.fleets import is_alive, make_job, wait_for

SHELL = Program(("sh", "-c"), shares_jobserver=False)


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    return LocalEngine(tmp_path / "jobs", SHELL, slots=2, cpus=2)


def last_of(engine: LocalEngine, *names: str) -> dict[str, JobStatus]:
    return {status.name: status for status in engine.watch(names)}


def test_jobs_run_and_their_exit_codes_are_reported(engine: LocalEngine) -> None:
    good, bad, killed = (
        make_job("6.1", "echo hello; echo world"),
        make_job("6.6", "exit 5"),
        make_job("6.12", "kill -9 $$"),
    )
    assert len(engine.submit([good, bad, killed])) == 3
    last = last_of(engine, good.name, bad.name, killed.name)
    assert last[good.name].state == State.SUCCEEDED
    assert (last[bad.name].state, last[bad.name].exit_code) == (State.FAILED, 5)
    assert last[killed.name].exit_code == 128 + signal.SIGKILL
    assert list(engine.logs(good.name)) == ["hello", "world"]
    assert last[good.name].where == os.uname().nodename


def test_a_job_that_is_there_is_not_started_again(engine: LocalEngine, tmp_path: Path) -> None:
    job = make_job("6.1", f"echo x >> {tmp_path}/count; sleep 0.5")
    assert engine.submit([job]) == {job.name}
    assert engine.submit([job]) == frozenset()
    other = LocalEngine(tmp_path / "jobs", SHELL, slots=1, cpus=1)
    assert other.submit([job]) == frozenset()
    assert last_of(other, job.name)[job.name].state == State.SUCCEEDED
    assert (tmp_path / "count").read_text() == "x\n"
    assert other.submit([job]) == {job.name}, "one that has ended is replaced"
    last_of(other, job.name)


def test_no_more_jobs_run_at_once_than_there_are_slots(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "jobs", SHELL, slots=1, cpus=1)
    script = f"mkdir {tmp_path}/only && sleep 0.1 && rmdir {tmp_path}/only"
    jobs = [make_job(f"6.{number}", script) for number in range(4)]
    engine.submit(jobs)
    last = last_of(engine, *(job.name for job in jobs))
    assert {status.state for status in last.values()} == {State.SUCCEEDED}


def test_cancel_ends_all_processes_and_the_queue(engine: LocalEngine, tmp_path: Path) -> None:
    script = f"sleep 300 & echo $! > {tmp_path}/$$.pid; wait"
    jobs = [make_job(f"6.{number}", script) for number in range(4)]
    engine.submit(jobs)
    wait_for(lambda: sum(bool(path.read_text()) for path in tmp_path.glob("*.pid")) == 2)
    pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    engine.cancel([job.name for job in jobs])
    for pid in pids:
        assert not is_alive(pid)
    assert list(engine.watch(follow=False)) == []
    assert all(s.state == State.GONE for s in engine.watch([job.name for job in jobs]))
    assert len(list(tmp_path.glob("*.pid"))) == 2


def test_another_command_can_cancel(engine: LocalEngine, tmp_path: Path) -> None:
    job = make_job("6.1", f"echo $$ > {tmp_path}/pid; exec sleep 300")
    engine.submit([job])
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    pid = int((tmp_path / "pid").read_text())
    LocalEngine(tmp_path / "jobs", SHELL, slots=1, cpus=1).cancel([job.name])
    assert not is_alive(pid)
    assert last_of(engine, job.name)[job.name].state == State.GONE


def test_another_command_can_cancel_a_job_that_is_queued(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "jobs", SHELL, slots=1, cpus=1)
    first, second = make_job("6.1", "exec sleep 300"), make_job("6.6", f"touch {tmp_path}/begun")
    engine.submit([first, second])
    LocalEngine(tmp_path / "jobs", SHELL, slots=1, cpus=1).cancel([second.name])
    assert last_of(engine, second.name)[second.name].state == State.GONE
    engine.cancel([first.name])
    assert not (tmp_path / "begun").exists()


def test_jobs_end_with_a_command_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from ingot.fleet.local.local_engine import LocalEngine, Program\n"
        "from tests.support.fleets import make_job\n"
        f"engine = LocalEngine(Path({str(tmp_path / 'jobs')!r}), Program(('sh', '-c'),"
        " shares_jobserver=False), 1, 1)\n"
        f"engine.submit([make_job('6.1', 'echo $$ > {tmp_path}/pid; exec sleep 300')])\n"
        "time.sleep(300)"
    )
    command = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        pid = int((tmp_path / "pid").read_text())
    finally:
        command.kill()
        command.wait()
    wait_for(lambda: not is_alive(pid))
    engine = LocalEngine(tmp_path / "jobs", SHELL, slots=1, cpus=1)
    (status,) = engine.watch(follow=False)
    assert status.state == State.GONE
    assert "has ended" in status.reason


def test_makes_of_several_jobs_share_the_tokens(tmp_path: Path) -> None:
    """Two makes of four targets each never run more targets than there are processors."""
    makefile = tmp_path / "Makefile"
    recipe = f"\t@touch {tmp_path}/$$$$.on; ls {tmp_path}/*.on | wc -l >> {tmp_path}/counts;"
    recipe += f" sleep 0.1; rm {tmp_path}/$$$$.on\n"
    makefile.write_text("all: a b c d\na b c d:\n" + recipe)
    engine = LocalEngine(
        tmp_path / "jobs", Program(("sh", "-c"), (), {"PATH": os.environ["PATH"]}), 2, 3
    )
    words = (f'shift; export MAKEFLAGS=" -j --jobserver-auth=$1,$2"; exec make -f {makefile}', "sh")
    jobs = [make_job(name, *words) for name in ("6.1", "6.6")]
    engine.submit(jobs)
    last = last_of(engine, *(job.name for job in jobs))
    assert {s.state for s in last.values()} == {State.SUCCEEDED}, list(engine.logs(jobs[0].name))
    counts = [int(line) for line in (tmp_path / "counts").read_text().split()]
    assert len(counts) == 8
    assert max(counts) <= 3
