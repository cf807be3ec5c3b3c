"""A hundred jobs on a cluster on loopback, with faults of every kind and killed clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cluster.storm import Storm, weather

pytest.importorskip("kubernetes")


def test_every_kernel_is_built_once_or_its_failure_is_reported(tmp_path: Path) -> None:
    storm = Storm(tmp_path, count=100, seed=7)
    left = weather(storm, most_kills=2)
    built = {path.name for path in (tmp_path / "results").iterdir()}
    assert built | storm.broken() == {job.kernel for job in storm.jobs()}
    assert set(left.failures) == storm.broken()
    for kernel, text in left.failures.items():
        assert f"{kernel} does not compile" in text
    assert not list((tmp_path / "twice").iterdir())
    assert left.orphans == []
