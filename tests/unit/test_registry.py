"""Which registries may speak plain HTTP, and what skopeo is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingot import registry
from ingot.errors import MachineError, UserError
from ingot.oci import Layout
from ingot.process import CommandFailedError, Result
from tests.unit.conftest import Recorder


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "localhost:5000",
        "localhost:5000/foo/bar",
        "127.0.0.1",
        "127.0.0.1:5000/foo",
        "127.1.2.3:5000",
        "[::1]:5000/foo",
        "[::1]/foo",
    ],
)
def test_this_machine_is_loopback(name: str) -> None:
    assert registry.is_loopback(name)


@pytest.mark.parametrize(
    "name",
    [
        "ghcr.io/weaveworks-liquidmetal",
        "docker.io/localhost",
        "localhost.example.org:5000",
        "127.0.0.1.example.org",
        "example.org/127.0.0.1",
        "10.0.0.1:5000",
        "[2001:db8::1]:5000",
        "0.0.0.0:5000",
        "",
        ":5000",
    ],
)
def test_everything_else_must_speak_tls(name: str) -> None:
    assert not registry.is_loopback(name)


@pytest.mark.parametrize("given", ["docker.io/foobar", "docker.io/foobar/"])
def test_tags_are_copied_under_the_registrys_name(
    monkeypatch: pytest.MonkeyPatch, recorder: Recorder, given: str
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(registry, "run", commands.append)
    names = registry.push(Layout(Path("/x/images")), ["a:1", "b:1"], given, recorder)
    assert names == ["docker.io/foobar/a:1", "docker.io/foobar/b:1"]
    assert commands[0][:2] == ["skopeo", "copy"]
    assert commands[0][-2:] == ["oci:/x/images:a:1", "docker://docker.io/foobar/a:1"]
    assert "--dest-tls-verify=false" not in commands[0]
    assert recorder.steps == [f"push {name}" for name in names]


def test_only_a_loopback_registry_may_go_without_tls(
    monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(registry, "run", commands.append)
    registry.push(Layout(Path("/x")), ["a:1"], "localhost:5000", recorder)
    assert "--dest-tls-verify=false" in commands[0]


def test_a_push_that_fails_names_the_image_and_how_to_log_in(
    monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    def refuse(argv: list[str]) -> Result:
        raise CommandFailedError(argv, 1, ["unauthorized: authentication required"])

    monkeypatch.setattr(registry, "run", refuse)
    with pytest.raises(MachineError) as caught:
        registry.push(Layout(Path("/x")), ["a:1"], "ghcr.io/foo", recorder)
    assert "ghcr.io/foo/a:1" in caught.value.what
    assert "unauthorized" in caught.value.why
    assert "skopeo login ghcr.io" in caught.value.hint


# Reading what somebody published


MANIFEST = {"schemaVersion": 2, "annotations": {"a": "b"}}


def serve(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, object]) -> list[list[str]]:
    """Answer `skopeo inspect --raw` with the documents of `answers`, by reference."""
    commands: list[list[str]] = []

    def skopeo(argv: list[str]) -> Result:
        commands.append(argv)
        answer = answers[argv[-1].removeprefix("docker://")]
        return Result(0, answer if isinstance(answer, str) else json.dumps(answer))

    monkeypatch.setattr(registry, "run", skopeo)
    return commands


def index(*platforms: str) -> dict[str, object]:
    return {
        "manifests": [
            {"digest": f"sha256:{number}", "platform": {"os": "linux", "architecture": name}}
            for number, name in enumerate(platforms)
        ]
    }


def test_the_manifest_of_a_single_image_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = serve(monkeypatch, {"example.org/kernel-bin:6.1": MANIFEST})
    assert registry.read_manifest("example.org/kernel-bin:6.1", "amd64") == MANIFEST
    assert "--tls-verify=false" not in commands[0]


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("localhost:5000/foo:1", "localhost:5000/foo"),
        ("localhost:5000/foo", "localhost:5000/foo"),
        ("localhost:5000/foo@sha256:00", "localhost:5000/foo"),
    ],
)
def test_of_an_index_the_platform_asked_for_is_read(
    monkeypatch: pytest.MonkeyPatch, reference: str, repository: str
) -> None:
    answers = {reference: index("amd64", "arm64"), f"{repository}@sha256:1": MANIFEST}
    commands = serve(monkeypatch, answers)
    assert registry.read_manifest(reference, "arm64") == MANIFEST
    assert all("--tls-verify=false" in words for words in commands)


def test_an_index_of_one_is_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {"a.org/b:1": index("arm64"), "a.org/b@sha256:0": MANIFEST})
    assert registry.read_manifest("a.org/b:1", "amd64") == MANIFEST


def test_a_platform_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {"a.org/b:1": index("arm64", "s390x")})
    with pytest.raises(UserError, match="no image for amd64"):
        registry.read_manifest("a.org/b:1", "amd64")


@pytest.mark.parametrize("answer", ["<html>", "[]"])
def test_a_manifest_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    serve(monkeypatch, {"a.org/b:1": answer})
    with pytest.raises(MachineError, match="not JSON"):
        registry.read_manifest("a.org/b:1", "amd64")


def test_an_image_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(argv: list[str]) -> Result:
        raise CommandFailedError(argv, 1, ["manifest unknown"])

    monkeypatch.setattr(registry, "run", refuse)
    with pytest.raises(MachineError, match=r"a\.org/b:1 could not be read: manifest unknown"):
        registry.read_manifest("a.org/b:1", "amd64")
