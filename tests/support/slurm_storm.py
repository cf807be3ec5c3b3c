"""Many cheap jobs on a Slurm cluster, while clients, jobs, daemons and nodes are killed.

    done/<number>     a job has built its kernel: the registry of the storm
    started           a line for each attempt of a job
    twice             a line for each build that ended although another one had

Also the storm's client: `python -m tests.support.slurm_storm DIRECTORY COUNT` follows all jobs to
their end; its exit code is 0 if all are built.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingot.fleet.fleet_settings import SlurmTable
from ingot.fleet.following import run_jobs
from ingot.fleet.job import Job, Resources
from ingot.fleet.slurm.commands import Slurm
from ingot.fleet.slurm.job_files import JobFiles
from ingot.fleet.slurm.slurm_engine import SlurmEngine
from ingot.fleet.slurm.task_view import TaskView
from ingot.progress import Silent
from tests.support.fleets import make_job
from tests.support.places import REPOSITORY
from tests.support.slurm import SlurmCluster

_SHELL = ("/bin/sh", "-c", 'eval "$1"', "job")
_TABLE = SlurmTable(attempts=50)
_SCRIPT = """
echo {number} >>{root}/started
[ -e {root}/done/{number} ] && exit 0
sleep {seconds}
mkdir {root}/done/{number} || echo {number} >>{root}/twice
"""
_CLIENTS = 2


@dataclass
class Storm:
    """A storm of `count` jobs below `root`; kills are chosen by `seed`. `kills` counts them."""

    cluster: SlurmCluster
    root: Path
    count: int
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    _clients: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _down: dict[str, float] = field(default_factory=dict)

    def rage(self, seconds: float) -> None:
        """Kill things at random for so long, then let the clients come to their end.

        AssertionError if a client does not report all kernels as built.
        """
        (self.root / "done").mkdir(parents=True)
        chance = random.Random(self.seed)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self._start_clients()
                self._kill_one(chance)
                time.sleep(chance.uniform(0.3, 1.5))
                self._boot_what_is_down(time.monotonic())
            self._boot_what_is_down(float("inf"))
            self._start_clients()
            ends = [client.wait() for client in self._clients]
            assert ends == [0] * _CLIENTS, f"the clients ended with {ends}"
        finally:
            for client in self._clients:
                client.kill()
                client.wait()

    def lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().split() if path.exists() else []

    def _start_clients(self) -> None:
        """Replace the clients that have ended."""
        self._clients = [each for each in self._clients if each.poll() is None]
        while len(self._clients) < _CLIENTS:
            self._clients.append(self._client())

    def _client(self) -> subprocess.Popen[bytes]:
        words = ["-m", "tests.support.slurm_storm", str(self.root), str(self.count)]
        configuration = {"SLURM_CONF": str(self.cluster.configuration)}
        return subprocess.Popen(
            [sys.executable, *words], cwd=REPOSITORY, env={**os.environ, **configuration}
        )

    def _kill_one(self, chance: random.Random) -> None:
        what = chance.choice(["client", "program", "program", "script", "daemon", "node"])
        up = [name for name in self.cluster.names if name not in self._down]
        scripts = {
            number: "slurm_script" in words[-1]
            for number, words in self.cluster.job_processes().items()
        }
        victims = [
            number for number, is_script in scripts.items() if is_script == (what == "script")
        ]
        if what == "client":
            chance.choice(self._clients).kill()
        elif what in ("program", "script") and victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
        elif what == "daemon" and up:
            self._down[name := chance.choice(up)] = time.monotonic() + chance.uniform(0, 2)
            self.cluster.kill_daemon(name)
        elif what == "node" and not self._down:
            self._down[name := chance.choice(up)] = time.monotonic() + chance.uniform(1, 4)
            self.cluster.kill_node(name)
            self.cluster.declare_down(name)
        else:
            return
        self.kills[what] += 1

    def _boot_what_is_down(self, now: float) -> None:
        for name in [name for name, until in self._down.items() if until <= now]:
            del self._down[name]
            self.cluster.start_node(name)


def make_jobs(root: Path, count: int) -> list[Job]:
    chance = random.Random(count)
    resources = Resources(cpus=1, memory=256 << 20, disk=1 << 20, seconds=600)
    scripts = [
        _SCRIPT.format(number=number, root=root, seconds=f"{chance.uniform(0.5, 12):.1f}")
        for number in range(count)
    ]
    return [
        replace(make_job(f"6.{number}", script), resources=resources)
        for number, script in enumerate(scripts)
    ]


def follow(root: Path, count: int) -> int:
    """What a client does; its exit code."""

    def is_built(job: Job) -> bool:
        return (root / "done" / job.kernel.partition(".")[2]).exists()

    slurm = Slurm()
    engine = SlurmEngine(_TABLE, _SHELL, JobFiles(root / "jobs"), slurm, TaskView(slurm), 0.5)
    missing = [job for job in make_jobs(root, count) if not is_built(job)]
    random.shuffle(missing)
    outcomes = run_jobs(engine, missing, is_built, Silent())
    failed = [outcome.status for outcome in outcomes if not outcome.is_built]
    print(*failed, sep="\n", end="")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(follow(Path(sys.argv[1]), int(sys.argv[2])))
