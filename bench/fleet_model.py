"""A fleet as a simulation: jobs that arrive, machines that get lost, trees that machines keep.

Time is in seconds of the simulation. A machine runs one job at a time. A job takes less time on a
machine that has run a job of the same source: the source is there, and ccache has most objects.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import count

Action = Callable[[float], None]
"""What happens at an event; its argument is the time."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is simulated. Shares are between 0 and 1, times in seconds.

    `reclaims` is how often a machine is taken away in an hour; another one without any files
    replaces it after `replacement`. `scheduling` is the time from the decision where a job runs to
    its start, `retry` the time after which a lost job is queued again. With `shares_cache`, all
    machines have one compile cache (ccache's remote storage).
    """

    kernels: int = 1000
    sources: int = 25
    machines: int = 100
    hits: float = 0.2
    deaths: float = 0.01
    reclaims: float = 0.2
    late: float = 0.3
    late_span: float = 900.0
    compile: float = 480.0
    spread: float = 0.4
    near: float = 0.3
    fetch: float = 45.0
    rest: float = 30.0
    scheduling: float = 3.0
    retry: float = 20.0
    replacement: float = 180.0
    shares_cache: bool = False
    seed: int = 1


class Placement(Enum):
    """How a job and a machine come together.

    FIRST: the first job goes to any free machine. PREFER: the first job goes to a free machine that
    has its source, if there is one, which is what a preference of a scheduler does. MATCH: a free
    machine gets the first job whose source it has, if there is one.
    """

    FIRST = "first"
    PREFER = "prefer"
    MATCH = "match"


class Order(Enum):
    """The order of the jobs in the queue."""

    MIXED = "mixed"
    GROUPED = "grouped"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel to build. `compile` is the time of a compile with empty caches."""

    number: int
    source: int
    arrival: float
    compile: float
    is_hit: bool


@dataclass(slots=True)
class Machine:
    """A machine: the sources of the jobs it has run, its job, and the number of its last run."""

    number: int
    sources: set[int] = field(default_factory=set)
    job: Kernel | None = None
    started: float = 0.0
    run: int = 0
    is_present: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a job's state, as an engine reports it."""

    seconds: float
    kernel: int
    state: str
    machine: int | None = None


@dataclass(slots=True)
class Result:
    """What happened. `busy` are the seconds of all attempts, `lost` those of attempts that died.

    `cold` counts the attempts that found nothing in a compile cache.
    """

    makespan: float = 0.0
    busy: float = 0.0
    lost: float = 0.0
    attempts: int = 0
    cold: int = 0
    deaths: int = 0
    reclaims: int = 0
    changes: list[Change] = field(default_factory=list)

    @property
    def ends(self) -> list[float]:
        """When each kernel was built, in order."""
        return [change.seconds for change in self.changes if change.state == "succeeded"]


def make_kernels(fleet: Fleet, order: Order) -> list[Kernel]:
    """The same kernels for every placement and order."""
    chance = random.Random(fleet.seed)
    found = []
    for number in range(fleet.kernels):
        is_late = chance.random() < fleet.late
        found.append(
            Kernel(
                number,
                number % fleet.sources,
                chance.uniform(0, fleet.late_span) if is_late else 0.0,
                fleet.compile * chance.lognormvariate(0, fleet.spread),
                chance.random() < fleet.hits,
            )
        )
    if order == Order.GROUPED:
        return sorted(found, key=lambda kernel: (kernel.arrival, kernel.source))
    return sorted(found, key=lambda kernel: kernel.arrival)


def ideal_seconds(fleet: Fleet, kernels: Iterable[Kernel]) -> float:
    """A bound that no placement can beat: every compile near, no loss, no waiting, no last job."""
    missing = [kernel for kernel in kernels if not kernel.is_hit]
    work = sum(kernel.compile * fleet.near + fleet.rest for kernel in missing)
    last = max(kernel.arrival + kernel.compile * fleet.near + fleet.rest for kernel in missing)
    return max(work / fleet.machines, last)


class Simulation:
    """Runs a fleet once."""

    def __init__(self, fleet: Fleet, kernels: Sequence[Kernel], placement: Placement) -> None:
        self._fleet = fleet
        self._placement = placement
        self._chance = random.Random(fleet.seed + 1)
        self._events: list[tuple[float, int, Action]] = []
        self._order = count()
        self._kernels = [kernel for kernel in kernels if not kernel.is_hit]
        self._machines = [Machine(number) for number in range(fleet.machines)]
        self._queue: deque[Kernel] = deque()
        self._compiled: set[int] = set()
        self._left = len(self._kernels)
        self._result = Result()

    def run(self) -> Result:
        for kernel in self._kernels:
            self._at(kernel.arrival, partial(self._arrive, kernel))
        for machine in self._machines:
            self._at(self._next_reclaim(0), partial(self._reclaim, machine))
        while self._left:
            now, _, action = heapq.heappop(self._events)
            action(now)
            self._place(now)
        return self._result

    def _at(self, when: float, action: Action) -> None:
        heapq.heappush(self._events, (when, next(self._order), action))

    def _next_reclaim(self, now: float) -> float:
        rate = self._fleet.reclaims / 3600
        return now + self._chance.expovariate(rate) if rate else float("inf")

    def _arrive(self, kernel: Kernel, now: float) -> None:
        self._queue.append(kernel)
        self._note(now, kernel, "queued")

    def _end(self, machine: Machine, run: int, now: float) -> None:
        if machine.run == run and (kernel := self._release(machine, now)):
            self._note(now, kernel, "succeeded", machine)
            self._compiled.add(kernel.source)
            self._left -= 1
            self._result.makespan = now

    def _die(self, machine: Machine, run: int, now: float) -> None:
        if machine.run == run and machine.job:
            self._result.deaths += 1
            self._lose(machine, now)

    def _reclaim(self, machine: Machine, now: float) -> None:
        self._result.reclaims += 1
        self._lose(machine, now)
        machine.is_present = False
        self._at(now + self._fleet.replacement, partial(self._replace, machine))

    def _replace(self, machine: Machine, now: float) -> None:
        machine.sources.clear()
        machine.is_present = True
        self._at(self._next_reclaim(now), partial(self._reclaim, machine))

    def _lose(self, machine: Machine, now: float) -> None:
        """End a machine's job, if it has one, before its time; the job is queued again later."""
        started = machine.started
        if kernel := self._release(machine, now):
            self._result.lost += now - started
            self._at(now + self._fleet.retry, partial(self._arrive, kernel))

    def _release(self, machine: Machine, now: float) -> Kernel | None:
        """Take the job from a machine, which keeps its source."""
        kernel, machine.job = machine.job, None
        machine.run += 1
        if kernel:
            machine.sources.add(kernel.source)
            self._result.busy += now - machine.started
        return kernel

    def _place(self, now: float) -> None:
        """Start jobs as long as there is a job and a free machine."""
        free = [each for each in self._machines if each.is_present and each.job is None]
        while free and self._queue:
            kernel, machine = self._choose(free)
            free.remove(machine)
            self._start(kernel, machine, now)

    def _choose(self, free: Sequence[Machine]) -> tuple[Kernel, Machine]:
        if self._placement == Placement.MATCH:
            for machine in free:
                for kernel in self._queue:
                    if kernel.source in machine.sources:
                        self._queue.remove(kernel)
                        return kernel, machine
        kernel = self._queue.popleft()
        near = [each for each in free if kernel.source in each.sources]
        if near and self._placement != Placement.FIRST:
            return kernel, near[0]
        return kernel, self._chance.choice(free)

    def _start(self, kernel: Kernel, machine: Machine, now: float) -> None:
        fleet = self._fleet
        has_source = kernel.source in machine.sources
        is_near = has_source or (fleet.shares_cache and kernel.source in self._compiled)
        work = kernel.compile * (fleet.near if is_near else 1)
        fetch = 0.0 if has_source else fleet.fetch
        seconds = fleet.scheduling + fetch + work + fleet.rest
        machine.job, machine.started = kernel, now
        self._note(now, kernel, "running", machine)
        self._result.attempts += 1
        self._result.cold += not is_near
        if self._chance.random() < fleet.deaths:
            died = now + seconds * self._chance.random()
            self._at(died, partial(self._die, machine, machine.run))
        else:
            self._at(now + seconds, partial(self._end, machine, machine.run))

    def _note(self, now: float, kernel: Kernel, state: str, machine: Machine | None = None) -> None:
        number = machine.number if machine else None
        self._result.changes.append(Change(now, kernel.number, state, number))
