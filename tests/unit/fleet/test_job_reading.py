"""Manifests of the API as statuses: every cause of a wait and of a failure is named."""

from __future__ import annotations

from typing import Any

from ingot.fleet.engine import State
from ingot.fleet.fleet_settings import KubernetesTable
from ingot.fleet.kubernetes.job_manifest import job_manifest
from ingot.fleet.kubernetes.job_reading import status_of
from tests.support.fleets import make_job

JOB = make_job("6.1.176-minimal", arch="arm64")


def job(*conditions: tuple[str, str], **metadata: str) -> dict[str, Any]:
    manifest = job_manifest(JOB, KubernetesTable(image="i"))
    manifest["metadata"] |= metadata
    listed = [{"type": type_, "status": "True", "reason": reason} for type_, reason in conditions]
    return {**manifest, "status": {"conditions": listed} if listed else {}}


def pod(name: str = "a", time: str = "1", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": time},
        "spec": {"nodeName": f"node-{name}"},
        "status": status,
    }


def container(**state: Any) -> list[dict[str, Any]]:
    return [{"name": "ingot", "state": state}]


FAILED = ("Failed", "BackoffLimitExceeded")


def test_a_job_without_a_pod_is_queued_and_known_by_its_kernel() -> None:
    status = status_of(job(), ())
    assert (status.state, status.kernel, status.arch) == (State.QUEUED, JOB.kernel, "arm64")


def test_a_pod_that_no_node_takes_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes: no cpu"}
    status = status_of(job(), [pod(phase="Pending", conditions=[condition])])
    assert (status.state, status.reason) == (State.QUEUED, "0/3 nodes: no cpu")


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "r.example/ingot:1"}
    status = status_of(job(), [pod(phase="Pending", containerStatuses=container(waiting=waiting))])
    assert (status.state, status.reason) == (State.QUEUED, "ImagePullBackOff: r.example/ingot:1")


def test_a_running_pod_says_where() -> None:
    status = status_of(job(), [pod(phase="Running", containerStatuses=container(running={}))])
    assert (status.state, status.where) == (State.RUNNING, "node-a")


def test_the_newest_pod_counts() -> None:
    old = pod("old", "1", phase="Failed", containerStatuses=container(terminated={"exitCode": 143}))
    status = status_of(job(), [pod("new", "2", phase="Running"), old])
    assert (status.state, status.where, status.attempts) == (State.RUNNING, "node-new", 2)


def test_a_failure_has_its_exit_code() -> None:
    terminated = {"exitCode": 5, "reason": "Error"}
    failed = job(("Failed", "PodFailurePolicy"))
    status = status_of(failed, [pod(containerStatuses=container(terminated=terminated))])
    assert (status.state, status.exit_code, status.reason) == (State.FAILED, 5, "PodFailurePolicy")


def test_a_pod_out_of_memory_says_so() -> None:
    terminated = {"exitCode": 137, "reason": "OOMKilled"}
    status = status_of(job(FAILED), [pod(containerStatuses=container(terminated=terminated))])
    assert status.exit_code == 137
    assert "OOMKilled" in status.reason


def test_a_time_limit_is_no_exit_code() -> None:
    terminated = {"exitCode": 137, "reason": "Error"}
    ended = pod(reason="DeadlineExceeded", containerStatuses=container(terminated=terminated))
    status = status_of(job(FAILED), [ended])
    assert status.exit_code is None
    assert "DeadlineExceeded" in status.reason


def test_a_failure_whose_pod_is_gone_is_still_one() -> None:
    status = status_of(job(FAILED), ())
    assert (status.state, status.exit_code) == (State.FAILED, None)


def test_a_success_and_a_deletion() -> None:
    assert status_of(job(("Complete", "")), ()).state == State.SUCCEEDED
    deleted = job(("Complete", ""), deletionTimestamp="now")
    assert status_of(deleted, ()).state == State.GONE
