"""A kernel tree of a few Kconfig files, and a builder to ask it in.

What is real: make, the survey, kconfiglib. It starts the survey the way the kernel's own Kconfig
does, through `$(shell,...)` in the file it is told to read. What is fake: the sandbox.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import configure
from ingot.arch import arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.digest import Digest
from ingot.kconfig.option_table import OptionTable
from tests.support import fakes
from tests.support.places import FAKES

TREE = Path(__file__).parent / "tree"


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OptionTable]:
    """The table of the tree as it is: a survey takes most of a second."""
    with pytest.MonkeyPatch.context() as patch:
        sandbox = make_sandbox(tmp_path_factory.mktemp("survey"), patch)
        yield configure.survey(sandbox, arch("x86_64"), sandbox.build / "log")


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    return make_sandbox(tmp_path, monkeypatch)


def make_sandbox(directory: Path, patch: pytest.MonkeyPatch) -> Sandbox:
    """The tree in a sandbox below `directory`, with the fake tools on the PATH."""
    fakes.install(patch, directory / "fakes", FAKES, FAKE_RECORD=str(directory / "record"))
    shutil.copytree(TREE, directory / "source")
    for name in ("root", "build"):
        (directory / name).mkdir()
    builder = Builder("test", Digest.of(b"builder"), directory / "root")
    return Sandbox(builder, directory / "source", directory / "build")
