"""A place where the commands of the pages run: a checkout, a store of fake kernels, a registry.

What the pages name exists there under another name: see `REPLACED`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.houses import House, make_house
from tests.support.places import REPOSITORY

REPLACED = {
    "6.1.176": "6.1.999",
    "6.12-arm64": "6.1-arm64",
    "6.18": "6.1",
    "VETH": "PARENT",
    "FUSE_FS": "CHILD",
    "docker.io/foobar": "{registry}/foobar",
    "registry.example.org/kernels": "{registry}/kernels",
}
"""Names of the pages, and those of the fake kernels and of the registry of the tests."""

_FEATURES = ("containers", "kubernetes", "wireguard", "bpf", "storage", "fuse")
_VMMS = ("firecracker", "cloud-hypervisor", "qemu")
_CHECKS = ("containers", "wireguard")
_CHECK = """
[[checks]]
name = "{name}-check"
about = "a test"
run = "clock"
options = ["PARENT"]
"""


@dataclass(frozen=True, slots=True)
class World:
    """A checkout at the root of a house, and the address of a registry."""

    house: House
    registry: str

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run commands of a page, after which one fails none is run."""
        for name, here in REPLACED.items():
            script = script.replace(name, here.format(registry=self.registry))
        shutil.rmtree(self.house.root / "kernel", ignore_errors=True)
        self._restore()
        return self._bash(script)

    def _restore(self) -> None:
        """Build what an earlier command removed."""
        tags = self.house.layout.tags()
        wanted = ("6.1.999", "6.1.999-minimal", "6.1.999-arm64")
        if missing := [name for name in wanted if f"kernel-bin:{name}" not in tags]:
            done = self._bash(f"ingot build {' '.join(missing)}\n")
            assert done.returncode == 0, done.stderr

    def _bash(self, script: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **self.house.environment(),
            "HOME": str(self.house.root),  # where skopeo looks for registries.conf
        }
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.house.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


def make_world(directory: Path, monkeypatch: pytest.MonkeyPatch, registry: str) -> World:
    """A house with the kernels, features and VMMs of the pages, in a git repository."""
    directory.mkdir()
    house = make_house(directory, monkeypatch)
    _grow(house)
    _install_makefile(house.root)
    module = house.root / "hello"
    module.mkdir()
    (module / "Kbuild").write_text("obj-m += hello.o\n")
    (module / "hello.c").write_text("int hello;\n")
    location = f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n'
    settings = house.root / ".config" / "containers"
    settings.mkdir(parents=True)
    (settings / "registries.conf").write_text(location)
    _commit(house.root)
    return World(house, registry)


def _grow(house: House) -> None:
    house.fragment("base/arm64", "# nothing")
    tables = []
    for name in _VMMS:
        house.fragment(f"vmm/{name}", "# nothing")
        tables += [f"[vmms.{name}]"] if name != "firecracker" else []
    for name in _FEATURES:
        house.fragment(f"feature/{name}", "# nothing")
        tables.append(f"[features.{name}]")
    for name in _CHECKS:
        path = house.kernels / "fragments" / "feature" / f"{name}.toml"
        path.write_text(_CHECK.format(name=name))
    vmms = ", ".join(f'"{name}"' for name in _VMMS)
    tables.append(f"[flavors.minimal]\nvmms = [{vmms}]")
    features = ", ".join(f'"{name}"' for name in ("containers", "wireguard", "storage"))
    replaced = {
        'arches = ["x86_64"]': 'arches = ["x86_64", "arm64"]\nflavors = ["default", "minimal"]',
        'vmms = ["firecracker"]': f"vmms = [{vmms}]\nfeatures = [{features}]",
        "[origins]": "\n".join([*tables, "[origins]"]),
    }
    file = house.kernels / "kernels.toml"
    text = file.read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def _install_makefile(root: Path) -> None:
    """The Makefile, with a virtual environment that it takes for up to date."""
    shutil.copyfile(REPOSITORY / "Makefile", root / "Makefile")
    for name in ("requirements.lock", "pyproject.toml", "scripts/setup-venv"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
        os.utime(root / name, (0, 0))
    programs = root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (root / ".venv" / ".made-for").write_text(f"{root.resolve()}\n")
    (root / ".venv" / ".ready").touch()
    (root / ".venv" / ".tools").touch()
    ingot = f'#!/bin/sh\nexec "{sys.executable}" -m ingot "$@"\n'
    (programs / "ingot").write_text(ingot)
    (programs / "ingot").chmod(0o755)


def _commit(root: Path) -> None:
    """Two commits, of which the first is also that of origin/main."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=no")
    commit = ("commit", "--quiet", "--message=x")
    (root / ".gitignore").write_text("/*\n!/kernels\n")
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        commit,
        ("update-ref", "refs/remotes/origin/main", "HEAD"),
        (*commit, "--allow-empty"),
    ):
        subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)
