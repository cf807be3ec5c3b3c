"""The engine `kubernetes`: one Job for each recipe, found again by its name and labels.

Two watches, of Jobs and of pods, are all that a client keeps open, whatever the number of jobs. No
time of the server is compared with one of this machine.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ingot.errors import MachineError, UserError
from ingot.fleet.engine import Engine, JobStatus, State
from ingot.fleet.fleet_settings import FleetSettings, KubernetesTable
from ingot.fleet.job import Job
from ingot.fleet.kubernetes.api_calls import ApiCalls, Kind, Manifest
from ingot.fleet.kubernetes.job_manifest import client_of, job_manifest
from ingot.fleet.kubernetes.job_reading import job_of, name_of, newest_pod, status_of
from ingot.fleet.kubernetes.resource_watch import Changed, Listed, changes

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

_LOOK_SECONDS = 0.5
_GONE_SECONDS = 120.0
"""How long a deleted Job may take to disappear: its pod gets 30 seconds to end."""


def open_kubernetes(settings: FleetSettings) -> Engine:
    """The engine with the user's credentials, those of kubectl; errors as in `connection`."""
    table = settings.table.kubernetes
    require_image(table)
    return KubernetesEngine(ApiCalls(lambda: connection(table.context), table.namespace), table)


def require_image(table: KubernetesTable) -> None:
    """UserError if the settings do not name the image of the jobs."""
    if not table.image:
        raise UserError(
            "the engine kubernetes needs the image that the jobs run",
            hint="set kubernetes.image in fleet.toml to the image of this release of Ingot",
        )


def connection(context: str, kubeconfig: Path | None = None) -> ApiClient:
    """A client with the credentials of a context of the kubeconfig, or of the pod it runs in.

    `kubeconfig` is that of kubectl by default: the files of KUBECONFIG, or ~/.kube/config.
    MachineError if the client library is not installed, UserError without a usable configuration.
    """
    try:
        from kubernetes import client, config
    except ImportError:
        raise MachineError(
            "the Python package kubernetes is not installed",
            hint="install Ingot with it: pip install 'ingot[kubernetes]'",
        ) from None
    settings = client.Configuration()
    try:
        _load(config, context, settings, kubeconfig)
    except (config.ConfigException, OSError) as error:
        raise UserError(
            "there is no usable configuration of Kubernetes",
            why=str(error),
            hint="set KUBECONFIG, or kubernetes.context in fleet.toml, so that `kubectl get jobs`"
            " works",
        ) from None
    settings.retries = False  # ApiCalls retries, and says why
    return client.ApiClient(settings)


def _load(config: Any, context: str, settings: Configuration, kubeconfig: Path | None) -> None:
    """Read the kubeconfig; in a pod without one, the pod's own credentials."""
    try:
        config.load_kube_config(
            config_file=kubeconfig and str(kubeconfig),
            context=context or None,
            client_configuration=settings,
        )
    except config.ConfigException:
        if context or kubeconfig:
            raise
        config.load_incluster_config(client_configuration=settings)


class KubernetesEngine:
    """Jobs of `batch/v1` in one namespace."""

    def __init__(
        self, calls: ApiCalls, table: KubernetesTable, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._calls = calls
        self._table = table
        self._pause = pause
        self._client = secrets.token_hex(8)
        self._submissions = itertools.count()

    @property
    def name(self) -> str:
        return f"kubernetes (namespace {self._table.namespace})"

    def submit(self, jobs: Sequence[Job]) -> frozenset[str]:
        new: set[str] = set()
        try:
            for job in jobs:
                if self._submit(job):
                    new.add(job.name)
        except Exception:
            raise
        except BaseException:  # an interruption: the caller does not know what was created
            present = [each for job in jobs if (each := self._calls.find_job(job.name))]
            self._delete([each for each in present if client_of(each).startswith(self._client)])
            raise
        return frozenset(new)

    def _submit(self, job: Job) -> bool:
        """Create a Job; one that has ended is replaced, one that has not is left alone.

        If the answer to the first attempt was lost, the Job is there with the mark of this call; it
        may have ended already.
        """
        mark = f"{self._client}-{next(self._submissions)}"
        manifest = job_manifest(job, self._table, mark)
        while not self._calls.create_job(manifest):
            present = self._calls.find_job(job.name)
            if present is None:
                continue  # it disappeared between the two answers
            if client_of(present) == mark:
                return True
            is_ending = bool(present["metadata"].get("deletionTimestamp"))
            if not is_ending and not status_of(present, ()).state.is_final:
                return False
            self._delete([present])
        return True

    def watch(
        self, names: Collection[str] | None = None, *, follow: bool = True
    ) -> Iterator[JobStatus]:
        if not follow:
            yield from self._present(names)
            return
        view = _View(None if names is None else frozenset(names))
        with _Watches(self._calls) as watches:
            for kind, change in watches.changes():
                for status in view.take(kind, change):
                    yield self._settled(status)
                if view.is_over:
                    return

    def logs(self, name: str, *, follow: bool = False) -> Iterator[str]:
        pod, done = "", 0
        while True:
            status, newest = self._look(name)
            if newest and newest != pod:
                pod, done = newest, 0  # another attempt: its log begins anew
            for number, line in enumerate(self._calls.log(pod, follow=follow) if pod else ()):
                if number >= done:
                    done = number + 1
                    yield line
            if not follow or status.state.is_final:
                return
            self._pause(_LOOK_SECONDS)

    def cancel(self, names: Collection[str]) -> None:
        present = [job for name in names if (job := self._calls.find_job(name))]
        self._delete(
            [
                job
                for job in present
                if not status_of(job, ()).state.is_final or job["metadata"].get("deletionTimestamp")
            ]
        )

    def _delete(self, jobs: Sequence[Manifest]) -> None:
        """Delete Jobs and wait until they and their pods are gone."""
        for job in jobs:
            self._calls.delete_job(name_of(job), job["metadata"]["uid"])
        deadline = time.monotonic() + _GONE_SECONDS
        for job in jobs:
            uid = job["metadata"]["uid"]
            while (now := self._calls.find_job(name_of(job))) and now["metadata"]["uid"] == uid:
                if time.monotonic() > deadline:
                    raise MachineError(
                        f"{name_of(job)} was deleted, but does not disappear",
                        why="its pod does not end, or its machine does not answer",
                        hint=f"look at it: kubectl -n {self._table.namespace} describe job"
                        f" {name_of(job)}",
                    )
                self._pause(_LOOK_SECONDS)

    def _present(self, names: Collection[str] | None) -> list[JobStatus]:
        view = _View(None if names is None else frozenset(names))
        pods = Listed(tuple(self._calls.list("pods").get("items") or ()))
        jobs = Listed(tuple(self._calls.list("jobs").get("items") or ()))
        return [*view.take("pods", pods), *view.take("jobs", jobs)]

    def _settled(self, status: JobStatus) -> JobStatus:
        """The status of a job that failed, with what its pod says.

        The watch of pods may be behind that of Jobs.
        """
        if status.state != State.FAILED or status.exit_code is not None:
            return status
        now, _ = self._look(status.name)
        return now if now.state == State.FAILED else status

    def _look(self, name: str) -> tuple[JobStatus, str]:
        """The status of a job, and the name of its last pod; empty if it has none."""
        job = self._calls.find_job(name)
        if job is None:
            return JobStatus(name, State.GONE), ""
        pods = self._calls.pods_of(name)
        newest = newest_pod(pods)
        return status_of(job, pods), name_of(newest) if newest else ""


@dataclass(slots=True)
class _View:
    """The Jobs and pods that the API reported, and the statuses that were reported of them."""

    names: frozenset[str] | None
    jobs: dict[str, Manifest] = field(default_factory=dict)
    pods: dict[str, dict[str, Manifest]] = field(default_factory=dict)
    reported: dict[str, JobStatus] = field(default_factory=dict)
    listed: set[Kind] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Whether every named job has ended; never without names."""
        if self.names is None or len(self.listed) < 2:
            return False
        return all(
            name in self.reported and self.reported[name].state.is_final for name in self.names
        )

    def take(self, kind: Kind, change: Listed | Changed) -> Iterator[JobStatus]:
        """Note a change; yields the statuses that are new because of it."""
        touched = self._note(kind, change)
        if isinstance(change, Listed):
            self.listed.add(kind)
            touched = {*self.jobs, *self.reported, *(self.names or ())}
        if len(self.listed) < 2:
            return  # a status needs both kinds
        for name in sorted(touched):
            if self.names is not None and name not in self.names:
                continue
            status = self._status(name)
            if self.reported.get(name) != status:
                self.reported[name] = status
                yield status

    def _note(self, kind: Kind, change: Listed | Changed) -> set[str]:
        if isinstance(change, Listed):
            if kind == "jobs":
                self.jobs = {name_of(job): job for job in change.objects}
            else:
                self.pods = {}
                for pod in change.objects:
                    self.pods.setdefault(job_of(pod), {})[name_of(pod)] = pod
            return set()
        name = name_of(change.object) if kind == "jobs" else job_of(change.object)
        store = self.jobs if kind == "jobs" else self.pods.setdefault(name, {})
        if change.is_deleted:
            store.pop(name_of(change.object), None)
        else:
            store[name_of(change.object)] = change.object
        return {name}

    def _status(self, name: str) -> JobStatus:
        job = self.jobs.get(name)
        if job is None:
            return JobStatus(name, State.GONE)
        return status_of(job, list(self.pods.get(name, {}).values()))


class _Watches:
    """The changes of both kinds, read in two threads, which end with the server's next answer."""

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls
        self._queue: SimpleQueue[tuple[Kind, Listed | Changed] | BaseException] = SimpleQueue()
        self._over = threading.Event()

    def __enter__(self) -> _Watches:
        kinds: tuple[Kind, Kind] = ("jobs", "pods")
        for kind in kinds:
            threading.Thread(target=self._read, args=(kind,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def changes(self) -> Iterator[tuple[Kind, Listed | Changed]]:
        while True:
            item = self._queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self, kind: Kind) -> None:
        try:
            for change in changes(self._calls, kind):
                if self._over.is_set():
                    return
                self._queue.put((kind, change))
        except BaseException as error:
            self._queue.put(error)
