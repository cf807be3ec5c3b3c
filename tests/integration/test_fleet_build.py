"""`ingot build --on local`: the same kernels and the same digests as a build without an engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import registry
from ingot.images import KERNEL_IMAGES
from tests.support.houses import House
from tests.support.registries import Served, serve


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


@pytest.fixture
def elsewhere(house: House) -> House:
    """Another machine with the same catalog: it has the source, but no builder and no image."""
    root = house.root / "elsewhere"
    shutil.copytree(house.kernels, root / "kernels")
    shutil.copytree(house.cache / "sources", root / "cache" / "sources", symlinks=True)
    return House(root)


def test_a_fleet_gives_the_digests_of_a_local_build(
    house: House, elsewhere: House, served: Served
) -> None:
    target = f"{served.address}/kernels"
    fleet = house.ingot("build", "6.1", "--on", "local", "--registry", target, "--json")
    assert fleet.returncode == 0, fleet.stderr
    (built,) = json.loads(fleet.stdout)["built"]
    alone = elsewhere.ingot("build", "6.1", "--json")
    (expected,) = json.loads(alone.stdout)["built"]
    assert built["recipe_key"] == expected["recipe_key"]
    assert built["images"] == expected["images"]
    key = built["recipe_key"].removeprefix("sha256:")[:12]
    for name in KERNEL_IMAGES:
        tags = registry.list_tags(f"{target}/{name}")
        assert {"6.1", "6.1.999", "6.1.999-x86_64", f"6.1.999-{key}"} <= set(tags)
    compiled = house.compiles()
    again = house.ingot("build", "6.1", "--on", "local", "--registry", target, "--json")
    assert json.loads(again.stdout)["built"][0]["found_in_store"] is True
    assert house.compiles() == compiled
