"""What strangers' registries may answer: in skopeo's words, from a server that says anything."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingot import lab, registry
from ingot.arch import arch
from ingot.digest import Digest
from ingot.errors import IngotError, UserError
from ingot.oci.descriptor import INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE
from ingot.pipeline.registry_cache import fetch_builder, fetch_kernel
from ingot.registry import Registry, read
from ingot.setting import RunOptions
from tests.support.kernel_images import RECIPE
from tests.support.progress import Recorder
from tests.support.shops import open_shop

pytestmark = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")


class Liar(ThreadingHTTPServer):
    """A registry that answers every question for a manifest, a blob or tags with what it has."""

    daemon_threads = True
    manifest: bytes = b"{}"
    media_type: str = MANIFEST_TYPE
    blobs: Mapping[str, bytes] = {}
    tags: bytes = b"{}"
    endless: bool = False

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Liar
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if "/manifests/" in self.path:
            self._answer(self.server.manifest, self.server.media_type)
        elif "/blobs/" in self.path:
            data = self.server.blobs.get(self.path.rpartition("/")[2])
            if data is None and self.server.endless:
                self._flood()
            else:
                self._answer(data or b"", "application/octet-stream")
        elif "/tags/list" in self.path:
            self._answer(self.server.tags, "application/json")
        else:
            self._answer(b"{}", "application/json")

    def _answer(self, body: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _flood(self) -> None:
        """Bytes until whoever asked has had enough; 1 GiB at most, for the sake of who tests."""
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1 << 14):
                self.wfile.write(bytes(1 << 16))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def liar() -> Iterator[Liar]:
    with Liar(("127.0.0.1", 0), Handler) as liar:
        threading.Thread(target=liar.serve_forever, args=(0.02,), daemon=True).start()
        yield liar
        liar.shutdown()


def blob(data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


CONFIG = b"{}"
LAYER = b"a layer"
MANIFEST: dict[str, object] = {
    "schemaVersion": 2,
    "mediaType": MANIFEST_TYPE,
    "config": blob(CONFIG, "application/vnd.oci.image.config.v1+json"),
    "layers": [blob(LAYER, LAYER_TYPE)],
}
DEEP = b"[" * 50_000 + b"]" * 50_000

BAD = [
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b"null",
    DEEP,
    b'{"schemaVersion":2,"annotations":' + DEEP + b"}",
    b'{"schemaVersion":2,"schemaVersion":2}',
    b'{"n":' + b"9" * 5000 + b"}",
    json.dumps(MANIFEST).encode(),
    json.dumps({**MANIFEST, "annotations": ["a", "b"]}).encode(),
    json.dumps({**MANIFEST, "annotations": {"dev.ingot.release": 7}}).encode(),
    json.dumps({**MANIFEST, "annotations": "dev.ingot.release"}).encode(),
    json.dumps({**MANIFEST, "manifests": []}).encode(),
    json.dumps({**MANIFEST, "layers": {"a": 1}}).encode(),
    json.dumps({**MANIFEST, "layers": [7, None, {"digest": ["x"]}]}).encode(),
    json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": {"a": 1}}).encode(),
    json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [{"digest": "x"}]}
    ).encode(),
    json.dumps({**MANIFEST, "x": " " * (5 << 20)}).encode(),
]


def test_a_cache_that_answers_anything_costs_a_note(liar: Liar, tmp_path: Path) -> None:
    """Whatever it says: the kernel is compiled then, and the note says why."""
    shop = open_shop(tmp_path)
    setting = dataclasses.replace(
        shop.setting, options=RunOptions(cache=Registry(f"{liar.name}/kernels"))
    )
    kernel = shop.kernel("6.1.9")
    liar.blobs = {str(Digest.of(data)): data for data in (CONFIG, LAYER)}
    for answer in BAD:
        liar.manifest = answer
        liar.media_type = INDEX_TYPE if b"image.index" in answer else MANIFEST_TYPE
        recorder = Recorder()
        assert fetch_kernel(setting, kernel, RECIPE, recorder) is None
        assert len(recorder.notes) == 1
        assert liar.name in recorder.notes[0]
        assert len(recorder.notes[0]) < 1200
        fetch_builder(setting, kernel.builder, recorder)
        assert len(recorder.notes) == 2
    assert setting.project.layout.tags() == {}


def test_a_manifest_that_is_anything_is_an_error_or_what_it_is(liar: Liar) -> None:
    for answer in BAD:
        liar.manifest = answer
        for ask in (
            lambda: registry.read_manifest(f"{liar.name}/x:1", "amd64"),
            lambda: lab.config_of_reference(f"{liar.name}/x:1", arch("x86_64")),
        ):
            with contextlib.suppress(IngotError):
                ask()


def test_what_is_an_index_and_a_manifest_at_once_is_refused(liar: Liar) -> None:
    entry = blob(b"x", MANIFEST_TYPE)
    for document in (
        {**MANIFEST, "manifests": [entry]},
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "manifests": [entry]},
        {**MANIFEST, "mediaType": INDEX_TYPE},
    ):
        liar.manifest = json.dumps(document).encode()
        with pytest.raises(IngotError, match="at once"):
            registry.read_document(f"{liar.name}/x:1")


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        ({"tags": ["6.1", "6.1", "b"]}, ("6.1", "b")),
        (
            {"tags": ["6.1", "../x", "a b", "", "-x", "x" * 129, "[/x]", "\x1b[2J", "6.1\n"]},
            ("6.1",),
        ),
        ({"tags": None}, ()),
        ({"tags": []}, ()),
    ],
)
def test_of_a_list_of_tags_what_is_like_a_tag_counts(
    liar: Liar, answer: dict[str, object], tags: tuple[str, ...]
) -> None:
    liar.tags = json.dumps({"name": "x", **answer}).encode()
    assert registry.find_tags(f"{liar.name}/x") == tags


def test_a_list_of_tags_of_another_shape_is_an_error(liar: Liar) -> None:
    for answer in ({"tags": 7}, {"tags": {"a": 1}}, {"tags": [7]}, ["a"]):
        liar.tags = json.dumps(answer).encode()
        with pytest.raises(IngotError):
            registry.find_tags(f"{liar.name}/x")


def test_a_list_of_tags_has_so_many_bytes_and_no_more(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar.tags = json.dumps({"name": "x", "tags": [f"t{n}" for n in range(200_000)]}).encode()
    monkeypatch.setattr(read, "_TAG_LIST_BYTES", 100_000)
    with pytest.raises(IngotError, match="too large to be read"):
        registry.find_tags(f"{liar.name}/x")


def test_a_layer_without_an_end_is_not_taken_to_the_end(
    liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar.manifest = json.dumps(MANIFEST).encode()
    liar.blobs = {str(Digest.of(CONFIG)): CONFIG}
    liar.endless = True
    monkeypatch.setattr(read, "IMAGE_BYTES", 1 << 20)
    with pytest.raises(UserError, match="too large to be fetched"):
        registry.fetch_image(f"{liar.name}/x:1", "amd64", tmp_path / "layout")


def test_a_blob_that_is_not_what_its_digest_says_is_refused(liar: Liar, tmp_path: Path) -> None:
    liar.manifest = json.dumps(MANIFEST).encode()
    liar.blobs = {str(Digest.of(CONFIG)): CONFIG, str(Digest.of(LAYER)): b"other.."}
    with pytest.raises(IngotError):
        registry.fetch_image(f"{liar.name}/x:1", "amd64", tmp_path / "layout")
    assert not (tmp_path / "layout/index.json").exists()  # nothing of it has a name
