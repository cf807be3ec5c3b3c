"""Nodes that run the command of a pod as a process of this machine, and kill it when they must."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster.faults import Faults
from tests.support.cluster.objects import Object, Objects

_LOOK_SECONDS = 0.02
_IDLE_SECONDS = 0.2
_GRACE_SECONDS = 1.0
_DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


@dataclass(frozen=True, slots=True)
class Node:
    """A node with the arch `arch`, in Kubernetes' spelling, that runs `slots` pods at once."""

    name: str
    arch: str = "amd64"
    slots: int = 4


class Kubelet:
    """Runs the pods of all nodes: `program` is what the image of a pod would run its args with."""

    def __init__(
        self,
        objects: Objects,
        nodes: Sequence[Node],
        program: Sequence[str],
        logs: Path,
        faults: Faults,
    ) -> None:
        self._objects = objects
        self._program = list(program)
        self._logs = logs
        self._faults = faults
        self._over = threading.Event()
        self._lost: set[str] = set()
        self._threads = [
            threading.Thread(target=self._work, args=(node,), daemon=True)
            for node in nodes
            for _ in range(node.slots)
        ]
        for thread in self._threads:
            thread.start()

    def log_of(self, pod: str) -> Path:
        return self._logs / f"{pod}.log"

    def lose(self, node: str) -> None:
        """Take a node away: its processes are killed, and its pods count as disrupted."""
        self._lost.add(node)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, node: Node) -> None:
        while not self._over.is_set() and node.name not in self._lost:
            pod = self._take(node)
            if pod:
                self._run(node, pod)

    def _take(self, node: Node) -> Object | None:
        """A pending pod for this node, which is scheduled now."""
        with self._objects.lock:
            for name, pod in list(self._objects.kinds["pods"].items()):
                if pod["status"].get("phase") != "Pending" or pod["spec"].get("nodeName"):
                    continue
                if pod["spec"]["nodeSelector"]["kubernetes.io/arch"] == node.arch:
                    self._objects.change(
                        "pods", name, lambda p: p["spec"].update(nodeName=node.name)
                    )
                    return pod
            self._objects.wait_for_change(self._objects.version, _IDLE_SECONDS)
        return None

    def _run(self, node: Node, pod: Object) -> None:
        name = pod["metadata"]["name"]
        container = pod["spec"]["containers"][0]
        variables = {each["name"]: each["value"] for each in container["env"]}
        evicted_after = self._faults.eviction()
        with self.log_of(name).open("wb") as log:
            process = subprocess.Popen(
                [*self._program, *container["args"]],
                env={"PATH": os.environ["PATH"], **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._set(name, {"phase": "Running"}, {"running": {"startedAt": self._objects.now()}})
        began = time.monotonic()
        conditions, reason = [], ""
        while process.poll() is None:
            spent = time.monotonic() - began
            if self._over.is_set() or "deletionTimestamp" in pod["metadata"]:
                _end(process)
            elif node.name in self._lost or (evicted_after is not None and spent > evicted_after):
                conditions = [_DISRUPTED]
                _end(process)
            elif spent > pod["spec"]["activeDeadlineSeconds"]:
                reason = "DeadlineExceeded"
                _end(process)
            else:
                time.sleep(_LOOK_SECONDS)
        _kill_group(process)  # a container's processes end with its first one
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        status = {"phase": "Failed" if code or conditions or reason else "Succeeded"}
        self._set(
            name,
            {**status, **({"conditions": conditions} if conditions else {}), "reason": reason},
            {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}},
        )
        with self._objects.lock:
            if "deletionTimestamp" in pod["metadata"]:
                self._objects.remove("pods", name)

    def _set(self, name: str, status: Object, state: Object) -> None:
        def act(pod: Object) -> None:
            pod["status"].update(status, containerStatuses=[{"name": "ingot", "state": state}])

        with self._objects.lock:
            self._objects.change("pods", name, act)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
