"""`ingot jobs`: what an engine has, shown, followed and cancelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot.cli import jobs as verb
from ingot.cli.main import app
from ingot.errors import UserError
from tests.support.fleets import FakeEngine, failed, make_job, running, succeeded
from tests.support.shops import open_shop

GOOD, BAD = make_job("6.1.9"), make_job("6.6.1-minimal")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine(
        lambda job: [running(job), succeeded(job) if job is GOOD else failed(job, 5, "a reason")],
        lines=["line 1", "line 2"],
    )
    engine.submit([GOOD, BAD])
    monkeypatch.setenv("INGOT_CATALOG", str(open_shop(tmp_path).root / "kernels"))
    monkeypatch.setattr(verb, "engine_of", lambda name, project: engine)
    return engine


def jobs(*words: str) -> str:
    result = CliRunner().invoke(app, ["jobs", "--on", "local", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_all_jobs_are_listed(engine: FakeEngine) -> None:
    printed = jobs()
    for job in (GOOD, BAD):
        assert job.name in printed and job.kernel in printed
    assert "queued" in printed


def test_follow_prints_each_change_until_the_end(engine: FakeEngine) -> None:
    lines = jobs("--follow").splitlines()
    assert f"{GOOD.name} 6.1.9 running on node-1" in lines
    assert f"{BAD.name} 6.6.1-minimal failed on node-1 (a reason, exit code 5)" in lines


def test_a_job_is_named_by_its_kernel_as_well(engine: FakeEngine) -> None:
    assert jobs("6.1.9", "--logs") == "line 1\nline 2\n"
    assert jobs(GOOD.name, "--logs") == "line 1\nline 2\n"


def test_only_named_jobs_are_cancelled(engine: FakeEngine) -> None:
    jobs("6.1.9", "--cancel")
    assert engine.cancelled == ["6.1.9"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--cancel",), "--cancel needs the names of jobs"),
        (("6.1.9", "--cancel", "--logs"), "cannot be used"),
        (("6.1.8",), "fake has no job 6.1.8"),
    ],
)
def test_a_request_that_cannot_work_is_refused(
    engine: FakeEngine, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        jobs(*words)
    assert engine.cancelled == []
