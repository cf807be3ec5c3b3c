"""The engine kubernetes with the official client, on a cluster on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingot.errors import MachineError
from ingot.fleet.engine import JobStatus, State
from ingot.fleet.fleet_settings import KubernetesTable
from ingot.fleet.kubernetes.api_calls import ApiCalls
from ingot.fleet.kubernetes.kubernetes_engine import KubernetesEngine, connection
from tests.support.cluster.api_server import Cluster, running
from tests.support.cluster.faults import Fault, Faults
from tests.support.cluster.kubelet import Node
from tests.support.fleets import is_alive, make_job, wait_for

pytest.importorskip("kubernetes")
TABLE = KubernetesTable(image="ingot:test", namespace="ingot")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running(tmp_path / "cluster", skew=timedelta(hours=5)) as cluster:
        yield cluster


def engine_of(cluster: Cluster) -> KubernetesEngine:
    return KubernetesEngine(ApiCalls(lambda: connection("", cluster.kubeconfig), "ingot"), TABLE)


@pytest.fixture
def engine(cluster: Cluster) -> KubernetesEngine:
    return engine_of(cluster)


def last_of(engine: KubernetesEngine, *names: str) -> dict[str, JobStatus]:
    return {status.name: status for status in engine.watch(names)}


def test_jobs_run_and_their_ends_are_reported(engine: KubernetesEngine) -> None:
    good = make_job("6.1", "echo hello; echo world")
    bad = make_job("6.6", "echo broken; exit 5")
    assert engine.submit([good, bad]) == {good.name, bad.name}
    last = last_of(engine, good.name, bad.name)
    assert last[good.name].state == State.SUCCEEDED
    assert last[good.name].where.startswith("node-")
    assert (last[bad.name].state, last[bad.name].exit_code) == (State.FAILED, 5)
    assert last[bad.name].reason == "PodFailurePolicy"
    assert last[bad.name].kernel == "6.6"
    assert list(engine.logs(good.name, follow=True)) == ["hello", "world"]
    assert list(engine.logs(bad.name)) == ["broken"]


def test_two_clients_share_a_job(
    cluster: Cluster, engine: KubernetesEngine, tmp_path: Path
) -> None:
    job = make_job("6.1", f"echo x >> {tmp_path}/count; sleep 0.3")
    assert engine.submit([job]) == {job.name}
    other = engine_of(cluster)
    assert other.submit([job]) == frozenset()
    assert last_of(other, job.name)[job.name].state == State.SUCCEEDED
    assert (tmp_path / "count").read_text() == "x\n"
    assert other.submit([job]) == {job.name}, "one that has ended is replaced"
    assert last_of(other, job.name)[job.name].state == State.SUCCEEDED


def test_an_evicted_pod_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path / "cluster", nodes=[Node("node-1"), Node("node-2")]) as cluster:
        engine = engine_of(cluster)
        job = make_job("6.1", f"mkdir {tmp_path}/first || exit 0; sleep 300")
        engine.submit([job])
        seen = []
        for status in engine.watch([job.name]):
            seen.append(status)
            if status.state == State.RUNNING and status.attempts == 1:
                wait_for(lambda: (tmp_path / "first").exists())
                cluster.kubelet.lose(status.where)
        assert seen[-1].state == State.SUCCEEDED
        assert seen[-1].attempts == 2
        assert len({status.where for status in seen if status.where}) == 2


def test_cancel_ends_the_processes_before_it_returns(
    cluster: Cluster, engine: KubernetesEngine, tmp_path: Path
) -> None:
    job = make_job("6.1", f"sleep 300 & echo $! > {tmp_path}/pid; wait")
    never = make_job("6.6", "exit 0", arch="arm64")
    engine.submit([job])
    for status in engine.watch([job.name]):
        if status.state == State.RUNNING:
            break
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    pid = int((tmp_path / "pid").read_text())
    engine.cancel([job.name, never.name])
    assert cluster.jobs() == []
    assert not is_alive(pid)
    assert last_of(engine, job.name)[job.name].state == State.GONE


def test_a_job_that_no_node_can_run_waits(tmp_path: Path) -> None:
    with running(tmp_path / "cluster", nodes=[Node("node-1", arch="arm64")]) as cluster:
        engine = engine_of(cluster)
        job = make_job("6.1", "exit 0")
        engine.submit([job])
        (status,) = engine.watch(follow=False)
        assert status.state == State.QUEUED
        engine.cancel([job.name])
        assert list(engine.watch(follow=False)) == []


class Scripted(Faults):
    """These faults, one for each request, then none."""

    def __init__(self, *faults: Fault | None) -> None:
        super().__init__()
        self.left = list(faults)

    def of_request(self, method: str) -> Fault | None:
        return self.left.pop(0) if self.left else None


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault != Fault.FORBIDDEN])
def test_a_fault_of_the_server_costs_nothing(fault: Fault, tmp_path: Path) -> None:
    faults = Scripted(fault)
    with running(tmp_path / "cluster", faults=faults) as cluster:
        engine = engine_of(cluster)
        job = make_job("6.1", f"[ -e {tmp_path}/count ] || echo x >> {tmp_path}/count")
        new = engine.submit([job])
        if fault != Fault.RACE:  # whose Job may have ended by now
            assert new == {job.name}
        assert last_of(engine, job.name)[job.name].state == State.SUCCEEDED
        assert (tmp_path / "count").read_text() == "x\n"
        assert len(cluster.jobs()) == 1


def test_a_missing_right_is_reported_with_the_role(tmp_path: Path) -> None:
    with running(tmp_path / "cluster", faults=Scripted(Fault.FORBIDDEN)) as cluster:
        engine = engine_of(cluster)
        with pytest.raises(MachineError, match="does not allow") as caught:
            engine.submit([make_job("6.1", "exit 0")])
        assert "fleet manifest --cluster" in caught.value.hint


def test_a_watch_survives_410_and_lost_connections(tmp_path: Path) -> None:
    with running(tmp_path / "cluster", faults=Faults(seed=1, cuts=0.5), window=5) as cluster:
        engine = engine_of(cluster)
        jobs = [make_job(f"6.{number}", "sleep 1") for number in range(12)]
        engine.submit(jobs)
        last = last_of(engine, *(job.name for job in jobs))
        assert {status.state for status in last.values()} == {State.SUCCEEDED}
        assert cluster.faults.count
