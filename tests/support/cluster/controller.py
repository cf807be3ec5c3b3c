"""What the job controller does with Jobs and pods.

Source: Kubernetes documentation, "Jobs", "Pod failure policy", "Automatic Cleanup for Finished
Jobs", "Use Cascading Deletion".
"""

from __future__ import annotations

import copy
import secrets
import threading
import time

from tests.support.cluster.objects import Object, Objects

_TICK_SECONDS = 0.05


class Controller:
    """Looks at every Job after each change, until `stop`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._over = threading.Event()
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with self._objects.lock:
            while not self._over.is_set():
                version = self._objects.version
                pods: dict[str, list[Object]] = {}
                for pod in self._objects.kinds["pods"].values():
                    pods.setdefault(_owner(pod), []).append(pod)
                for job in list(self._objects.kinds["jobs"].values()):
                    self._reconcile(job, pods.get(job["metadata"]["uid"], []))
                self._objects.wait_for_change(version, _TICK_SECONDS)

    def _reconcile(self, job: Object, pods: list[Object]) -> None:
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        if "deletionTimestamp" in job["metadata"]:
            self._delete(name, pods)
        elif uid in self._ended:
            if time.monotonic() - self._ended[uid] > job["spec"]["ttlSecondsAfterFinished"]:
                self.delete(name)
        else:
            self._advance(job, pods)

    def delete(self, name: str) -> None:
        """Begin a deletion in the foreground: the Job goes after its pods."""
        self._objects.change("jobs", name, self._mark_deleted)

    def _mark_deleted(self, manifest: Object) -> None:
        manifest["metadata"]["deletionTimestamp"] = self._objects.now()

    def _delete(self, name: str, pods: list[Object]) -> None:
        for pod in pods:
            has_process = pod["status"]["phase"] == "Running" or (
                pod["status"]["phase"] == "Pending" and "nodeName" in pod["spec"]
            )
            if not has_process:
                self._objects.remove("pods", pod["metadata"]["name"])
            elif "deletionTimestamp" not in pod["metadata"]:
                self._objects.change("pods", pod["metadata"]["name"], self._mark_deleted)
        if not pods:
            self._objects.remove("jobs", name)

    def _advance(self, job: Object, pods: list[Object]) -> None:
        uid, phases = job["metadata"]["uid"], [pod["status"].get("phase") for pod in pods]
        self._began.setdefault(uid, time.monotonic())
        if "Succeeded" in phases:
            self._end(job, "Complete", "CompletionsReached", "")
        elif time.monotonic() - self._began[uid] > job["spec"]["activeDeadlineSeconds"]:
            for pod in pods:
                self._objects.change("pods", pod["metadata"]["name"], self._mark_deleted)
            self._end(job, "Failed", "DeadlineExceeded", "Job was active longer than allowed")
        elif reason := next(filter(None, (_verdict(job, pod) for pod in pods)), ""):
            self._end(job, "Failed", reason, "")
        elif all(phase == "Failed" for phase in phases):
            self._add_pod(job)

    def _end(self, job: Object, type_: str, reason: str, message: str) -> None:
        condition = {"type": type_, "status": "True", "reason": reason, "message": message}
        count = "succeeded" if type_ == "Complete" else "failed"

        def act(manifest: Object) -> None:
            manifest["status"] = {"conditions": [condition], count: 1}

        self._ended[job["metadata"]["uid"]] = time.monotonic()
        self._objects.change("jobs", job["metadata"]["name"], act)

    def _add_pod(self, job: Object) -> None:
        template = copy.deepcopy(job["spec"]["template"])
        name = job["metadata"]["name"]
        metadata = template["metadata"] | {
            "name": f"{name}-{secrets.token_hex(3)}",
            "ownerReferences": [{"kind": "Job", "name": name, "uid": job["metadata"]["uid"]}],
        }
        metadata["labels"] = {**metadata["labels"], "batch.kubernetes.io/job-name": name}
        pod = {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}}
        self._objects.add("pods", pod)
        self._objects.change("jobs", name, lambda job: job["status"].update(active=1))


def _owner(pod: Object) -> str:
    return str(pod["metadata"]["ownerReferences"][0]["uid"])


def _verdict(job: Object, pod: Object) -> str:
    """Why a failed pod fails its Job, by the first rule that matches; empty if it does not."""
    if pod["status"].get("phase") != "Failed":
        return ""
    conditions = {(c["type"], c["status"]) for c in pod["status"].get("conditions", ())}
    code = pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        matched = any(
            (c["type"], c["status"]) in conditions for c in rule.get("onPodConditions", ())
        )
        if "onExitCodes" in rule:
            matched = code in rule["onExitCodes"]["values"]
        if matched:
            return {"Ignore": "", "FailJob": "PodFailurePolicy"}[rule["action"]]
    assert job["spec"]["backoffLimit"] == 0
    return "BackoffLimitExceeded"
