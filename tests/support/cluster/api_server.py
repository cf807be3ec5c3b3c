"""The HTTP side of the cluster: what the engine and kubectl ask of an API server."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.cluster.controller import Controller
from tests.support.cluster.faults import Fault, Faults
from tests.support.cluster.kubelet import Kubelet, Node
from tests.support.cluster.objects import Object, Objects

NAMESPACE = "ingot"
_PATH = re.compile(
    rf"/(?:apis/batch/v1|api/v1)/namespaces/{NAMESPACE}/(jobs|pods)(?:/([^/]+))?(/log)?"
)
_BOOKMARK_SECONDS = 0.5


class Cluster:
    """A cluster that runs: `url` of its API server, and a kubeconfig for it at `kubeconfig`."""

    def __init__(
        self,
        directory: Path,
        nodes: Sequence[Node],
        program: Sequence[str],
        faults: Faults,
        *,
        skew: timedelta = timedelta(),
        window: int = 1000,
    ) -> None:
        self.directory = directory
        self.faults = faults
        self.objects = Objects(skew, window)
        self.controller = Controller(self.objects)
        (directory / "logs").mkdir(parents=True)
        self.kubelet = Kubelet(self.objects, nodes, program, directory / "logs", faults)
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.over = threading.Event()
        self.renew_token()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    def renew_token(self) -> None:
        """Accept only a new token from now on, and put it into the kubeconfig."""
        self.token = secrets.token_hex(8)
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        staged = self.kubeconfig.with_suffix(f".{self.token}")
        staged.write_text(json.dumps(document))
        staged.rename(self.kubeconfig)

    def jobs(self) -> list[Object]:
        with self.objects.lock:
            return copy.deepcopy(list(self.objects.kinds["jobs"].values()))

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self.controller.stop()
        self.kubelet.stop()


@contextlib.contextmanager
def running(
    directory: Path,
    program: Sequence[str] = ("sh", "-c"),
    nodes: Sequence[Node] = (Node("node-1"), Node("node-2")),
    faults: Faults | None = None,
    **options: Any,
) -> Iterator[Cluster]:
    """A cluster below `directory`, stopped at the end with all its processes."""
    cluster = Cluster(directory, nodes, program, faults or Faults(), **options)
    try:
        yield cluster
    finally:
        cluster.stop()


def _handler_of(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.cluster = cluster
    return Handler


class _Handler(BaseHTTPRequestHandler):
    """One request. Every answer ends the connection, so that a cut one is only that."""

    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.close_connection = True
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        self.cluster.requests.append(f"{self.command} {self.path}")
        fault = self.cluster.faults.of_request(self.command)
        with contextlib.suppress(ConnectionError):
            if not self._refused(fault, body):
                self._answer(body, cut=fault == Fault.CUT_AFTER)

    def _refused(self, fault: Fault | None, body: Object) -> bool:
        """Whether a fault or the credentials have ended the request already."""
        if fault == Fault.EXPIRED:
            self.cluster.renew_token()
        if self.headers.get("Authorization") != f"Bearer {self.cluster.token}":
            self._fail(401, "Unauthorized")
        elif fault == Fault.CUT_BEFORE:
            self._cut()
        elif fault == Fault.TOO_MANY:
            self._fail(429, "too many requests, please try again later", {"Retry-After": "1"})
        elif fault == Fault.ERROR:
            self._fail(500, "etcdserver: leader changed")
        elif fault == Fault.UNAVAILABLE:
            self._fail(503, "the server is currently unable to handle the request")
        elif fault == Fault.FORBIDDEN:
            self._fail(403, 'jobs.batch is forbidden: User "test" cannot do that')
        else:
            if fault == Fault.RACE:
                other = copy.deepcopy(body)
                other["metadata"]["annotations"]["ingot.dev/client"] = "another"
                self._create(other)
            return False
        return True

    def _answer(self, body: Object, *, cut: bool) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match = _PATH.fullmatch(url.path)
        if not match:
            self._fail(404, f"the server could not find {url.path}")
            return
        kind, name, log = match.groups()
        if log:
            self._log(name, follow=query.get("follow") == "true")
        elif query.get("watch"):
            self._watch(kind, int(query["resourceVersion"]), float(query["timeoutSeconds"]))
        else:
            label, _, value = query.get("labelSelector", "").partition("=")
            status, document = self._act(kind, name, body, (label, value))
            if cut:
                self._cut()
            else:
                self._send(status, document)

    def _act(
        self, kind: str, name: str | None, body: Object, selector: tuple[str, str]
    ) -> tuple[int, Object]:
        objects = self.cluster.objects
        with objects.lock:
            if self.command == "POST":
                return self._create(body)
            if name is None:
                return 200, objects.listed(kind, *selector)
            found = objects.kinds[kind].get(name)
            if found is None:
                return 404, _status(404, f'{kind} "{name}" not found')
            if self.command == "DELETE":
                wanted = body.get("preconditions", {}).get("uid")
                if wanted and wanted != found["metadata"]["uid"]:
                    return 409, _status(409, "Precondition failed: UID in precondition")
                assert body["propagationPolicy"] == "Foreground"
                self.cluster.controller.delete(name)
            return 200, copy.deepcopy(found)

    def _create(self, body: Object) -> tuple[int, Object]:
        objects, name = self.cluster.objects, body["metadata"]["name"]
        with objects.lock:
            if name in objects.kinds["jobs"]:
                return 409, _status(409, f'jobs.batch "{name}" already exists')
            return 201, copy.deepcopy(objects.add("jobs", body))

    def _watch(self, kind: str, version: int, seconds: float) -> None:
        """Events as they come, with bookmarks between them; ERROR 410 if some were forgotten."""
        objects, deadline = self.cluster.objects, time.monotonic() + min(seconds, 30)
        self._begin("application/json")
        while time.monotonic() < deadline and not self.cluster.over.is_set():
            with objects.lock:
                found = objects.since(kind, version)
                if found == []:
                    objects.wait_for_change(objects.version, _BOOKMARK_SECONDS)
                    found = objects.since(kind, version)
                latest = objects.version
            how = self.cluster.faults.cut_of_watch() if found else ""
            if how == "cut":
                self._chunk(b'{"type":"MODI')
                self._cut()
                return
            if found is None or how == "410":
                self._event("ERROR", _status(410, "too old resource version"))
                break
            for event in found:
                self._event(event.type, event.object)
                version = event.version
            if not found and latest > version:
                version = latest
                self._event(
                    "BOOKMARK",
                    {"kind": kind, "metadata": {"resourceVersion": str(version)}},
                )
        self._chunk(b"")

    def _log(self, pod: str, *, follow: bool) -> None:
        objects, path = self.cluster.objects, self.cluster.kubelet.log_of(pod)
        with objects.lock:
            found = objects.kinds["pods"].get(pod)
        if found is None:
            self._fail(404, f'pods "{pod}" not found')
            return
        if not path.exists():
            self._fail(400, 'container "ingot" in pod is waiting to start: ContainerCreating')
            return
        self._begin("text/plain")
        with path.open("rb") as file:
            while True:
                ended = found["status"].get("phase") in ("Succeeded", "Failed")
                if data := file.read():
                    self._chunk(data)
                if not follow or ended or self.cluster.over.is_set():
                    break
                time.sleep(0.05)
        self._chunk(b"")

    def _event(self, type_: str, changed: Object) -> None:
        self._chunk(json.dumps({"type": type_, "object": changed}).encode() + b"\n")

    def _begin(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _send(self, status: int, document: Object, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self._send(status, _status(status, message), headers)

    def _cut(self) -> None:
        """Close the connection without an answer, or in the middle of one."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _status(code: int, message: str) -> Object:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "code": code,
    }
