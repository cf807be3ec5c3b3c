"""A thousand kernels on a hundred machines: how long it takes, what it asks, what a client needs.

    .venv/bin/python bench/fleet.py [--kernels N] [--machines N] [--seed N] [--plot FILE]

Nothing is compiled: machines, failures and compile times are simulated (bench/fleet_model.py). What
is real is the client: the changes of one simulated fleet are replayed to the code that follows the
jobs of `ingot build --on`, in a process of its own. Its memory is measured, and its calls of
the engine and its look-ups in the registry are counted.

The time is compared with an ideal that no scheduler reaches: every compile finds its objects in a
cache, no machine is lost, and every machine works until the end. The plot is an SVG file.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fleet_model import (
    Change,
    Fleet,
    Order,
    Placement,
    Result,
    Simulation,
    ideal_seconds,
    make_kernels,
)
from fleet_plot import Curve, draw

from ingot.digest import Digest
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.following import run_jobs
from ingot.fleet.job import Job, Resources
from ingot.images import KERNEL_IMAGES
from ingot.progress import Silent
from ingot.registry import Registry

JOBS_OF_AN_ARRAY = 50
SQUEUE_SECONDS = 5
WATCH_SECONDS = 240
WATCHES = 2
"""How long a request that watches Kubernetes lasts before the next one, and how many there are."""

LOG_LINES = 60


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to run the same kernels."""

    name: str
    placement: Placement
    order: Order = Order.MIXED
    shares_cache: bool = False


SCENARIOS = (
    Scenario("any machine", Placement.FIRST),
    Scenario("any machine, sorted by source", Placement.FIRST, Order.GROUPED),
    Scenario("prefer a machine with the tree", Placement.PREFER),
    Scenario("a machine takes what fits its tree", Placement.MATCH),
    Scenario("any machine, one shared ccache", Placement.FIRST, shares_cache=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernels", type=int, default=1000, metavar="N")
    parser.add_argument("--machines", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    parser.add_argument("--client", action="store_true", help="only measure a client")
    options = parser.parse_args()
    fleet = Fleet(kernels=options.kernels, machines=options.machines, seed=options.seed)
    if options.client:
        print_client(fleet)
        return
    results = {each: simulate(fleet, each) for each in SCENARIOS}
    ideal = ideal_seconds(fleet, make_kernels(fleet, Order.MIXED))
    print_scenarios(fleet, results, ideal)
    print_requests(fleet, results[SCENARIOS[0]])
    for count in (10, fleet.kernels):
        measure_client(options.seed, count, options.machines)
    if options.plot:
        curves = [Curve(each.name, result.ends) for each, result in results.items()]
        title = f"{fleet.kernels} kernels on {fleet.machines} machines"
        options.plot.write_text(draw(title, curves, ideal))


def simulate(fleet: Fleet, scenario: Scenario) -> Result:
    fleet = replace(fleet, shares_cache=scenario.shares_cache)
    return Simulation(fleet, make_kernels(fleet, scenario.order), scenario.placement).run()


def print_scenarios(fleet: Fleet, results: dict[Scenario, Result], ideal: float) -> None:
    print(f"{fleet}\n")
    print("| placement | makespan | of the ideal | attempts | lost | cold | machine hours |")
    print("|---|---|---|---|---|---|---|")
    for scenario, result in results.items():
        lost = f"{result.lost / 3600:.1f} h"
        print(
            f"| {scenario.name} | {result.makespan / 60:.0f} min | {result.makespan / ideal:.2f} |"
            f" {result.attempts} | {lost} | {result.cold} | {result.busy / 3600:.0f} |"
        )
    print(f"\nideal: {ideal / 60:.0f} min")
    first = results[SCENARIOS[0]]
    print(
        f"{len(first.ends)} kernels built, each once; {first.deaths} jobs died and"
        f" {first.reclaims} machines were taken away; the jobs waited"
        f" {first.attempts * fleet.scheduling / 60:.0f} min for their start, of"
        f" {first.busy / 60:.0f} min"
    )


def print_requests(fleet: Fleet, result: Result) -> None:
    """What the client asks, from the number of its calls (`print_client` counts the calls)."""
    images, built = len(KERNEL_IMAGES), len(result.ends)
    hits = fleet.kernels - built
    before, each, after = hits * images + built, built * images, built * images
    arrays = -(-built // JOBS_OF_AN_ARRAY)
    squeues = round(result.makespan / SQUEUE_SECONDS)
    polls = round(sum(end / SQUEUE_SECONDS for end in result.ends))
    watches = WATCHES * -(-round(result.makespan) // WATCH_SECONDS)
    print(
        f"\nregistry: {before} look-ups before, {each} when jobs end, {after} before the tags"
        f"\nSlurm: {4 * arrays} commands to submit {arrays} arrays, {squeues} squeue to follow them"
        f"\nKubernetes: {built} creations, {watches} watches, up to {result.attempts} logs"
        f"\na client that asks for each job every {SQUEUE_SECONDS} s would send {polls} requests"
    )


class ReplayedEngine:
    """An engine whose jobs change as they did in a simulation, as fast as the client reads."""

    name = "replayed"

    def __init__(self, changes: Sequence[Change], jobs: dict[int, Job]) -> None:
        self._changes = changes
        self._jobs = jobs
        self.calls = {"submit": 0, "watch": 0, "logs": 0}

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        self.calls["submit"] += 1
        return frozenset(job.name for job in jobs)

    def watch(
        self,
        names: Collection[str] | None = None,
        *,
        follow: bool = True,  # noqa: ARG002
    ) -> Iterator[JobStatus]:
        self.calls["watch"] += 1
        for change in self._changes:
            job, where = self._jobs[change.kernel], f"node{change.machine}"
            if names is None or job.name in names:
                yield JobStatus(job.name, State(change.state), job.kernel, job.arch, where)

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:  # noqa: ARG002
        self.calls["logs"] += 1
        for percent in range(0, 100, -(-100 // LOG_LINES)):
            yield f"[ingot] compile {name}: {percent}% fs/ext4/inode.o"

    def cancel(self, names: Collection[str]) -> None:
        raise AssertionError(f"nothing is cancelled here: {names}")


def print_client(fleet: Fleet) -> None:
    result = simulate(fleet, SCENARIOS[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    numbers = sorted({change.kernel for change in result.changes})
    jobs = {number: make_job(number) for number in numbers}
    engine, asked = ReplayedEngine(result.changes, jobs), list[str]()

    def is_built(job: Job) -> bool:
        asked.append(job.name)
        return True

    outcomes = run_jobs(engine, list(jobs.values()), is_built, Silent())
    assert len(outcomes) == len(jobs)
    assert all(outcome.is_built for outcome in outcomes)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    calls = ", ".join(f"{count} x {name}" for name, count in engine.calls.items())
    print(
        f"client of {len(jobs)} jobs: {calls}, {len(asked)} results looked up;"
        f" {usage.ru_maxrss >> 10} MiB in all, {(usage.ru_maxrss - before) >> 10} MiB for the jobs;"
        f" {usage.ru_utime + usage.ru_stime:.1f} s of CPU"
    )


def make_job(number: int) -> Job:
    kernel = f"6.{number % 25}.{number}"
    return Job(
        recipe_key=Digest.of(kernel.encode()),
        kernel=kernel,
        arch="x86_64",
        machine="x86_64",
        argv=("fleet", "job", kernel, "--recipe", "0" * 64, "--registry", "registry.example/k"),
        resources=Resources(4, 6 << 30, 12 << 30, 7200),
        registry=Registry("registry.example/k"),
    )


def measure_client(seed: int, kernels: int, machines: int) -> None:
    """Measure a client in another process, whose memory has nothing but that."""
    sizes = ["--kernels", str(kernels), "--machines", str(machines), "--seed", str(seed)]
    subprocess.run([sys.executable, __file__, "--client", *sizes], check=True)


if __name__ == "__main__":
    main()
