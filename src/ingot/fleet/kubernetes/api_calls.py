"""Requests to the API server, through the official client, retried where that can help.

What may pass is retried until `_PATIENCE_SECONDS` are over: a lost connection, a server error, 429,
for which the server may say how long to wait (Retry-After). 401 is tried once more with credentials
that are read again, since a token may have run out. Everything else is an answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from ingot.errors import MachineError, UserError
from ingot.fleet.kubernetes.job_manifest import CONTAINER, JOB_NAME, SELECTOR

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, V1DeleteOptions, V1Job
    from urllib3 import BaseHTTPResponse

_PATIENCE_SECONDS = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 60.0
_WATCH_SECONDS = 240
_LOG_SECONDS = 3600.0
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, GONE = 400, 401, 403, 404, 409, 410
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})

Manifest = Mapping[str, Any]
Kind = Literal["jobs", "pods"]


class ApiRefusalError(Exception):
    """An answer of the API server with a status that no repetition changes."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class ApiCalls:
    """The requests that the engine makes, in one namespace.

    `connect` makes a client with the user's credentials; it is called again when they have run out.
    `pause` waits; tests replace it.
    """

    def __init__(
        self,
        connect: Callable[[], ApiClient],
        namespace: str,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._connect = connect
        self._namespace = namespace
        self._pause = pause
        self._client = connect()

    def rest(self) -> None:
        """Wait a moment, before something that may have failed is asked for again."""
        self._pause(_FIRST_PAUSE)

    def create_job(self, manifest: Manifest) -> bool:
        """Create a Job; False if one of this name exists."""
        from kubernetes.client import BatchV1Api

        try:
            self._ask(
                lambda client, how: BatchV1Api(client).create_namespaced_job(
                    self._namespace, cast("V1Job", manifest), **how
                )
            )
        except ApiRefusalError as refusal:
            if refusal.status == _CONFLICT:
                return False
            raise self._error(refusal, f"the job {manifest['metadata']['name']}") from None
        return True

    def find_job(self, name: str) -> Manifest | None:
        """A Job; None if there is none of this name."""
        from kubernetes.client import BatchV1Api

        try:
            answer = self._ask(
                lambda client, how: BatchV1Api(client).read_namespaced_job(
                    name, self._namespace, **how
                )
            )
        except ApiRefusalError as refusal:
            if refusal.status == _NOT_FOUND:
                return None
            raise self._error(refusal, f"the job {name}") from None
        return _document(answer)

    def list(self, kind: Kind) -> Manifest:
        """All objects of Ingot of a kind, with their resource version."""
        try:
            return _document(self._ask(lambda client, how: self._list(client, kind, **how)))
        except ApiRefusalError as refusal:
            raise self._error(refusal, f"the list of {kind}") from None

    def pods_of(self, job: str) -> Sequence[Manifest]:
        """The pods of one Job."""
        from kubernetes.client import CoreV1Api

        try:
            answer = self._ask(
                lambda client, how: CoreV1Api(client).list_namespaced_pod(
                    self._namespace, label_selector=f"{JOB_NAME}={job}", **how
                )
            )
        except ApiRefusalError as refusal:
            raise self._error(refusal, f"the pods of {job}") from None
        return tuple(_document(answer).get("items") or ())

    def watch(self, kind: Kind, version: str) -> Iterator[Manifest]:
        """The events of a kind since a resource version, until the server ends the answer.

        ApiRefusalError (410) if the version is too old. A lost connection ends the events, too.
        """
        from urllib3.exceptions import HTTPError

        query = {
            "watch": True,
            "allow_watch_bookmarks": True,
            "resource_version": version,
            "timeout_seconds": _WATCH_SECONDS,
        }
        try:
            answer = self._ask(
                lambda client, how: self._list(client, kind, **query, **how),
                seconds=_WATCH_SECONDS + _ANSWER_SECONDS,
            )
            yield from (json.loads(line) for line in lines_of(answer))
        except ApiRefusalError as refusal:
            if refusal.status == GONE:
                raise
            raise self._error(refusal, f"the watch of {kind}") from None
        except (HTTPError, OSError, ValueError):
            return  # cut, perhaps in the middle of a line

    def delete_job(self, name: str, uid: str) -> None:
        """Delete exactly this Job, and its pods before it; nothing if it is gone or another one."""
        from kubernetes.client import BatchV1Api

        body = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            self._ask(
                lambda client, how: BatchV1Api(client).delete_namespaced_job(
                    name, self._namespace, body=cast("V1DeleteOptions", body), **how
                )
            )
        except ApiRefusalError as refusal:
            if refusal.status not in (_NOT_FOUND, _CONFLICT):
                raise self._error(refusal, f"the end of {name}") from None

    def log(self, pod: str, *, follow: bool) -> Iterator[str]:
        """The lines of a pod's log; with `follow` until it ends or the connection is lost.

        Nothing if there is no log yet, or no pod.
        """
        from kubernetes.client import CoreV1Api
        from urllib3.exceptions import HTTPError

        try:
            answer = self._ask(
                lambda client, how: CoreV1Api(client).read_namespaced_pod_log(
                    pod, self._namespace, container=CONTAINER, follow=follow, **how
                ),
                seconds=_LOG_SECONDS,
            )
            yield from (line.decode("utf-8", "replace") for line in lines_of(answer))
        except ApiRefusalError as refusal:
            if refusal.status not in (_BAD_REQUEST, _NOT_FOUND):
                raise self._error(refusal, f"the log of {pod}") from None
        except (HTTPError, OSError):
            return

    def _list(self, client: ApiClient, kind: Kind, **how: Any) -> Any:
        from kubernetes.client import BatchV1Api, CoreV1Api

        if kind == "jobs":
            return BatchV1Api(client).list_namespaced_job(
                self._namespace, label_selector=SELECTOR, **how
            )
        return CoreV1Api(client).list_namespaced_pod(
            self._namespace, label_selector=SELECTOR, **how
        )

    def _ask(
        self, request: Callable[..., Any], seconds: float = _ANSWER_SECONDS
    ) -> BaseHTTPResponse:
        """The answer to a request; ApiRefusalError or MachineError, see the module's docstring.

        `request` gets the client and the options of every call.
        """
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        how = {"_preload_content": False, "_request_timeout": (_CONNECT_SECONDS, seconds)}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        wait, renewed = _FIRST_PAUSE, False
        while True:
            try:
                answer: BaseHTTPResponse = request(self._client, how)
                return answer
            except ApiException as error:
                status, text = error.status or 0, _message(error)
                retry_after = (error.headers or {}).get("Retry-After", "")
            except (HTTPError, OSError) as error:
                status, text, retry_after = 0, str(error), ""
            if status == _UNAUTHORIZED and not renewed:
                renewed = True
                self._client = self._connect()
                continue
            if status and status not in _AGAIN:
                raise ApiRefusalError(status, text)
            asked = float(retry_after) if retry_after.isdigit() else 0.0
            if time.monotonic() + max(wait, asked) > deadline:
                raise MachineError(
                    "the Kubernetes API server cannot be used",
                    why=f"for {_PATIENCE_SECONDS:.0f} seconds it gave no answer but: {text}",
                    hint="run the same command again: the jobs go on, and it follows them",
                )
            self._pause(max(wait, asked))
            wait = min(2 * wait, _LONGEST_PAUSE)

    def _error(self, refusal: ApiRefusalError, what: str) -> MachineError | UserError:
        if refusal.status in (_UNAUTHORIZED, _FORBIDDEN):
            return MachineError(
                f"Kubernetes does not allow this user to use {what}",
                why=str(refusal),
                hint="`ingot fleet manifest --cluster` prints the role that a client needs; the"
                " credentials are those of kubectl",
            )
        return UserError(
            f"Kubernetes refused {what} ({refusal.status})",
            why=str(refusal),
            hint="change [kubernetes] in fleet.toml",
        )


def lines_of(answer: BaseHTTPResponse) -> Iterator[bytes]:
    """The lines of an answer as they arrive; what was cut in the middle is left out."""
    rest = b""
    try:
        for chunk in answer.stream(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
    finally:
        answer.close()


def _document(answer: BaseHTTPResponse) -> Manifest:
    found: Manifest = json.loads(answer.data)
    return found


def _message(error: Exception) -> str:
    """The message in the body of a Status of the API, or the client's own."""
    try:
        return str(json.loads(getattr(error, "body", None) or "")["message"])
    except (ValueError, KeyError, TypeError):
        return str(getattr(error, "reason", None) or error)
