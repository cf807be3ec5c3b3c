"""`ingot spec` as it is typed: what goes to standard output, what beside it, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from ingot.cli.main import app
from ingot.oci import read_image
from tests.support.houses import House

CTR = """#!/bin/sh
{ for word; do printf '%s ' "$word"; done; echo; } >> "$CTR_RECORD"
"""


def digest(house: House, image: str) -> str:
    return str(read_image(house.layout, house.layout.tags()[f"{image}:6.1.999"]).descriptor.digest)


def test_only_the_snippet_goes_to_standard_output(house: House) -> None:
    done = house.ingot("spec", "6.1", "--platform", "firecracker")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"boot-source", "drives", "machine-config"}
    assert "6.1.999 is not built here" in done.stderr
    assert "ingot pull ghcr.io/weaveworks-liquidmetal/flintlock-kernel:6.1.999" in done.stderr
    assert not house.layout.root.exists()


def test_a_built_kernel_tells_its_own_facts(house: House) -> None:
    house.build()
    done = house.ingot("spec", "6.1", "--platform", "capmvm", "--registry", "docker.io/foobar")
    machine = YAML(typ="safe").load(done.stdout)["spec"]["template"]["spec"]
    assert machine["kernel"]["image"] == "docker.io/foobar/kernel-bin:6.1.999"
    assert machine["volumes"][0]["mountPoint"] == "/lib/modules/6.1.999"
    assert "flintlock-kernel:6.1.999 in the store" in done.stderr
    export = house.ingot("spec", "6.1", "--platform", "cloud-hypervisor")
    assert "ingot export 6.1.999 --to kernel" in export.stderr
    assert "warning: 6.1.999 is not configured for cloud-hypervisor" in export.stderr


def test_the_files_are_where_the_snippet_looks(house: House, tmp_path: Path) -> None:
    house.build()
    config = json.loads(house.ingot("spec", "6.1", "--platform", "firecracker").stdout)
    assert house.ingot("export", "6.1", "--to", str(tmp_path / "kernel")).returncode == 0
    assert (tmp_path / config["boot-source"]["kernel_image_path"]).is_file()


def test_pinned_images_are_those_of_the_store(house: House) -> None:
    words = ("spec", "6.1", "--platform", "flintlock", "--pin")
    early = house.ingot(*words)
    assert early.returncode == 2
    assert "ingot build 6.1.999" in early.stderr
    assert early.stdout == ""
    house.build()
    machine = json.loads(house.ingot(*words).stdout)["microvm"]
    registry = "ghcr.io/weaveworks-liquidmetal"
    assert machine["kernel"]["image"] == f"{registry}/kernel-bin@{digest(house, 'kernel-bin')}"
    (volume,) = machine["additional_volumes"]
    assert volume["source"]["container_source"].endswith(f"@{digest(house, 'kernel-modules')}")
    old = json.loads(house.ingot(*words, "--legacy").stdout)["microvm"]
    assert old["kernel"]["image"].endswith(f"@{digest(house, 'flintlock-kernel')}")
    assert "additional_volumes" not in old


def test_the_registry_may_be_the_environments(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY", "127.0.0.1:5000/mine")
    done = house.ingot("spec", "6.1", "--platform", "containerd")
    assert "ctr images pull --platform linux/amd64 127.0.0.1:5000/mine/kernel-bin:6.1.999" in (
        done.stdout
    )


def test_containerd_is_given_images_without_a_registry(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.build()
    snippet = house.ingot(
        "spec", "6.1", "--platform", "containerd", "--registry", "docker.io/foobar"
    ).stdout
    commented = [line[2:] for line in snippet.splitlines() if line.startswith("# ")]
    commands = [line for line in commented if line.startswith(("skopeo", "ctr"))]
    programs, here = tmp_path / "programs", tmp_path / "here"
    programs.mkdir()
    here.mkdir()
    (programs / "ctr").write_text(CTR)
    (programs / "ctr").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CTR_RECORD", str(tmp_path / "ctr-record"))
    subprocess.run(["sh", "-eu"], input="\n".join(commands), text=True, cwd=here, check=True)
    for image in ("kernel-bin", "kernel-modules"):
        with tarfile.open(here / f"{image}.tar") as archive:
            index = archive.extractfile("index.json")
            assert index
            (manifest,) = json.load(index)["manifests"]
        assert manifest["digest"] == digest(house, image)
        name = manifest["annotations"]["org.opencontainers.image.ref.name"]
        assert name == f"docker.io/foobar/{image}:6.1.999"
    subprocess.run(["sh", "-eu"], input=snippet, text=True, cwd=here, check=True)
    calls = (tmp_path / "ctr-record").read_text().splitlines()
    assert [call.split()[1] for call in calls] == (
        ["import"] * 2 + ["pull"] * 2 + ["ls"] + ["mount"] * 2
    )
    assert (here / "kernel").is_dir()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["6.1"], "--platform"),
        (["6.1", "--platform", "firecraker"], "did you mean firecracker?"),
        (
            ["6.1", "--platform", "docker"],
            "the platforms are: flintlock, capmvm, firecracker, cloud-",
        ),
        (["6.1", "--platform", "containerd", "--legacy"], "--legacy does not apply to containerd"),
        (["9.9", "--platform", "flintlock"], "it has 6.1.999"),
        (["6.1", "--platform", "flintlock", "--registry", "https://x.y"], "leave out https://"),
    ],
)
def test_what_makes_no_sense_is_told(house: House, words: list[str], told: str) -> None:
    done = house.ingot("spec", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_platforms_are_completed() -> None:
    command = get_command(app)
    spec = command.commands["spec"]  # type: ignore[attr-defined]
    (option,) = [one for one in spec.params if one.name == "platform"]
    names = [item.value for item in option.shell_complete(None, "c")]
    assert names == ["capmvm", "cloud-hypervisor", "containerd", "crosvm"]
