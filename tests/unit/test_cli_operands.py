"""How what a person types is read: a table of inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot.cli.main import app
from ingot.errors import UserError
from ingot.operands import (
    FileName,
    KernelName,
    LayoutImage,
    Operand,
    RegistryImage,
    StoreImage,
    kernel_named,
    parse_operand,
)


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with files, some of which are called like something else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    for name in ("vmlinux", ".config", "6.1", "6.1.config", "kernel-bin:6.1", "build/vmlinux"):
        (tmp_path / name).write_text("")


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("./vmlinux", FileName(Path("vmlinux"))),
        (".config", FileName(Path(".config"))),
        ("/dev/null", FileName(Path("/dev/null"))),
        ("./6.1", FileName(Path("6.1"))),
        ("./kernel-bin:6.1", FileName(Path("kernel-bin:6.1"))),
        ("vmlinux", FileName(Path("vmlinux"))),
        ("build/vmlinux", FileName(Path("build/vmlinux"))),
        ("6.1.config", FileName(Path("6.1.config"))),
        ("6.1", KernelName("6.1")),
        ("6.1.176", KernelName("6.1.176")),
        ("6.19-rc1", KernelName("6.19-rc1")),
        ("6.1-minimal-with-bpf-arm64", KernelName("6.1-minimal-with-bpf-arm64")),
        ("6.1.176-0123456789ab", KernelName("6.1.176-0123456789ab")),
        ("6.12-x86_64", KernelName("6.12-x86_64")),
        ("nothing", KernelName("nothing")),
        ("build", KernelName("build")),
        ("", KernelName("")),
        ("kernel-bin:6.1", StoreImage("kernel-bin:6.1")),
        ("kernel-bin", StoreImage("kernel-bin")),
        ("kernel-module-hello:6.1", StoreImage("kernel-module-hello:6.1")),
        ("docker.io/foobar/kernel-bin:6.1", RegistryImage("docker.io/foobar/kernel-bin:6.1")),
        ("docker://localhost:5000/a", RegistryImage("localhost:5000/a")),
        ("docker://build/vmlinux", RegistryImage("build/vmlinux")),
        ("localhost:5000/kernel-bin:6.1", RegistryImage("localhost:5000/kernel-bin:6.1")),
        ("build/none", RegistryImage("build/none")),
        ("a/b@sha256:00", RegistryImage("a/b@sha256:00")),
        ("x" * 5000, KernelName("x" * 5000)),
        ("x\0y", KernelName("x\0y")),
        ("oci:images:kernel-bin:6.1", LayoutImage(Path("images"), "kernel-bin:6.1")),
        ("oci:/a/b:1", LayoutImage(Path("/a/b"), "1")),
    ],
)
def test_each_form_is_one_thing(text: str, operand: Operand) -> None:
    assert parse_operand(text) == operand


@pytest.mark.parametrize(("text", "why"), [("../none", "does not exist"), ("./build", "directory")])
def test_what_is_written_as_a_path_must_be_a_file(text: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_operand(text)
    assert why in caught.value.why


@pytest.mark.parametrize("text", ["./vmlinux", "kernel-bin:6.1", "a/b:1", "oci:a:b"])
def test_a_kernel_of_the_catalog_is_nothing_else(text: str) -> None:
    with pytest.raises(UserError) as caught:
        kernel_named(text)
    assert caught.value.what == f"{text} is not a kernel of the catalog"
    assert kernel_named("6.1-minimal") == "6.1-minimal"


def test_explain_takes_the_kernel_first_and_names_that_order() -> None:
    done = CliRunner().invoke(app, ["config", "explain", "VETH", "6.1"])
    error = done.exception
    assert isinstance(error, UserError)
    assert "the kernel comes first" in error.why
    assert error.hint == "run: ingot config explain 6.1 VETH"
