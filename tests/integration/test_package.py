"""What a release has in it, installed where there is no checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ingot import __version__
from tests.support.houses import House
from tests.support.installed import Installed, install, make_release

EVERY_MODULE = """
import importlib, pathlib, pkgutil, ingot
SCRIPTS = {"ingot.__main__", "ingot.kconfig.survey"}
for found in pkgutil.walk_packages(ingot.__path__, "ingot."):
    if found.name not in SCRIPTS:
        importlib.import_module(found.name)
print(pathlib.Path(ingot.__file__).parent)
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("release") / "dist")


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(dist, tmp_path_factory.mktemp("installed"))


def test_a_release_has_sdist_wheel_and_their_sums(dist: Path) -> None:
    names = [f"ingot-{__version__}-py3-none-any.whl", f"ingot-{__version__}.tar.gz"]
    assert sorted(path.name for path in dist.iterdir()) == ["SHA256SUMS", *names]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True)


def test_every_module_can_be_imported(installed: Installed) -> None:
    package = Path(installed.run("python", "-c", EVERY_MODULE).strip())
    assert package.is_relative_to(installed.venv)


def test_a_new_catalog_is_whole(installed: Installed) -> None:
    mine = installed.directory / "mine"
    assert (mine / "kernels" / "kernels.toml").is_file()
    assert "ingot build 6.1-minimal" in (mine / "README.md").read_text()
    rows = json.loads(installed.run("ingot", "list", "--json", at="mine"))["kernels"]
    assert ("6.1", "minimal") in {
        (row["version"].rpartition(".")[0], row["flavor"]) for row in rows
    }


@pytest.mark.parametrize("words", ["matrix 6.1-minimal", "matrix --sample"])
def test_kernels_of_a_new_catalog_can_be_named(installed: Installed, words: str) -> None:
    assert json.loads(installed.run("ingot", *words.split(), at="mine"))["include"]


def test_templates_beside_modules_are_found(installed: Installed) -> None:
    words = ("spec", "6.1", "--platform", "firecracker", "--registry", "example.org/k")
    assert "boot/vmlinux" in installed.run("ingot", *words, at="mine")


def test_every_step_of_a_build_has_its_files(installed: Installed, house: House) -> None:
    """On the fake kernel: what a compile, a boot and a page need lies in the wheel."""
    program = str(installed.venv / "bin" / "ingot")
    for words in (["build", "6.1"], ["boot", "6.1"], ["report", "--to", "-"]):
        done = subprocess.run(
            [program, *words],
            cwd=installed.directory,
            env=house.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "<html" in done.stdout
    assert house.compiles() == 1
