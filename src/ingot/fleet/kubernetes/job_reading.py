"""Manifests of the API as statuses: a Job, and the last of its pods.

Every field may be missing: a server fills in its status over time. Source: Kubernetes API,
JobStatus v1 batch and PodStatus v1 core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingot.fleet.engine import JobStatus, State
from ingot.fleet.kubernetes.job_manifest import ARCH, CONTAINER, JOB_NAME, KERNEL

Manifest = Mapping[str, Any]


def name_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def job_of(pod: Manifest) -> str:
    """The name of the job that a pod belongs to; empty if it belongs to none."""
    return str(pod["metadata"].get("labels", {}).get(JOB_NAME, ""))


def newest_pod(pods: Sequence[Manifest]) -> Manifest | None:
    """The last pod of a job: two have never run at the same time."""
    created = "creationTimestamp"
    return max(pods, key=lambda pod: (pod["metadata"].get(created, ""), name_of(pod)), default=None)


def status_of(job: Manifest, pods: Sequence[Manifest]) -> JobStatus:
    """The status of a job with its pods, of which older ones may be gone."""
    metadata, pod = job["metadata"], newest_pod(pods)
    conditions = _conditions(job)
    complete, failed = conditions.get("Complete"), conditions.get("Failed")
    state, reason = _state(pod)
    exit_code = _exit_code(pod) if failed else None
    if metadata.get("deletionTimestamp"):
        state, reason, exit_code = State.GONE, "it was cancelled", None
    elif complete:
        state, reason = State.SUCCEEDED, ""
    elif failed:
        state, reason = State.FAILED, _failure(failed, pod)
    return JobStatus(
        name=name_of(job),
        state=state,
        kernel=metadata.get("annotations", {}).get(KERNEL, ""),
        arch=metadata.get("labels", {}).get(ARCH, ""),
        where=_field(pod, "spec", "nodeName"),
        reason=reason,
        exit_code=exit_code,
        attempts=max(1, len(pods), int(job.get("status", {}).get("failed", 0))),
    )


def _state(pod: Manifest | None) -> tuple[State, str]:
    """The state of a job that has not ended, by its pod, and why it waits if it does."""
    if pod is None:
        return State.QUEUED, ""
    container = _container(pod).get("state", {})
    if "running" in container or pod.get("status", {}).get("phase") == "Running":
        return State.RUNNING, ""
    if waiting := container.get("waiting"):
        words = (waiting.get("reason", ""), waiting.get("message", ""))
        return State.QUEUED, ": ".join(word for word in words if word)
    scheduled = _conditions(pod, "False").get("PodScheduled")
    return State.QUEUED, str(scheduled.get("message", "")) if scheduled else ""


def _failure(condition: Manifest, pod: Manifest | None) -> str:
    """Why a job failed, in the words that name the cause."""
    terminated = _terminated(pod)
    words = [
        condition.get("reason", ""),
        terminated.get("reason", ""),
        _field(pod, "status", "reason"),
    ]
    known = dict.fromkeys(word for word in words if word not in ("", "Error"))
    message = condition.get("message", "") if not terminated else ""
    return ", ".join([*known, *([message] if message else [])])


def _exit_code(pod: Manifest | None) -> int | None:
    """The exit code of the command; None if it was ended at a limit of time."""
    code = _terminated(pod).get("exitCode")
    if code is None or _field(pod, "status", "reason") == "DeadlineExceeded":
        return None
    return int(code)


def _terminated(pod: Manifest | None) -> Manifest:
    found: Manifest = _container(pod).get("state", {}).get("terminated") or {}
    return found


def _container(pod: Manifest | None) -> Manifest:
    """The status of the container that runs Ingot."""
    found = pod.get("status", {}).get("containerStatuses") or [] if pod else []
    return next((each for each in found if each.get("name") == CONTAINER), {})


def _conditions(manifest: Manifest, value: str = "True") -> dict[str, Manifest]:
    """The conditions that have this value, by their type."""
    found = manifest.get("status", {}).get("conditions") or []
    return {each["type"]: each for each in found if each.get("status") == value}


def _field(pod: Manifest | None, part: str, name: str) -> str:
    return str(pod.get(part, {}).get(name) or "") if pod else ""
