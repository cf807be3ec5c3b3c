"""Reading what somebody published: which words skopeo is given, and what becomes of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot import registry
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.process import CommandFailedError, Result
from ingot.registry import RawManifest, read, skopeo

MANIFEST = {"schemaVersion": 2, "annotations": {"a": "b"}}
DIGESTS = [str(Digest.of(name.encode())) for name in ("one", "two")]


def serve(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, object]) -> list[list[str]]:
    """Answer with the documents of `answers`, by reference; what is not there is unknown."""
    commands: list[list[str]] = []

    def run(argv: list[str], *, log: Path, **_: object) -> Result:
        commands.append(argv)
        answer = answers.get(argv[-1].removeprefix("docker://"))
        if answer is None:
            raise CommandFailedError(argv, 1, ['level=fatal msg="manifest unknown"'])
        if isinstance(answer, CommandFailedError):
            raise answer
        log.write_bytes(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        return Result(0, "")

    monkeypatch.setattr(skopeo, "run", run)
    return commands


def index(*platforms: str) -> dict[str, object]:
    return {
        "manifests": [
            {"digest": digest, "platform": {"os": "linux", "architecture": name}}
            for digest, name in zip(DIGESTS, platforms, strict=False)
        ]
    }


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An index of two, whose images are `{"name": "amd64"}` and `{"name": "arm64"}`."""
    images = [json.dumps({"name": name}).encode() for name in ("amd64", "arm64")]
    entries = [
        {"digest": str(Digest.of(data)), "platform": {"architecture": name}}
        for data, name in zip(images, ("amd64", "arm64"), strict=True)
    ]
    by_digest = {
        f"{repository}@{Digest.of(data)}": data
        for repository in ("localhost:5000/foo", "a.org/foo")
        for data in images
    }
    names = ("localhost:5000/foo:1", "localhost:5000/foo", "a.org/foo:1")
    return serve(monkeypatch, {**{name: {"manifests": entries} for name in names}, **by_digest})


# Manifests


def test_the_manifest_of_a_single_image_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = serve(monkeypatch, {"example.org/kernel-bin:6.1": MANIFEST})
    assert registry.read_manifest("example.org/kernel-bin:6.1", "amd64") == MANIFEST
    assert commands[0][:3] == ["skopeo", "inspect", "--raw"]
    assert "--tls-verify=false" not in commands[0]


@pytest.mark.parametrize("reference", ["localhost:5000/foo:1", "localhost:5000/foo"])
def test_of_an_index_the_platform_asked_for_is_read(
    indexed: list[list[str]], reference: str
) -> None:
    assert registry.read_manifest(reference, "arm64") == {"name": "arm64"}
    assert all("--tls-verify=false" in words for words in indexed)


def test_a_registry_elsewhere_may_go_without_tls_if_the_user_says_so(
    indexed: list[list[str]],
) -> None:
    registry.read_manifest("a.org/foo:1", "arm64")
    registry.find_digest("a.org/foo:1")
    assert not any("--tls-verify=false" in words for words in indexed)
    indexed.clear()
    registry.read_manifest("a.org/foo:1", "arm64", insecure=True)
    registry.find_digest("a.org/foo:1", insecure=True)
    assert all("--tls-verify=false" in words for words in indexed)


def test_an_index_of_one_is_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = Digest.of(b"{}")
    entry = {"digest": str(digest), "platform": {"architecture": "arm64"}}
    serve(monkeypatch, {"a.org/b:1": {"manifests": [entry]}, f"a.org/b@{digest}": b"{}"})
    assert registry.read_manifest("a.org/b:1", "amd64") == {}


@pytest.mark.parametrize(
    "entries",
    [
        [],
        index("arm64", "s390x")["manifests"],
        ["text", 7, None, {}, {"digest": 7}, {"platform": "amd64"}],
        [{"digest": DIGESTS[0]}, {"digest": DIGESTS[1], "platform": "amd64"}],
    ],
)
def test_a_platform_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, entries: list[object]
) -> None:
    serve(monkeypatch, {"a.org/b:1": {"manifests": entries}})
    with pytest.raises(UserError, match="no image for amd64"):
        registry.read_manifest("a.org/b:1", "amd64")


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    serve(monkeypatch, {"a.org/b:1": answer})
    with pytest.raises(MachineError, match="not JSON"):
        registry.read_manifest("a.org/b:1", "amd64")


def test_what_is_not_what_its_digest_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {f"a.org/b@{DIGESTS[0]}": MANIFEST})
    with pytest.raises(VerificationError, match="was sent with the digest"):
        registry.read_manifest(f"a.org/b@{DIGESTS[0]}", "amd64")


def test_an_image_that_is_not_there_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {})
    with pytest.raises(UserError, match=r"there is no image a\.org/b:1") as caught:
        registry.read_manifest("a.org/b:1", "amd64")
    assert "skopeo login a.org" in caught.value.hint


def test_a_registry_that_cannot_be_asked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = CommandFailedError(["skopeo"], 1, ['level=fatal msg="unauthorized: who are you"'])
    serve(monkeypatch, {"a.org/b:1": failed, "a.org/b": failed})
    for ask in (registry.find_digest, registry.read_document):
        with pytest.raises(MachineError, match=r"a\.org/b:1 could not be read"):
            ask("a.org/b:1")
    with pytest.raises(MachineError, match=r"tags of a\.org/b could not be read"):
        registry.list_tags("a.org/b")


# Digests and tags


def test_a_digest_is_that_of_the_very_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'{\r\n  "schemaVersion" : 2,\n\n "text": "\xc3\xa4"}\n\n'
    serve(monkeypatch, {"a.org/b:1": data})
    assert registry.find_digest("a.org/b:1") == Digest.of(data)


def test_warnings_are_not_taken_for_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings = (
        b'time="2026-01-01T00:00:00Z" level=warning msg="Failed, retrying in 1s ... {\\"a\\": 1}"\n'
        b'time="2026-01-01T00:00:01Z" level=warning msg="Failed, retrying in 2s"\n'
    )
    serve(monkeypatch, {"a.org/b:1": warnings + b'{"a": 2}'})
    assert registry.find_digest("a.org/b:1") == Digest.of(b'{"a": 2}')


def test_there_is_no_digest_of_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {})
    assert registry.find_digest("a.org/b:1") is None
    assert registry.list_tags("a.org/b") == ()


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        ({"Repository": "a.org/b", "Tags": ["6.1.9", "6.1"]}, ("6.1", "6.1.9")),
        ({"Repository": "a.org/b", "Tags": []}, ()),
        ({"Repository": "a.org/b", "Tags": None}, ()),
    ],
)
def test_tags_are_listed_in_order(
    monkeypatch: pytest.MonkeyPatch, answer: object, tags: tuple[str, ...]
) -> None:
    commands = serve(monkeypatch, {"a.org/b": answer})
    assert registry.list_tags("a.org/b") == tags
    assert commands[0][:2] == ["skopeo", "list-tags"]


# Documents


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ({"mediaType": "x/y"}, "x/y"),
        ({}, "application/vnd.oci.image.manifest.v1+json"),
        ({"manifests": []}, "application/vnd.oci.image.index.v1+json"),
    ],
)
def test_a_document_knows_what_it_is(content: dict[str, Any], media_type: str) -> None:
    data = json.dumps(content).encode()
    descriptor = RawManifest.parse(data, "test").descriptor
    assert (descriptor.media_type, descriptor.size) == (media_type, len(data))
    assert descriptor.digest == Digest.of(data)


def test_a_document_of_odd_shape_has_nothing() -> None:
    odd = RawManifest.parse(
        b'{"config": 1, "layers": {"digest": "x"}, "annotations": [1], "manifests": 2}', "test"
    )
    assert (odd.entries, odd.blobs, odd.annotations) == (None, [], {})


def test_a_manifest_names_its_blobs() -> None:
    config, layer = DIGESTS
    layers = [{"digest": layer}, {"digest": 7}, {"digest": "sha256:../x"}, "x"]
    data = json.dumps({"config": {"digest": config}, "layers": layers}).encode()
    assert RawManifest.parse(data, "test").blobs == [config, layer]


# Whole images


def test_an_image_is_fetched_for_its_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(read, "run", lambda argv, **_: commands.append(argv))
    layout = registry.fetch_image("a.org/b:1", "arm64", tmp_path / "to")
    (words,) = commands
    assert words[:5] == ["skopeo", "--override-arch", "arm64", "--override-os", "linux"]
    assert words[-2:] == ["docker://a.org/b:1", f"oci:{tmp_path}/to:{registry.FETCHED}"]
    assert "--src-tls-verify=false" not in words
    assert layout.root == tmp_path / "to"

    registry.fetch_image("a.org/b:1", "arm64", tmp_path / "to", insecure=True)
    registry.fetch_image("localhost/b:1", "arm64", tmp_path / "to")
    assert all("--src-tls-verify=false" in words for words in commands[1:])


def test_an_image_that_cannot_be_fetched_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(argv: list[str], **_: object) -> Result:
        raise CommandFailedError(argv, 1, ['level=fatal msg="manifest unknown"'])

    monkeypatch.setattr(read, "run", refuse)
    serve(monkeypatch, {"a.org/b:1": MANIFEST})  # a layer is gone
    with pytest.raises(MachineError, match=r"a\.org/b:1 could not be fetched"):
        registry.fetch_image("a.org/b:1", "amd64", tmp_path / "to")
    with pytest.raises(UserError, match=r"there is no image a\.org/c:1"):
        registry.fetch_image("a.org/c:1", "amd64", tmp_path / "to")


def test_a_platform_that_cannot_be_fetched_is_the_users_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = 'no image found in image index for architecture arm64, variant \\"\\", OS linux'

    def refuse(argv: list[str], **_: object) -> Result:
        raise CommandFailedError(argv, 1, [f'level=fatal msg="{said}"'])

    monkeypatch.setattr(read, "run", refuse)
    with pytest.raises(UserError, match=r"a\.org/b:1 could not be fetched") as raised:
        registry.fetch_image("a.org/b:1", "arm64", tmp_path / "to")
    assert "not for this platform" in str(raised.value.why)
