"""What a job's pod is allowed, so that Ingot can make its sandbox in it with bubblewrap.

`user-namespaces` (Kubernetes 1.33 or newer): the pod has its own user namespace, so its user IDs
are not those of the machine. The user is not root and has no capability. seccomp and AppArmor are
off, since their default profiles forbid what bubblewrap needs: to make namespaces and to mount;
`procMount` lets it mount /proc for them, which Kubernetes allows in a user namespace only. Inside,
bubblewrap's own filter of system calls applies to the compile.

`privileged` (any version): root with every capability, as in a CI container. The compile itself
is still in bubblewrap's sandbox without them, but Ingot itself is root on the machine.

Sources: Kubernetes documentation, "User Namespaces", "Configure a Security Context for a Pod or
Container", "Pod Security Standards"; bubblewrap needs an unconfined seccomp profile in a pod.
"""

from __future__ import annotations

from typing import Any

USER_ID = 1000

_POD: dict[str, dict[str, Any]] = {
    "user-namespaces": {
        "hostUsers": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "Unconfined"},
            "appArmorProfile": {"type": "Unconfined"},
        },
    },
    "privileged": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
}
_CONTAINER: dict[str, dict[str, Any]] = {
    "user-namespaces": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "procMount": "Unmasked",
    },
    "privileged": {"privileged": True},
}


def pod_security(sandbox: str) -> dict[str, Any]:
    """The fields of a pod's spec for this setting."""
    return dict(_POD[sandbox])


def container_security(sandbox: str) -> dict[str, Any]:
    """The security context of a pod's container for this setting."""
    return dict(_CONTAINER[sandbox])
