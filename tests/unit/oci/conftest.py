from __future__ import annotations

from pathlib import Path

import pytest

from ingot.oci import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "images")
