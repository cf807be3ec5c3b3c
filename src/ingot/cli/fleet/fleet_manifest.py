"""`ingot fleet manifest`: the manifests of a build's jobs, for GitOps."""

from __future__ import annotations


def manifest() -> None:
    """Print the Kubernetes manifests of the jobs that a build would submit."""
    raise NotImplementedError
