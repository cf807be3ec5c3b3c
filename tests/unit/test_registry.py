"""Which registries may speak plain HTTP, and what skopeo is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot import registry
from ingot.errors import MachineError
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
