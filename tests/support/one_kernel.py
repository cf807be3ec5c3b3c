"""A catalog of one kernel, and the setting of someone who builds it."""

from __future__ import annotations

from pathlib import Path

from ingot import catalog
from ingot.oci import Layout
from ingot.setting import Project, Setting
from ingot.workspace import Workspace

PIN = "ab" * 32
CATALOG = f"""\
[defaults]
builder = "bookworm"
arches = ["x86_64"]
[vmms.qemu]
[flavors.default]
vmms = ["qemu"]
[origins]
order = ["debian"]
[builders.bookworm]
suite = "bookworm"
packages = ["bc"]
[series."6.1".versions."6.1.176".sha256]
debian = "{PIN}"
"""


def make_setting(directory: Path) -> Setting:
    """The catalog, an empty store, a cache and a build directory, all below `directory`."""
    fragment = directory / "kernels" / "fragments" / "vmm" / "qemu.config"
    fragment.parent.mkdir(parents=True)
    fragment.touch()
    (directory / "kernels" / "kernels.toml").write_text(CATALOG)
    (directory / "kernels" / "rules.toml").touch()
    found = catalog.load(directory / "kernels")
    workspace = Workspace(directory / "cache", directory / "build")
    workspace.lock("use").parent.mkdir(parents=True)
    return Setting(Project(found, Layout(found.store), workspace, "x86_64"))
