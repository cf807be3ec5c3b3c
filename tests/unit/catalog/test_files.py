"""A file of a catalog whose name is not read is a mistake: it would be ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.catalogs import SMALL, load, mistakes

IGNORED = [
    ("configs/linux-x86_64-6.1-minimal.config", "names a series, not a version, such as linux-x"),
    ("configs/linux-amd64-6.1.9.config", "is for an unknown arch (known: x86_64, arm64)"),
    ("configs/linux-x86_64-6.1.9-minimum.config", "is for a flavor that the catalog does not"),
    ("configs/x86_64-6.1.9.config", "is not used: name it linux-ARCH-VERSION.config"),
    ("configs/linux-x86_64-6.1.9", "is not used: name it linux-ARCH-VERSION.config"),
    ("patches/6.2/0001-fix.patch", "is for a series that the catalog does not have"),
    ("patches/6.1/0001-fix.txt", "is not applied: the name of a patch ends in .patch or .diff"),
    ("patches/series", "neither in the directory of a series nor in a [[patches]] table"),
    ("patches/0001-fix.patch", "is neither in the directory of a series"),
    ("fragments/feature/typo.config", "has no table [features.typo]"),
    ("fragments/vmm/typo.toml", "has no table [vmms.typo]"),
    ("fragments/features/containers.config", "is not in fragments/base, fragments/vmm or"),
    ("fragments/base/linux-6.1.config", "name it linux or x86_64 or arm64"),
    ("builders/typo-x86_64.lock", "is not the lock of a builder"),
    ("builders/bookworm.lock", "is not the lock of a builder"),
]
READ = [
    "configs/README.md",
    "configs/linux-x86_64-6.1.9.config",
    "configs/linux-arm64-6.1.9-minimal.config",
    "configs/linux-x86_64-6.1.9-with-bpf.config",
    "configs/linux-x86_64-6.1.9-minimal-with-bpf.config",
    "configs/.linux.config.swp",
    "patches/6.1/0001-fix.patch",
    "patches/README.md",
    "fragments/README.md",
    "builders/bookworm-arm64.lock",
]


def put(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize(("name", "why"), IGNORED)
def test_a_file_that_would_be_ignored_is_one_mistake(tmp_path: Path, name: str, why: str) -> None:
    put(tmp_path, name)
    (found,) = mistakes(tmp_path, SMALL)
    assert found.startswith(f"kernels.toml: {name} ")
    assert why in found


def test_files_that_are_read_or_only_for_people_are_no_mistakes(tmp_path: Path) -> None:
    for name in READ:
        put(tmp_path, name)
    assert load(tmp_path).kernels
