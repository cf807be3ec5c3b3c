"""A small catalog, and changes to it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ingot import catalog
from ingot.catalog import Catalog, Kernel
from ingot.errors import UserError

PIN = "ab" * 32
SMALL = f"""\
# A catalog for tests.
[defaults]
builder = "bookworm"
arches = ["x86_64", "arm64"]
flavors = ["default", "minimal"]

[origins]
order = ["kernel.org", "debian"]
debian_suites = ["bookworm"]

[builders.bookworm]
suite = "bookworm"
packages = ["zstd", "bc", "zstd"]

[builders.old]
suite = "bullseye"
packages = ["bc"]

[vmms.firecracker]
about = "small"
experimental = ["arm64"]

[vmms.qemu]
since = {{ x86_64 = "5.0" }}

[features.containers]

[features.kubernetes]
about = "nodes"
needs = ["containers"]

[features.bpf]

[features.landlock]
since = "5.13"

[features.sandbox]
needs = ["landlock"]

[flavors.default]
about = "for nodes"
vmms = ["firecracker", "qemu"]
features = ["kubernetes", "landlock"]

[flavors.minimal]
like = "default"
features = []

[flavors.monolithic]
like = "default"
monolithic = true

[series."4.19"]
end_of_life = 2024-12-05
builder = "old"
arches = ["x86_64"]
flavors = ["default"]
[series."4.19".versions."4.19.325"]

[series."5.10"]
end_of_life = 2026-12-31
supported_by = {{ firecracker = "1.0.0" }}
[series."5.10".versions."5.10.9"]
[series."5.10".versions."5.10.262".sha256]
debian = "{PIN}"

# The newest.
[series."6.1"]
flavors = ["default", "minimal", "monolithic"]
[series."6.1".versions."6.1.176"]
"""


def write(root: Path, text: str) -> None:
    """Make a catalog directory: the file, and an empty fragment for each table it has."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "kernels.toml").write_text(text)
    (root / "rules.toml").touch()
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    names = ["base/linux", "base/x86_64", "base/arm64"]
    names += [f"vmm/{name}" for name in document.get("vmms", {})]
    names += [f"feature/{name}" for name in document.get("features", {})]
    for name in names:
        path = root / "fragments" / f"{name}.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def load(root: Path, text: str = SMALL) -> Catalog:
    write(root, text)
    return catalog.load(root)


def changed(old: str, new: str) -> str:
    """SMALL with something else in place of `old`, the first time it occurs."""
    assert old in SMALL
    return SMALL.replace(old, new, 1)


def mistakes(root: Path, text: str) -> list[str]:
    """The lines that loading this catalog complains with."""
    with pytest.raises(UserError) as caught:
        load(root, text)
    assert str(root / "kernels.toml") in caught.value.what
    return caught.value.why.splitlines()


def line_of(text: str, part: str) -> int:
    """The number of the first line that has this in it."""
    return next(n for n, line in enumerate(text.splitlines(), start=1) if part in line)


def tags(kernels: list[Kernel]) -> list[str]:
    return [kernel.tag for kernel in kernels]
