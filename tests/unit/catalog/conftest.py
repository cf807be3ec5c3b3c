"""A small catalog that has one of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.catalog import Catalog
from tests.support.catalogs import load


@pytest.fixture
def small(tmp_path: Path) -> Catalog:
    return load(tmp_path / "kernels")
