"""A house to build fake kernels in: a catalog, the fake tree's tarball in the cache, fake tools.

What is real: everything of Ingot, make, tar, git. What is fake: the sandbox, the bootstrap, the
machine. A whole build takes a second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot import catalog, pipeline
from ingot.digest import Digest
from ingot.oci import Layout
from ingot.pipeline import Built
from ingot.progress import Silent
from ingot.setting import Project, RunOptions, Setting
from ingot.source.local_source import local_source
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion
from ingot.workspace import Workspace
from tests.support import fakes
from tests.support.documents import document_mistakes
from tests.support.places import FAKE_TREE, FAKES

VERSION = KernelVersion.parse("6.1.999")
_CATALOG = """
[defaults]
builder = "test"
arches = ["x86_64"]

[vmms.firecracker]

[flavors.default]
vmms = ["firecracker"]

[origins]
order = ["debian"]
debian_suites = []

[builders.test]
suite = "bookworm"
packages = ["make"]

[series."6.1".versions."6.1.999".sha256]
debian = "{digest}"
"""


@dataclass(frozen=True, slots=True)
class House:
    """A checkout's worth of directories below `root`."""

    root: Path

    @property
    def kernels(self) -> Path:
        return self.root / "kernels"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def layout(self) -> Layout:
        return Layout(self.root / "images")

    def fragment(self, name: str, *lines: str) -> None:
        path = self.kernels / "fragments" / f"{name}.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def setting(self, local: Path | None = None) -> Setting:
        workspace = Workspace(self.cache, self.root / "build")
        project = Project(catalog.load(self.kernels), self.layout, workspace, "x86_64")
        return Setting(project, RunOptions(local=local))

    def build(self, local: Path | None = None) -> Built:
        setting = self.setting(local)
        return pipeline.build(setting, setting.project.catalog.kernels[0], Silent())

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "ingot", *words]

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "INGOT_CATALOG": str(self.kernels),
            "INGOT_CACHE": str(self.cache),
            "INGOT_BUILD_DIR": str(self.root / "build"),
        }

    def ingot(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command. What it prints with --json must have the shape of its document."""
        done = subprocess.run(
            self.command(*words),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert document_mistakes(words, done.stdout) == []
        return done

    def recorded(self, tool: str) -> list[list[str]]:
        """The argument lists that a fake tool was started with, in order."""
        record = Path(fakes.told()["FAKE_RECORD"])
        lines = record.read_text().splitlines() if record.exists() else []
        calls: list[list[str]] = [json.loads(line) for line in lines]
        return [words[1:] for words in calls if words[0] == tool]

    def compiles(self) -> int:
        """How often a kernel was compiled."""
        return sum("vmlinux" in words for words in self.recorded("bwrap"))


def make_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house below a directory, with the fakes on the path as long as `monkeypatch` lasts."""
    fakes.install(monkeypatch, tmp_path / "fakes", FAKES, FAKE_RECORD=str(tmp_path / "record"))
    house = House(tmp_path)
    house.fragment("base/linux", "CONFIG_MODULES=y", "CONFIG_PARENT=y")
    house.fragment("base/x86_64", "CONFIG_CHILD=m")
    house.fragment("vmm/firecracker", "# nothing")
    digest = _put_into_cache(house, pack_fake_tree(tmp_path))
    (house.kernels / "rules.toml").touch()
    (house.kernels / "kernels.toml").write_text(_CATALOG.format(digest=digest.hex))
    return house


def pack_fake_tree(directory: Path) -> Path:
    """The fake tree as upstream would pack it."""
    tree = directory / "linux-6.1.999"
    shutil.copytree(FAKE_TREE, tree)
    tarball = directory / "linux-6.1.999.tar.xz"
    words = ["tar", "--mtime=@1700000000", "-C", str(directory), "-cJf", str(tarball), tree.name]
    subprocess.run(words, check=True)
    shutil.rmtree(tree)
    return tarball


def _put_into_cache(house: House, tarball: Path) -> Digest:
    workspace = Workspace(house.cache)
    workspace.prepare()
    cache = SourceCache(workspace.sources)
    return local_source(tarball, VERSION, cache, Silent()).digest
