"""A name that does not exist is answered with a similar one that does, wherever names are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot import lab, specs
from ingot.arch import arch, arch_called
from ingot.boot.vmm import choice
from ingot.catalog import Catalog
from ingot.cli.main import app
from ingot.errors import UserError
from ingot.image_lookup import find_image_named
from ingot.lab import NamedConfig
from ingot.setting import Project
from ingot.suggestions import similar_name, suggestion, unknown_name
from ingot.version import Series
from ingot.workspace import Workspace
from tests.support.catalogs import load
from tests.support.configs import config_of
from tests.support.kernel_images import make_kernel

X86 = arch("x86_64")
SERIES = Series.parse("6.1")
CHECKS = '[[checks]]\nname = "balloon"\nabout = "a test"\nrun = "clock"\noptions = ["A"]\n'


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("minmal", "minimal"),
        ("Minimal", "minimal"),
        ("fire", "firecracker"),
        ("cloud-hypervizor", "cloud-hypervisor"),
        ("6.1.17", "6.1.176"),
        ("", ""),
        ("nothing-like-it", ""),
    ],
)
def test_the_most_similar_name_is_found(name: str, near: str) -> None:
    known = ["minimal", "firecracker", "cloud-hypervisor", "6.1.176"]
    assert similar_name(name, known) == near


def test_a_beginning_of_two_names_suggests_neither() -> None:
    assert suggestion("virt", ["virtio-over-pci", "virtual-machine"]) == ""


def test_the_error_lists_the_names_and_suggests_one_or_gives_the_hint() -> None:
    error = unknown_name("there is no dog 'rx'", "rx", ["rex", "bello", "rex"], hint="call it")
    assert (error.why, error.hint) == ("it has rex, bello", "did you mean rex?")
    assert unknown_name("no", "zzz", ["rex"], hint="call it").hint == "call it"
    assert unknown_name("no", "zzz", []).why == "it has none"


ASKED: dict[str, tuple[Callable[[Catalog], object], str]] = {
    "kernel": (lambda c: c.select(["6.1.17"]), "6.1.176"),
    "series": (lambda c: c.select(["6.11"]), "6.1"),
    "flavor in a name": (lambda c: c.select(["6.1-minmal"]), "minimal"),
    "flavor": (lambda c: c.select(["6.1"], flavors=["defult"]), "default"),
    "flavor of no kernel": (lambda c: c.select([], flavors=["minmal"]), "minimal"),
    "arch of a kernel": (lambda c: c.select(["6.1"], arches=["x86-64"]), "x86_64"),
    "arch": (lambda _: arch_called("arm46"), "arm64"),
    "feature": (lambda c: c.feature_requests("kubernets", SERIES, X86), "kubernetes"),
    "feature to add": (lambda c: c.variant(c.kernels[0], ["bfp"], []), "bpf"),
    "VMM of the catalog": (lambda c: c.vmm_requests("firecraker", SERIES, X86), "firecracker"),
    "VMM to boot in": (lambda _: choice.machine_named(X86, "qmu"), "qemu"),
    "machine": (lambda _: choice.machine_named(X86, "qemu", "microvmm"), "microvm"),
    "builder": (lambda c: c.compiled_in(c.kernels[0], "bookwrm"), "bookworm"),
    "kind of builder": (lambda c: c.compiled_in(c.kernels[0], "containr"), "container"),
    "platform": (lambda _: specs.platform_named("flintlok"), "flintlock"),
    "check": (lambda c: lab.checks_of_config(c, config(), ["baloon"]), "balloon"),
    "feature of checks": (lambda c: lab.checks_of_config(c, config(), ["qmu"]), "qemu"),
    "disk of checks": (
        lambda c: lab.checks_of_config(c, config(), ["modules-volum"]),
        "modules-volume",
    ),
}


def config() -> NamedConfig:
    return NamedConfig("x", config_of({"A": "y"}), SERIES, X86)


@pytest.mark.parametrize("kind", ASKED)
def test_a_misspelt_name_of_every_kind_is_answered(kind: str, tmp_path: Path) -> None:
    catalog = load(tmp_path)
    (tmp_path / "fragments/vmm/qemu.toml").write_text(CHECKS)
    ask, near = ASKED[kind]
    with pytest.raises(UserError) as raised:
        ask(catalog)
    assert raised.value.hint.startswith(f"did you mean {near}?")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["bisect", "6.1", "6.1-minimal", "--by", "memry"], "memory"),
        (["builder", "show", "bookwrm"], "bookworm"),
        (["builder", "make", "bookwrm"], "bookworm"),
    ],
)
def test_so_is_one_that_a_verb_reads(words: list[str], near: str, tmp_path: Path) -> None:
    load(tmp_path)
    done = CliRunner().invoke(app, [*words, "--catalog", str(tmp_path)])
    assert isinstance(done.exception, UserError)
    assert done.exception.hint == f"did you mean {near}?"


def test_so_is_the_name_of_an_image(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    kernel.build()
    project = Project(load(tmp_path / "kernels"), kernel.layout, Workspace(tmp_path), "x86_64")
    for name, near in (
        ("kernel-bn:6.1.176", "kernel-bin:6.1.176"),
        ("6.1-minmal", "minimal"),
        ("kernel-bin:6.1-minmal", "minimal"),
        ("6.1.17", "6.1.176"),
    ):
        with pytest.raises(UserError) as raised:
            find_image_named(project, name)
        assert raised.value.hint.startswith(f"did you mean {near}?")


@pytest.mark.parametrize("name", ["amd64", "x86", "x86_64"])
def test_every_name_of_an_arch_selects_its_kernels(name: str, tmp_path: Path) -> None:
    catalog = load(tmp_path)
    selected = catalog.select(["6.1"], arches=[name])
    assert [kernel.arch.name for kernel in selected] == ["x86_64"]
    assert catalog.select([f"6.1-{name}"]) == selected
    done = CliRunner().invoke(app, ["matrix", "6.1", "--arch", name, "--catalog", str(tmp_path)])
    rows = json.loads(done.stdout)["include"]
    assert {row["arch"] for row in rows} == {"x86_64"}


@pytest.mark.parametrize(
    ("words", "near"),
    [(["biuld"], "build"), (["config", "shwo"], "show"), (["boot", "--machin", "q"], "--machine")],
)
def test_so_are_verbs_and_options_themselves(words: list[str], near: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert near in done.output
