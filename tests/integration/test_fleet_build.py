"""`ingot build --on`: the same kernels and the same digests as a build without an engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ingot import registry
from ingot.images import KERNEL_IMAGES
from ingot.oci import Layout
from ingot.workspace import Workspace
from tests.support.houses import House
from tests.support.registries import Served, serve


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


def test_a_fleet_gives_the_digests_and_tags_of_a_build_here(house: House, served: Served) -> None:
    target = f"{served.address}/kernels"
    alone = house.ingot("build", "6.1", "--json")
    (expected,) = json.loads(alone.stdout)["built"]
    assert not registry.list_tags(f"{target}/kernel-bin")
    for tag in house.layout.tags():
        if not tag.startswith("kernel-builder:"):
            house.layout.untag([tag])
    fleet = house.ingot("build", "6.1", "--on", "local", "--registry", target, "--json")
    assert fleet.returncode == 0, fleet.stderr
    (built,) = json.loads(fleet.stdout)["built"]
    assert built["recipe_key"] == expected["recipe_key"]
    assert built["images"] == expected["images"]
    assert not built["found_in_store"]
    assert house.compiles() == 2
    key = built["recipe_key"].removeprefix("sha256:")[:12]
    for name in KERNEL_IMAGES:
        tags = registry.list_tags(f"{target}/{name}")
        assert {"6.1", "6.1.999", "6.1.999-x86_64", f"6.1.999-{key}"} <= set(tags)


def test_a_job_that_fails_gives_its_exit_code_and_the_end_of_its_log(
    house: House, served: Served
) -> None:
    target = f"{served.address}/kernels"
    house.fragment("vmm/firecracker", "CONFIG_FAIL_COMPILE=y")
    fleet = house.ingot("build", "6.1", "--on", "local", "--registry", target)
    assert fleet.returncode == 5, fleet.stderr
    assert "the job of 6.1.999 failed" in fleet.stderr
    assert "did not compile" in fleet.stderr
    assert "ingot jobs --on local --logs ingot-" in fleet.stderr
    listed = house.ingot("jobs", "--on", "local", "--json")
    (job,) = json.loads(listed.stdout)["jobs"]
    assert (job["kernel"], job["state"], job["exit_code"]) == ("6.1.999", "failed", 5)
    logs = house.ingot("jobs", "6.1.999", "--on", "local", "--logs")
    assert "did not compile" in logs.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "local"], "--on needs a registry"),
        (["--on", "nomad", "--registry", "r.example"], "there is no engine 'nomad'"),
        (["--on", "local", "--registry", "r.example", "--detach"], "--detach cannot be used"),
        (["--on", "local", "--registry", "r.example", "--offline"], "--offline cannot be used"),
        (["--detach"], "--detach needs --on"),
        (["--on", "kubernetes", "--registry", "r.example"], "needs the image that the jobs run"),
        (["--on", "local", "--registry", "r.example", "--builder", "host"], "made of packages"),
    ],
)
def test_a_request_that_cannot_work_is_refused(
    house: House, words: list[str], message: str
) -> None:
    refused = house.ingot("build", "6.1", *words)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "next:" in refused.stderr


def test_manifests_are_printed_for_what_the_registry_lacks(house: House, served: Served) -> None:
    (house.kernels / "fleet.toml").write_text('[kubernetes]\nimage = "r.example/ingot:1"\n')
    words = ["fleet", "manifest", "6.1", "--registry", f"{served.address}/kernels"]
    printed = house.ingot(*words)
    assert printed.returncode == 0, printed.stderr
    assert "kind: Job" in printed.stdout
    assert "ingot-catalog@sha256:" in printed.stdout
    cluster = house.ingot("fleet", "manifest", "--cluster").stdout
    assert "kind: Namespace" in cluster and "kind: RoleBinding" in cluster


def test_the_command_of_a_manifest_builds_on_a_machine_that_has_nothing(
    house: House, served: Served
) -> None:
    target = f"{served.address}/kernels"
    (house.kernels / "fleet.toml").write_text('[kubernetes]\nimage = "r.example/ingot:1"\n')
    printed = house.ingot("fleet", "manifest", "6.1", "--registry", target).stdout
    (job,) = YAML(typ="safe").load_all(printed)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    words = container["args"][: container["args"].index("--cache")]
    elsewhere = House(house.root / "elsewhere")
    workspace = Workspace(elsewhere.cache)
    workspace.prepare()
    shutil.copytree(house.cache / "sources", workspace.sources, symlinks=True, dirs_exist_ok=True)
    made = len(house.recorded("mmdebstrap"))

    first = elsewhere.ingot(*words)
    assert first.returncode == 0, first.stderr
    (tag,) = registry.list_tags(f"{target}/kernel-bin")
    assert tag.startswith("6.1.999-"), "only the immutable tag is set"
    assert len(house.recorded("mmdebstrap")) == made, "the builder comes from the registry"
    store = Layout(elsewhere.cache / "fleet" / "images")
    assert all(name.startswith("kernel-builder:") for name in store.tags())
    assert house.compiles() == 1

    again = elsewhere.ingot(*words)
    assert again.returncode == 0, again.stderr
    assert house.compiles() == 1, "what was pushed is pulled"

    key = words.index("--recipe") + 1
    words[key] = f"{int(words[key][0], 16) ^ 1:x}{words[key][1:]}"
    other = elsewhere.ingot(*words)
    assert other.returncode == 2
    assert "on this machine, not the requested" in other.stderr


def test_nothing_of_the_fleet_is_imported_without_an_engine(house: House) -> None:
    assert house.ingot("build", "6.1").returncode == 0
    words = [sys.executable, "-X", "importtime", "-m", "ingot", "build", "6.1"]
    again = subprocess.run(
        words, env=house.environment(), capture_output=True, text=True, check=True
    )
    modules = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    assert "ingot.pipeline" in modules
    assert not {name for name in modules if name.startswith(("ingot.fleet", "kubernetes"))}
