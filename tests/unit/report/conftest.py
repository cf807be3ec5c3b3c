"""A catalog whose kernels are reported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ingot.catalog import Catalog
from tests.support.catalogs import SMALL, load


@pytest.fixture
def small(tmp_path: Path) -> Catalog:
    """The small catalog, whose fragments ask for something."""
    small = load(tmp_path / "kernels", SMALL)
    asked: Mapping[str, str] = {
        "vmm/firecracker": "CONFIG_VIRTIO=y",
        "vmm/qemu": "CONFIG_MISSING=y",
        "feature/containers": "CONFIG_VETH=m\nCONFIG_VIRTIO=m",
        "feature/kubernetes": "CONFIG_IPVS=m\nCONFIG_NFS=m",
    }
    for name, lines in asked.items():
        small.fragment_file(name).write_text(f"{lines}\n")
    return small
