"""Many cheap jobs on a faulty cluster, by clients that are killed and started again.

    results/<kernel>     a job has built it: the registry of the storm
    twice/<kernel>       a second build of it ran to its end as well
    pids/<pid>           a process of a job

Also the test's client: `python -m tests.support.cluster.storm SPEC` follows all jobs to their end
and prints the outcomes as JSON.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ingot.__main__ import Interruption
from ingot.errors import Interrupted, MachineError
from ingot.fleet.failures import error_of
from ingot.fleet.fleet_settings import KubernetesTable
from ingot.fleet.following import run_jobs
from ingot.fleet.job import Job
from ingot.fleet.kubernetes.api_calls import ApiCalls
from ingot.fleet.kubernetes.kubernetes_engine import KubernetesEngine, connection
from ingot.progress import Silent
from tests.support.cluster.api_server import Cluster, running
from tests.support.cluster.faults import Faults
from tests.support.cluster.kubelet import Node
from tests.support.fleets import is_alive, make_job
from tests.support.places import REPOSITORY

_BROKEN_EVERY = 10
_TABLE = KubernetesTable(image="ingot:test", namespace="ingot", keep_minutes=600)
_SCRIPT = """
touch {root}/pids/$$
[ -e {root}/results/{name} ] && exit 0
echo "building {name}"
sleep {seconds}
[ {broken} = 1 ] && {{ echo "{name} does not compile"; exit 5; }}
mkdir {root}/results/{name} || touch {root}/twice/{name}
"""


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm of `count` jobs below `root`, of which every tenth fails; all of it from one seed."""

    root: Path
    count: int
    seed: int

    def jobs(self) -> list[Job]:
        chance = random.Random(self.seed)
        return [self._job(number, chance.random() * 0.2) for number in range(self.count)]

    def broken(self) -> set[str]:
        return {_name(number) for number in range(self.count) if _is_broken(number)}

    def is_built(self, job: Job) -> bool:
        return (self.root / "results" / job.kernel).exists()

    def _job(self, number: int, seconds: float) -> Job:
        script = _SCRIPT.format(
            root=self.root, name=_name(number), seconds=seconds, broken=int(_is_broken(number))
        )
        return make_job(_name(number), script)


def _name(number: int) -> str:
    return f"6.1.{number}"


def _is_broken(number: int) -> bool:
    return number % _BROKEN_EVERY == 0


def client(storm: Storm, kubeconfig: Path) -> int:
    """Follow all jobs to their end; 3 if the engine failed, 130 after a Ctrl-C."""
    interruption = Interruption()
    signal.signal(signal.SIGINT, interruption.raise_it)
    engine = KubernetesEngine(ApiCalls(lambda: connection("", kubeconfig), "ingot"), _TABLE)
    try:
        outcomes = run_jobs(engine, storm.jobs(), storm.is_built, Silent())
    except MachineError as error:
        print(error, file=sys.stderr)
        return 3
    except Interrupted:
        return 130
    failed = [outcome for outcome in outcomes if not outcome.is_built]
    print(json.dumps({each.job.kernel: str(error_of(each, "kubernetes")) for each in failed}))
    return 0


@dataclass(frozen=True, slots=True)
class Weathered:
    """What a storm left: the failures that the last client reported, and how many clients ran."""

    failures: dict[str, str]
    clients: int
    faults: dict[str, int]
    orphans: list[str]


def weather(storm: Storm, *, most_kills: int, rate: float = 0.03) -> Weathered:
    """Run a storm to its end; clients are killed or interrupted `most_kills` times at most."""
    for name in ("results", "twice", "pids"):
        (storm.root / name).mkdir(parents=True)
    faults = Faults(storm.seed, rate=rate, evictions=0.03, forbidden=0.002, cuts=0.3)
    chance = random.Random(storm.seed)
    nodes = [Node(f"node-{number}", slots=4) for number in range(3)]
    with running(
        storm.root / "cluster", nodes=nodes, faults=faults, skew=timedelta(days=-400), window=60
    ) as cluster:
        clients = 0
        while True:
            clients += 1
            answer = _one_client(storm, cluster, chance, kill=clients <= most_kills)
            if answer is not None:
                break
        orphans = [
            job["metadata"]["name"] for job in cluster.jobs() if "conditions" not in job["status"]
        ]
    orphans += [path.name for path in (storm.root / "pids").iterdir() if is_alive(int(path.name))]
    return Weathered(answer, clients, faults.count, orphans)


def _one_client(
    storm: Storm, cluster: Cluster, chance: random.Random, *, kill: bool
) -> dict[str, str] | None:
    """One life of the client; the failures that it reported if it came to its end."""
    words = [str(storm.root), str(storm.count), str(storm.seed), str(cluster.kubeconfig)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.cluster.storm", *words],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    if kill:
        started = len(cluster.requests)
        while process.poll() is None and len(cluster.requests) == started:
            time.sleep(0.02)  # its life begins with its first request
        time.sleep(chance.random() * 3)
        process.send_signal(chance.choice([signal.SIGKILL, signal.SIGINT]))
    output, _ = process.communicate(timeout=300)
    return dict(json.loads(output)) if process.returncode == 0 else None


if __name__ == "__main__":
    root, count, seed, kubeconfig = sys.argv[1:]
    sys.exit(client(Storm(Path(root), int(count), int(seed)), Path(kubeconfig)))
