"""Engines and jobs for tests of the fleet that need no machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.digest import Digest
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.job import Job, Resources
from ingot.registry import Registry

RESOURCES = Resources(cpus=2, memory=1 << 30, disk=1 << 30, seconds=60)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that no one has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def make_job(kernel: str, *argv: str, arch: str = "x86_64", registry: str = "r.example") -> Job:
    """A job for a kernel of this name; the recipe key is made of the name."""
    return Job(
        recipe_key=Digest.of(kernel.encode()),
        kernel=kernel,
        arch=arch,
        machine="x86_64",
        argv=argv or ("fleet", "job", kernel),
        resources=RESOURCES,
        registry=Registry(registry),
        affinity=kernel.partition("-")[0],
    )


@dataclass
class _Entry:
    job: Job
    status: JobStatus


class FakeEngine:
    """An engine in memory: a job's states come one at a time, from `script`, as `watch` asks.

    `script` returns the statuses that a job goes through after it was queued; by default it runs
    and succeeds. `on_end` is called with each job that succeeds, before `watch` reports it.
    """

    name = "fake"

    def __init__(
        self,
        script: Callable[[Job], Sequence[JobStatus]] | None = None,
        on_end: Callable[[Job], None] | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        self._script = script or (lambda job: [running(job), succeeded(job)])
        self._on_end = on_end
        self._lines = lines
        self._entries: dict[str, _Entry] = {}
        self._ahead: dict[str, list[JobStatus]] = {}
        self.submitted: list[str] = []
        self.cancelled: list[str] = []

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        new = set()
        for job in jobs:
            present = self._entries.get(job.name)
            if present and not present.status.state.is_final:
                continue
            self._entries[job.name] = _Entry(job, queued(job))
            self._ahead[job.name] = list(self._script(job))
            new.add(job.name)
            self.submitted.append(job.kernel)
        return frozenset(new)

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        wanted = list(self._entries) if names is None else list(names)
        for name in wanted:
            yield self._status(name)
        while follow and (rest := [name for name in wanted if self._ahead.get(name)]):
            for name in rest:
                entry = self._entries[name]
                entry.status = self._ahead[name].pop(0)
                if entry.status.state == State.SUCCEEDED and self._on_end:
                    self._on_end(entry.job)
                yield entry.status

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        if name in self._entries:
            yield from self._lines

    def cancel(self, names: Collection[str]) -> None:
        for name in names:
            if name in self._entries:
                self.cancelled.append(self._entries.pop(name).job.kernel)
                self._ahead.pop(name)

    def _status(self, name: str) -> JobStatus:
        entry = self._entries.get(name)
        return entry.status if entry else JobStatus(name, State.GONE)


def queued(job: Job) -> JobStatus:
    return JobStatus(job.name, State.QUEUED, job.kernel, job.arch)


def running(job: Job, where: str = "node-1") -> JobStatus:
    return replace(queued(job), state=State.RUNNING, where=where)


def succeeded(job: Job) -> JobStatus:
    return replace(running(job), state=State.SUCCEEDED)


def failed(job: Job, exit_code: int | None, reason: str = "") -> JobStatus:
    return replace(running(job), state=State.FAILED, exit_code=exit_code, reason=reason)


def gone(job: Job) -> JobStatus:
    return JobStatus(job.name, State.GONE)
