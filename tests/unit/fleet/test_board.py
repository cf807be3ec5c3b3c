"""The display of many jobs: one step for all, one for each that runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ingot.fleet.board import Board
from ingot.fleet.events import LogLine
from tests.support.fleets import failed, make_job, queued, running, succeeded
from tests.support.progress import Recorder

JOB, OTHER = make_job("6.1"), make_job("6.6")
JOBS = {job.name: job for job in (JOB, OTHER)}


class Ends(Recorder):
    """Also records how each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.good: list[str] = []
        self.bad: list[str] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Recorder]:
        self.steps.append(title)
        try:
            yield self
        except BaseException:
            self.bad.append(title)
            raise
        self.good.append(title)


@pytest.fixture
def progress() -> Ends:
    return Ends()


def test_a_job_has_a_step_while_it_runs(progress: Ends) -> None:
    with contextlib.ExitStack() as steps:
        board = Board(progress, steps, 2)
        for event in (queued(JOB), running(JOB), succeeded(JOB), running(OTHER), failed(OTHER, 5)):
            board.show(JOBS, event)
    assert progress.steps == ["2 jobs", "6.1 on node-1", "6.6 on node-1"]
    assert progress.good == ["6.1 on node-1", "2 jobs"]
    assert progress.bad == ["6.6 on node-1"]
    assert progress.results[-1] == "1 succeeded, 1 failed"


def test_lines_of_the_log_move_the_step(progress: Ends) -> None:
    with contextlib.ExitStack() as steps:
        board = Board(progress, steps, 1)
        board.show(JOBS, LogLine(JOB.name, "[ingot] source: 1%"))  # before its status: not shown
        board.show(JOBS, running(JOB))
        board.show(JOBS, LogLine(JOB.name, "[ingot] compile 6.1: 45% fs/inode.o"))
        board.show(JOBS, LogLine(JOB.name, "a note"))
    assert (45, 100, "compile 6.1 fs/inode.o") in progress.advances
    assert (0, None, "a note") in progress.advances
    assert not any("source" in detail for _, _, detail in progress.advances)


def test_a_reason_to_wait_is_shown_once(progress: Ends) -> None:
    with contextlib.ExitStack() as steps:
        board = Board(progress, steps, 2)
        for job in (JOB, OTHER, JOB):
            board.show(JOBS, replace(queued(job), reason="no node is free"))
    assert progress.notes == ["6.1 waits: no node is free"]


def test_a_job_that_is_started_again_has_a_new_step(progress: Ends) -> None:
    with contextlib.ExitStack() as steps:
        board = Board(progress, steps, 1)
        for event in (running(JOB), queued(JOB), running(JOB, "node-2"), succeeded(JOB)):
            board.show(JOBS, event)
    assert progress.steps == ["1 job", "6.1 on node-1", "6.1 on node-2"]


def test_steps_do_not_outlive_an_interruption(progress: Ends) -> None:
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as steps:
        Board(progress, steps, 1).show(JOBS, running(JOB))
        raise KeyboardInterrupt
    assert progress.bad == ["6.1 on node-1", "1 job"]
