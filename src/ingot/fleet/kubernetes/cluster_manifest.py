"""What a cluster needs once: a namespace, a client that may use it, and pods that reach no one.

The rights are those that the engine uses, and no others: the client cannot read Secrets, and a
job's pod has no token of the API at all.
"""

from __future__ import annotations

from typing import Any

from ingot.fleet.fleet_settings import KubernetesTable
from ingot.fleet.kubernetes.job_manifest import MANAGED_BY

_CLIENT = "ingot-client"
_LEVELS = {"user-namespaces": "privileged", "privileged": "privileged"}
"""The Pod Security Standard that admits the pods: both need an unconfined seccomp profile."""

_RULES = (
    ("batch", ["jobs"], ["create", "get", "list", "watch", "delete"]),
    ("", ["pods"], ["get", "list", "watch"]),
    ("", ["pods/log"], ["get"]),
)


def cluster_manifests(table: KubernetesTable) -> list[dict[str, Any]]:
    """Namespace, service account, role and binding of the client, and a network policy."""
    namespace = table.namespace
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": namespace,
                "labels": {"pod-security.kubernetes.io/enforce": _LEVELS[table.sandbox]},
            },
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(namespace)},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": _metadata(namespace),
            "rules": [
                {"apiGroups": [group], "resources": resources, "verbs": verbs}
                for group, resources, verbs in _RULES
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": _metadata(namespace),
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": _CLIENT,
            },
            "subjects": [{"kind": "ServiceAccount", "name": _CLIENT, "namespace": namespace}],
        },
        _network_policy(namespace),
    ]


def _network_policy(namespace: str) -> dict[str, Any]:
    """No one connects to a job's pod; it may connect to registries and mirrors."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "ingot-jobs", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {MANAGED_BY: "ingot"}},
            "policyTypes": ["Ingress"],
            "ingress": [],
        },
    }


def _metadata(namespace: str) -> dict[str, Any]:
    return {"name": _CLIENT, "namespace": namespace}
