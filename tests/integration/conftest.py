"""A house to build fake kernels in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.houses import House, make_house


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return make_house(tmp_path, monkeypatch)
