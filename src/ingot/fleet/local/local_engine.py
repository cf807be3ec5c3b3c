"""The engine `local`: jobs are processes of this machine.

At most as many jobs run at once as their processors and memory allow; what one job really uses is
not limited. All jobs share one jobserver of make, so together they run as many compilers as there
are processors, and a job that links leaves its processors to the others.

Jobs end with the command that has submitted them, even if it is killed. Other commands see, follow
and cancel them through their files (`job_files`).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from ingot import process
from ingot.files import private_directory
from ingot.fleet.engine import Engine, JobStatus, State
from ingot.fleet.fleet_settings import FleetSettings, bytes_of
from ingot.fleet.job import Job
from ingot.fleet.local.job_files import JobFiles, all_files
from ingot.fleet.local.shared_jobserver import Jobserver
from ingot.workspace import available_memory

_LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Program:
    """How a job's command is run: the words of Ingot, those after a job's own, the environment.

    With `shares_jobserver` the words also name the descriptors of the jobserver.
    """

    words: tuple[str, ...]
    places: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    shares_jobserver: bool = True


def open_local(settings: FleetSettings) -> Engine:
    """The engine of this machine."""
    table, resources = settings.table.local, settings.resources
    cpus = table.cpus or len(os.sched_getaffinity(0))
    memory = bytes_of(table.memory) if table.memory else available_memory()
    slots = max(1, min(cpus // resources.cpus, memory // resources.memory))
    build = ("--build-dir", str(settings.build_dir)) if settings.build_dir else ()
    places = ("--cache", str(settings.cache), "--store", str(settings.store), *build)
    program = Program(settings.program, places, settings.environment)
    return LocalEngine(settings.cache / "fleet" / "jobs", program, slots, cpus)


@dataclass(slots=True)
class _Own:
    """A job of this process: its status, what ends it, and whether it has begun and ended."""

    job: Job
    files: JobFiles
    hold: contextlib.ExitStack
    status: JobStatus
    stop: tuple[int, int] | None = None
    begun: bool = False
    is_cancelled: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> int:
        """Mark it as begun; returns a descriptor that is readable once it is to end."""
        self.begun, self.stop = True, os.pipe()
        return self.stop[0]

    def request_end(self) -> None:
        if self.stop and not self.is_cancelled:
            self.is_cancelled = True
            os.write(self.stop[1], b"x")

    def close(self) -> None:
        """Let other commands have the job."""
        for descriptor in self.stop or ():
            os.close(descriptor)
        self.stop = None
        self.hold.close()
        self.ended.set()


class LocalEngine:
    """Runs up to `slots` jobs at once, with `cpus` compilers together; `root` has their files."""

    name = "local"

    def __init__(self, root: Path, program: Program, slots: int, cpus: int) -> None:
        self._root = root
        self._program = program
        self._slots = slots
        self._jobserver = Jobserver(cpus, slots)
        self._queue: SimpleQueue[_Own] = SimpleQueue()
        self._own: dict[str, _Own] = {}
        self._running = 0
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        new: list[_Own] = []
        try:
            for job in jobs:
                if own := self._take(job):
                    new.append(own)
        except BaseException:
            self.cancel([own.job.name for own in new])
            raise
        for own in new:
            self._queue.put(own)
        self._start_threads()
        return frozenset(own.job.name for own in new)

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        seen: dict[str, JobStatus] = {}
        while True:
            wanted = self._names() if names is None else list(names)
            for name in wanted:
                status = self._status(name)
                if seen.get(name) != status:
                    seen[name] = status
                    yield status
            if not follow or (
                names is not None and all(seen[name].state.is_final for name in wanted)
            ):
                return
            with self._changed:
                self._changed.wait(_LOOK_SECONDS)

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        files = JobFiles(self._root / name)
        done, rest = 0, b""
        while True:
            is_over = not follow or self._status(name).state.is_final
            with contextlib.suppress(FileNotFoundError), files.log.open("rb") as file:
                file.seek(done)
                while chunk := file.read(1 << 16):
                    done += len(chunk)
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from (line.decode("utf-8", "replace") for line in lines)
            if is_over:
                if rest:
                    yield rest.decode("utf-8", "replace")
                return
            time.sleep(_LOOK_SECONDS)

    def cancel(self, names: Collection[str]) -> None:
        active = [name for name in names if not self._status(name).state.is_final]
        self._end([self._own[name] for name in active if name in self._own])
        for name in active:
            if name not in self._own:
                JobFiles(self._root / name).request_cancel()
        for name in active:
            if own := self._own.pop(name, None):
                own.ended.wait()
            files = JobFiles(self._root / name)
            while not files.read().state.is_final:
                time.sleep(_LOOK_SECONDS)
            files.remove()

    def _end(self, jobs: Sequence[_Own]) -> None:
        """End the jobs that run; the queued ones will not begin, although slots become free."""
        with self._changed:
            queued = [own for own in jobs if not own.begun]
            for own in jobs:
                if own.begun:
                    own.request_end()
                else:
                    own.begun, own.status = True, JobStatus(own.job.name, State.GONE)
            self._changed.notify_all()
        for own in queued:
            own.files.write(own.status)
            own.close()

    def _take(self, job: Job) -> _Own | None:
        """The job as this process's own; None if a command has it already."""
        files = JobFiles(self._root / job.name)
        private_directory(self._root)
        with contextlib.ExitStack() as hold:
            if not hold.enter_context(files.held()):
                return None
            files.begin()
            status = JobStatus(job.name, State.QUEUED, job.kernel, job.arch)
            files.write(status)
            own = _Own(job, files, hold.pop_all(), status)
        self._own[job.name] = own
        return own

    def _start_threads(self) -> None:
        if not self._threads:
            threading.Thread(target=self._watch_for_cancels, daemon=True).start()
        missing = min(self._slots - len(self._threads), self._queue.qsize())
        for _ in range(missing):
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            own = self._queue.get()
            with self._changed:
                if own.begun:
                    continue  # it was cancelled
                stop = own.begin()
                if not self._running:
                    self._jobserver.refill()
                self._running += 1
            try:
                self._run(own, stop)
            finally:
                with self._changed:
                    self._running -= 1
                    own.close()

    def _run(self, own: _Own, stop: int) -> None:
        """Run a job to its end."""
        try:
            self._set(own, replace(own.status, state=State.RUNNING, where=os.uname().nodename))
            result = process.run(
                self._command(own.job),
                check=False,
                env={**self._program.environment, **_secrets_of(own.job)},
                log=own.files.log,
                timeout=own.job.resources.seconds,
                stop=stop,
                keep_output=False,
                inherited=self._jobserver.descriptors,
            )
            self._set(own, self._ended(own, result))
        except Exception as error:
            self._set(own, replace(own.status, state=State.FAILED, reason=str(error)))

    def _ended(self, own: _Own, result: process.Result) -> JobStatus:
        if result.timed_out:
            if own.is_cancelled:
                return JobStatus(own.job.name, State.GONE)
            limit = f"it took longer than {own.job.resources.seconds // 60} minutes"
            return replace(own.status, state=State.FAILED, reason=limit)
        if result.returncode == 0:
            return replace(own.status, state=State.SUCCEEDED)
        code = result.returncode if result.returncode > 0 else 128 - result.returncode
        return replace(own.status, state=State.FAILED, exit_code=code)

    def _command(self, job: Job) -> list[str]:
        words = [*self._program.words, *job.argv, *self._program.places]
        if self._program.shares_jobserver:
            words += ["--jobserver", *map(str, self._jobserver.descriptors)]
        return words

    def _watch_for_cancels(self) -> None:
        """End the jobs that other commands want to end."""
        while True:
            time.sleep(_LOOK_SECONDS)
            present = [own for own in list(self._own.values()) if not own.ended.is_set()]
            self._end([own for own in present if own.files.is_cancel_requested()])

    def _set(self, own: _Own, status: JobStatus) -> None:
        own.files.write(status)
        with self._changed:
            own.status = status
            self._changed.notify_all()

    def _status(self, name: str) -> JobStatus:
        own = self._own.get(name)
        return own.status if own else JobFiles(self._root / name).read()

    def _names(self) -> list[str]:
        return [files.name for files in all_files(self._root)]


def _secrets_of(job: Job) -> dict[str, str]:
    """The variables with the paths of the job's secrets: `name` is a file of this machine."""
    return {secret.variable: secret.name for secret in job.secrets}
