"""The display of a fleet's jobs: a step for all of them together, and one for each that runs."""

from __future__ import annotations

import contextlib

from ingot.fleet.engine import JobStatus, State
from ingot.fleet.events import LogLine
from ingot.fleet.job import Job
from ingot.fleet.job_lines import read_step
from ingot.progress import Progress, Step


class _UnsuccessfulError(Exception):
    """Marks the step of a job that did not succeed; it is never reported."""


class Board:
    """Shows statuses and log lines as steps of `progress`, until `steps` is closed."""

    def __init__(self, progress: Progress, steps: contextlib.ExitStack, total: int) -> None:
        self._progress = progress
        self._total = total
        self._states: dict[str, State] = {}
        self._running: dict[str, tuple[contextlib.ExitStack, Step]] = {}
        self._noted: set[str] = set()
        self._all = steps.enter_context(progress.step("1 job" if total == 1 else f"{total} jobs"))
        steps.callback(self._close)

    def show(self, jobs: dict[str, Job], event: JobStatus | LogLine) -> None:
        if isinstance(event, LogLine):
            self._show_line(event)
            return
        kernel = jobs[event.name].kernel
        self._states[event.name] = event.state
        if event.state == State.RUNNING and event.name not in self._running:
            stack = contextlib.ExitStack()
            where = f" on {event.where}" if event.where else ""
            step = stack.enter_context(self._progress.step(f"{kernel}{where}"))
            self._running[event.name] = (stack, step)
        elif event.state != State.RUNNING and event.name in self._running:
            words = (event.state.value, event.reason)
            self._end(event.name, ", ".join(filter(None, words)), event.state == State.SUCCEEDED)
        if event.state == State.QUEUED and event.reason and event.reason not in self._noted:
            self._noted.add(event.reason)  # many jobs wait for the same reason: it is shown once
            self._progress.note(f"{kernel} waits: {event.reason}")
        self._summarize()

    def _end(self, name: str, result: str, succeeded: bool) -> None:
        """End the step of a job."""
        stack, step = self._running.pop(name)
        step.result(result)
        if succeeded:
            stack.close()
        else:
            stack.__exit__(_UnsuccessfulError, _UnsuccessfulError(), None)

    def _show_line(self, line: LogLine) -> None:
        if line.name not in self._running:
            return
        _, step = self._running[line.name]
        if found := read_step(line.text):
            detail = " ".join(part for part in (found.title, found.detail) if part)
            step.advance(found.percent or 0, 100 if found.percent else None, detail)
        else:
            step.advance(0, None, line.text)

    def _summarize(self) -> None:
        count = dict.fromkeys(State, 0)
        for state in self._states.values():
            count[state] += 1
        done = sum(n for state, n in count.items() if state.is_final)
        shown = (State.QUEUED, State.RUNNING, State.FAILED)
        text = ", ".join(f"{count[state]} {state.value}" for state in shown if count[state])
        self._all.advance(done, self._total, text)
        self._all.result(f"{count[State.SUCCEEDED]} succeeded, {count[State.FAILED]} failed")

    def _close(self) -> None:
        for name in list(self._running):
            self._end(name, "no longer followed", succeeded=False)
