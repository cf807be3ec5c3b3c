"""Timed keeps how long the outermost steps took, and passes everything on."""

from __future__ import annotations

import pytest

from ingot.progress import Progress, Silent, Timed, Timing
from tests.support.clocks import Clock
from tests.support.progress import Recorder


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("ingot.progress.time.monotonic", clock)
    return clock


def test_a_step_within_a_step_is_counted_once(recorder: Recorder, clock: Clock) -> None:
    timed = Timed(recorder)
    with timed.step("outer"):
        clock.now += 1
        with timed.step("inner"):
            clock.now += 2
    with timed.step("next"):
        clock.now += 4
    assert timed.timings == [Timing("outer", 3.0), Timing("next", 4.0)]
    assert recorder.steps == ["outer", "inner", "next"]


def test_a_step_that_fails_is_counted_too_and_the_depth_is_right_after_it(
    recorder: Recorder, clock: Clock
) -> None:
    timed = Timed(recorder)
    with pytest.raises(RuntimeError), timed.step("outer"), timed.step("inner"):
        clock.now += 5
        raise RuntimeError
    with timed.step("next"):
        clock.now += 1
    assert timed.timings == [Timing("outer", 5.0), Timing("next", 1.0)]


def test_what_a_step_says_reaches_the_listener(recorder: Recorder) -> None:
    timed = Timed(recorder)
    with timed.step("work") as step:
        step.advance(1, 2, "half")
        step.result("well")
    timed.note("by the way")
    assert recorder.advances == [(1, 2, "half")]
    assert recorder.results == ["well"]
    assert recorder.notes == ["by the way"]


def test_silence_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    silent: Progress = Silent()
    with silent.step("work") as step:
        step.advance(1, 2, "half")
        step.result("well")
    silent.note("by the way")
    assert capfd.readouterr() == ("", "")
