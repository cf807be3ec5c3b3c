"""The settings of a fleet: all optional, and mistakes with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.fleet.engines import ENGINES, open_engine
from ingot.fleet.fleet_settings import FleetSettings, load_fleet_settings
from ingot.fleet.job import Resources, SecretFile


def load(directory: Path, text: str | None = None) -> FleetSettings:
    if text is not None:
        (directory / "fleet.toml").write_text(text)
    return load_fleet_settings(
        directory,
        cache=directory / "cache",
        store=directory / "images",
        program=("ingot",),
        environment={},
    )


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    assert load(tmp_path).resources == Resources(4, 6 << 30, 12 << 30, 7200)
    assert load(tmp_path).secrets == ()


def test_the_file_is_read(tmp_path: Path) -> None:
    text = """
[job]
cpus = 16
memory = "512MiB"
minutes = 5

[[secrets]]
variable = "REGISTRY_AUTH_FILE"
name = "registry"
key = ".dockerconfigjson"

[kubernetes]
image = "r.example/ingot:1"

[[kubernetes.tolerations]]
key = "spot"
operator = "Exists"
"""
    settings = load(tmp_path, text)
    assert settings.resources == Resources(16, 512 << 20, 12 << 30, 300)
    assert settings.secrets == (SecretFile("REGISTRY_AUTH_FILE", "registry", ".dockerconfigjson"),)
    assert settings.table.kubernetes.tolerations[0].key == "spot"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[job]\nmemory = "6GB"', "fleet.toml:2: job.memory: '6GB' is not a size in MiB or GiB"),
        ("[job]\ncores = 4", "fleet.toml:2: job.cores: there is no such key"),
        ("[job]\ncpus = 0", "fleet.toml:2: job.cpus:"),
        ("[nomad]\n", "fleet.toml:1: nomad: there is no such key"),
        ('[kubernetes]\nsandbox = "none"', "is not user-namespaces or privileged"),
        ('[[secrets]]\nvariable = "a b"\nname = "x"', "is not the name of an environment variable"),
        ("[job\n", "is not valid TOML"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)


def test_an_unknown_engine_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no engine 'nomad'") as caught:
        open_engine("nomad", load(tmp_path))
    assert ", ".join(ENGINES) in caught.value.hint


def test_kubernetes_needs_an_image(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs the image"):
        open_engine("kubernetes", load(tmp_path))
