"""A job as a manifest of `batch/v1`: the same job and settings give the same manifest.

Source: Kubernetes API 1.31 and newer, Job v1 batch and PodSpec v1 core; "Pod failure policy".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingot.arch import arch as known_arch
from ingot.fleet.failures import FINAL_EXIT_CODES
from ingot.fleet.fleet_settings import KubernetesTable, TolerationTable, bytes_of
from ingot.fleet.job import Job, Resources, SecretFile
from ingot.fleet.kubernetes.pod_security import container_security, pod_security

CONTAINER = "ingot"
KERNEL = "ingot.dev/kernel"
ARCH = "ingot.dev/arch"
RECIPE = "ingot.dev/recipe-key"
_CLIENT = "ingot.dev/client"
JOB_NAME = "batch.kubernetes.io/job-name"
"""The label with which the job controller marks a job's pods."""
MANAGED_BY = "app.kubernetes.io/managed-by"
SELECTOR = f"{MANAGED_BY}=ingot"
"""Selects all jobs and pods of Ingot in a namespace."""

_CACHE, _BUILD, _TMP, _SECRETS = "/cache", "/build", "/tmp", "/secrets"
_GRACE_SECONDS = 30


def client_of(manifest: Mapping[str, Any]) -> str:
    """The mark of the client that created a Job; empty if it has none."""
    return str(manifest["metadata"].get("annotations", {}).get(_CLIENT, ""))


def job_manifest(job: Job, table: KubernetesTable, client: str = "") -> dict[str, Any]:
    """The Job of a job; `client` is a mark by which a client recognizes what it has created."""
    labels = {MANAGED_BY: "ingot", "app.kubernetes.io/name": "ingot", ARCH: job.arch}
    annotations = {KERNEL: job.kernel, RECIPE: str(job.recipe_key)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job.name,
            "namespace": table.namespace,
            "labels": labels,
            "annotations": {**annotations, **({_CLIENT: client} if client else {})},
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            # one attempt; a pod that was evicted is replaced, and does not count as one
            "backoffLimit": 0,
            "podFailurePolicy": {"rules": _failure_rules()},
            # not before the old pod has ended: two would compile the same kernel
            "podReplacementPolicy": "Failed",
            # of the whole job, with its time in the queue; a pod has its own limit
            "activeDeadlineSeconds": table.wait_hours * 3600 + job.resources.seconds,
            "ttlSecondsAfterFinished": table.keep_minutes * 60,
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": _pod(job, table),
            },
        },
    }


def _failure_rules() -> list[dict[str, Any]]:
    """An eviction is ignored; the exit codes that any machine would give fail the job at once."""
    return [
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        },
        {
            "action": "FailJob",
            "onExitCodes": {
                "containerName": CONTAINER,
                "operator": "In",
                "values": list(FINAL_EXIT_CODES),
            },
        },
    ]


def _pod(job: Job, table: KubernetesTable) -> dict[str, Any]:
    optional = {
        "serviceAccountName": table.service_account,
        "priorityClassName": table.priority_class,
        "imagePullSecrets": [{"name": name} for name in table.image_pull_secrets],
        "tolerations": [_toleration(each) for each in table.tolerations],
    }
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": job.resources.seconds,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": known_arch(job.machine).oci,
            **table.node_labels,
        },
        **pod_security(table.sandbox),
        **{name: value for name, value in optional.items() if value},
        "containers": [_container(job, table)],
        "volumes": [*_volumes(job, table), *_secret_volumes(job.secrets)],
    }


def _container(job: Job, table: KubernetesTable) -> dict[str, Any]:
    # requests are the limits: a compile uses all that it may, for as long as it runs
    amounts = _amounts(job.resources)
    variables = {
        "HOME": f"{_CACHE}/home",
        **{secret.variable: _path_of(index, secret) for index, secret in enumerate(job.secrets)},
    }
    mounts = [("cache", _CACHE), ("build", _BUILD), ("tmp", _TMP)]
    secrets = [
        {"name": f"secret-{index}", "mountPath": f"{_SECRETS}/{index}", "readOnly": True}
        for index in range(len(job.secrets))
    ]
    return {
        "name": CONTAINER,
        "image": table.image,
        # below the volume, which may have files of its own, such as lost+found
        "args": [*job.argv, "--cache", f"{_CACHE}/ingot", "--build-dir", _BUILD],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": container_security(table.sandbox),
        "volumeMounts": [*({"name": n, "mountPath": p} for n, p in mounts), *secrets],
    }


def _volumes(job: Job, table: KubernetesTable) -> list[dict[str, Any]]:
    """The cache, the build directory and /tmp; what is in memory counts as the pod's memory."""
    disk = {"sizeLimit": str(job.resources.disk)}
    memory = bytes_of(table.build_memory)
    claim = {"persistentVolumeClaim": {"claimName": table.cache_claim}}
    build = {"medium": "Memory", "sizeLimit": str(memory)} if memory else disk
    return [
        {"name": "cache", **(claim if table.cache_claim else {"emptyDir": disk})},
        {"name": "build", "emptyDir": build},
        {"name": "tmp", "emptyDir": disk},
    ]


def _secret_volumes(secrets: Sequence[SecretFile]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"secret-{index}",
            "secret": {
                "secretName": secret.name,
                "items": [{"key": secret.key, "path": _file_of(secret)}],
            },
        }
        for index, secret in enumerate(secrets)
    ]


def _path_of(index: int, secret: SecretFile) -> str:
    return f"{_SECRETS}/{index}/{_file_of(secret)}"


def _file_of(secret: SecretFile) -> str:
    """The name of a secret's file: without the leading dot of `.dockerconfigjson`."""
    return secret.key.lstrip(".") or "value"


def _amounts(resources: Resources) -> dict[str, str]:
    return {
        "cpu": str(resources.cpus),
        "memory": str(resources.memory),
        "ephemeral-storage": str(resources.disk),
    }


def _toleration(table: TolerationTable) -> dict[str, str]:
    fields = {
        "key": table.key,
        "operator": table.operator,
        "value": table.value,
        "effect": table.effect,
    }
    return {name: value for name, value in fields.items() if value}
