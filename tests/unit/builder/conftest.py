"""A site for builders below a temporary directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.builder.builder_site import Site
from ingot.oci import Layout


@pytest.fixture
def site(tmp_path: Path) -> Site:
    layout = Layout(tmp_path / "images")
    return Site(arch("x86_64"), layout, tmp_path / "builders", tmp_path / "kernels")
