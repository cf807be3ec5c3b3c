"""The recipe key: stable, moved by every part of the recipe, and by nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from ingot.recipe import Recipe
from tests.support.digests import digest

RECIPE = Recipe(
    source=digest("source"),
    patches=(digest("first"), digest("second")),
    config=digest("config"),
    builder=digest("builder"),
    arch="x86_64",
    make_flags=("ARCH=x86", "LOCALVERSION="),
    format=1,
)
GOLDEN = "b6fab21483439b595f6d29f6fecaf70945448509fddcf988191be67cab8d6ff7"
"""A key that moves makes every fleet compile everything again: only with a new FORMAT."""

CHANGES: dict[str, object] = {
    "source": digest("other"),
    "patches": (digest("second"), digest("first")),
    "config": digest("other"),
    "builder": digest("other"),
    "arch": "arm64",
    "make_flags": ("LOCALVERSION=", "ARCH=x86"),
    "format": 2,
}


def test_the_key_is_what_it_was() -> None:
    assert RECIPE.key.hex == GOLDEN


def test_every_field_of_a_recipe_is_changed_below() -> None:
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Recipe)}


@pytest.mark.parametrize("name", CHANGES)
def test_each_field_moves_the_key(name: str) -> None:
    changed = dataclasses.replace(RECIPE, **{name: CHANGES[name]})  # type: ignore[arg-type]
    assert changed.key != RECIPE.key


@pytest.mark.parametrize(
    "patches", [(), (digest("first"),), (digest("first"), digest("second"), digest("second"))]
)
def test_the_number_of_patches_moves_the_key(patches: tuple[object, ...]) -> None:
    assert dataclasses.replace(RECIPE, patches=patches).key != RECIPE.key  # type: ignore[arg-type]


def test_parts_cannot_trade_places() -> None:
    swapped = dataclasses.replace(RECIPE, source=RECIPE.config, config=RECIPE.source)
    assert swapped.key != RECIPE.key
