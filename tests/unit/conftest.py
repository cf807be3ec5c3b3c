"""Fixtures of the unit tests: a listener to progress, and a setting of one kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.setting import Setting
from tests.support.one_kernel import make_setting
from tests.support.progress import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return make_setting(tmp_path)
