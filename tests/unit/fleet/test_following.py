"""Jobs submitted, followed and cancelled, on an engine in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pytest

from ingot.errors import (
    BootError,
    BuildError,
    ConfigError,
    Interrupted,
    MachineError,
    UserError,
    VerificationError,
)
from ingot.fleet.engine import JobStatus
from ingot.fleet.failures import FINAL_EXIT_CODES, error_of
from ingot.fleet.following import Outcome, run_jobs, submit_all
from ingot.fleet.job import Job
from ingot.progress import Silent
from tests.support.fleets import FakeEngine, failed, gone, make_job, queued, running, succeeded

KERNELS = ("6.1", "6.6", "6.12")


class Registry:
    """What jobs have pushed."""

    def __init__(self) -> None:
        self.kernels: set[str] = set()

    def add(self, job: Job) -> None:
        self.kernels.add(job.kernel)

    def has(self, job: Job) -> bool:
        return job.kernel in self.kernels


@pytest.fixture
def registry() -> Registry:
    return Registry()


def outcomes(engine: FakeEngine, jobs: Sequence[Job], registry: Registry) -> list[Outcome]:
    return run_jobs(engine, jobs, registry.has, Silent())


def test_every_job_runs_to_its_end(registry: Registry) -> None:
    engine = FakeEngine(on_end=registry.add)
    jobs = [make_job(kernel) for kernel in KERNELS]
    assert [o.is_built for o in outcomes(engine, jobs, registry)] == [True] * 3
    assert engine.submitted == list(KERNELS)
    assert engine.cancelled == []


def test_the_registry_decides_whether_a_job_succeeded(registry: Registry) -> None:
    """It may have been removed from the engine, or its last answer may be lost."""
    registry.kernels.add("6.1")
    engine = FakeEngine(lambda job: [gone(job)])
    (outcome,) = outcomes(engine, [make_job("6.1")], registry)
    assert outcome.is_built


def test_a_success_without_a_result_is_an_error(registry: Registry) -> None:
    engine = FakeEngine()
    (outcome,) = outcomes(engine, [make_job("6.1")], registry)
    assert not outcome.is_built
    assert "the registry does not have its images" in str(error_of(outcome, "local"))


def test_a_failed_job_stops_no_other_and_keeps_the_end_of_its_log(registry: Registry) -> None:
    def script(job: Job) -> Sequence[JobStatus]:
        return [running(job), failed(job, 5) if job.kernel == "6.6" else succeeded(job)]

    lines = [f"line {number}" for number in range(50)]
    engine = FakeEngine(script, registry.add, lines)
    found = outcomes(engine, [make_job(kernel) for kernel in KERNELS], registry)
    assert [outcome.is_built for outcome in found] == [True, False, True]
    assert found[1].tail[-1] == "line 49"
    assert len(found[1].tail) == 20


class RefusingEngine(FakeEngine):
    """Refuses to show a log the first `refusals` times."""

    refusals = 0

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        if self.refusals:
            self.refusals -= 1
            raise MachineError("not allowed", why="", hint="")
        yield from super().logs(name, follow=follow)


@pytest.mark.parametrize(("refusals", "seen"), [(1, "the log"), (9, "cannot be read: not allowed")])
def test_a_refusal_to_show_the_log_of_a_failure_is_tried_again(
    registry: Registry, refusals: int, seen: str
) -> None:
    engine = RefusingEngine(lambda job: [failed(job, 5)], lines=["the log"])
    engine.refusals = refusals
    (outcome,) = outcomes(engine, [make_job("6.1")], registry)
    assert seen in "".join(outcome.tail)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, ConfigError),
        (2, UserError),
        (3, MachineError),
        (4, VerificationError),
        (5, BuildError),
        (6, BootError),
        (137, MachineError),
        (None, MachineError),
    ],
)
def test_the_error_is_of_the_kind_that_the_exit_code_names(
    code: int | None, kind: type[Exception]
) -> None:
    job = make_job("6.1")
    outcome = Outcome(job, failed(job, code, "a reason"), is_built=False, tail=("the log",))
    error = error_of(outcome, "slurm")
    assert type(error) is kind
    assert "6.1" in error.what and "node-1" in error.what
    assert "the log" in error.why and "a reason" in error.why
    assert f"ingot jobs --on slurm --logs {job.name}" in error.hint


def test_only_what_another_machine_may_do_better_is_not_final() -> None:
    assert MachineError.exit_code not in FINAL_EXIT_CODES
    assert set(FINAL_EXIT_CODES) == {1, 2, 4, 5, 6, 70}


def test_a_fault_of_the_machine_is_tried_once_more(registry: Registry) -> None:
    tries: list[str] = []

    def script(job: Job) -> Sequence[JobStatus]:
        tries.append(job.kernel)
        return [failed(job, 3) if len(tries) == 1 else succeeded(job)]

    engine = FakeEngine(script, registry.add)
    (outcome,) = outcomes(engine, [make_job("6.1")], registry)
    assert outcome.is_built
    assert len(tries) == 2


def test_a_fault_of_the_machine_is_not_tried_for_ever(registry: Registry) -> None:
    engine = FakeEngine(lambda job: [failed(job, 3)])
    (outcome,) = outcomes(engine, [make_job("6.1")], registry)
    assert not outcome.is_built
    assert engine.submitted == ["6.1", "6.1"]


def test_a_job_that_another_client_cancelled_is_submitted_again(registry: Registry) -> None:
    job, engine = make_job("6.1"), FakeEngine(on_end=registry.add)
    other = FakeEngine(lambda job: [gone(job)])
    other.submit([job])
    engine._entries, engine._ahead = other._entries, other._ahead  # it is there, of another client
    (outcome,) = outcomes(engine, [job], registry)
    assert outcome.is_built
    assert engine.submitted == ["6.1"]


def test_an_own_job_that_was_cancelled_is_a_failure(registry: Registry) -> None:
    engine = FakeEngine(lambda job: [running(job), gone(job)])
    (outcome,) = outcomes(engine, [make_job("6.1")], registry)
    assert not outcome.is_built
    assert "cancelled" in str(error_of(outcome, "local"))
    assert engine.submitted == ["6.1"]


class Interrupting(FakeEngine):
    """Its watch is interrupted, or fails, after the first status."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(lambda job: [running(job)])
        self._error = error

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        for status in super().watch(names, follow=False):
            yield status
            raise self._error


def test_an_interruption_cancels_what_this_call_has_submitted(registry: Registry) -> None:
    engine = Interrupting(Interrupted())
    engine.submit([make_job("6.1")])  # of another client
    with pytest.raises(Interrupted):
        outcomes(engine, [make_job("6.1"), make_job("6.6")], registry)
    assert engine.cancelled == ["6.6"]


def test_an_error_of_the_engine_leaves_the_jobs(registry: Registry) -> None:
    engine = Interrupting(MachineError("it cannot be reached"))
    with pytest.raises(MachineError, match="cannot be reached"):
        outcomes(engine, [make_job("6.1")], registry)
    assert engine.cancelled == []


def test_detached_jobs_are_only_submitted() -> None:
    engine = FakeEngine()
    jobs = [make_job(f"6.1.{number}") for number in range(120)]
    assert submit_all(engine, jobs) == {job.name for job in jobs}
    assert submit_all(engine, jobs) == frozenset()
    assert {status.state for status in engine.watch(follow=False)} == {queued(jobs[0]).state}


def test_the_same_kernel_for_two_registries_is_two_jobs() -> None:
    one, other = make_job("6.1"), make_job("6.1", registry="other.example/kernels")
    assert one.name != other.name
    assert one.name == make_job("6.1", "other", "words").name
