"""Which inputs of a recipe differ from an earlier build, as far as its images record them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.builder.toolchain import make_flags
from ingot.cli.build_forecast import options_text
from ingot.images import BASE
from ingot.kconfig import Config, Difference
from ingot.oci import Image, read_image
from ingot.pipeline.recipe_differences import differences
from ingot.recipe import FORMAT, Recipe
from tests.support.digests import digest
from tests.support.kernel_images import CONFIG, RECIPE, Kernel, make_kernel


def built(tmp_path: Path, recipe: Recipe) -> Image:
    """The base image of an earlier build of this recipe."""
    kernel = make_kernel(tmp_path)
    facts = dataclasses.replace(
        kernel.facts,
        recipe_key=recipe.key,
        source_digest=recipe.source,
        builder_digest=recipe.builder,
        config_digest=recipe.config,
    )
    images = Kernel(kernel.layout, kernel.artifacts, facts).write()
    return read_image(kernel.layout, images[BASE])


def names(base: Image, recipe: Recipe) -> list[str]:
    return [each.name for each in differences(base, recipe, Config(CONFIG), ()).inputs]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"source": digest("other")}, "source"),
        ({"builder": digest("other")}, "builder"),
        ({"config": digest("other")}, "config"),
        ({"patches": (digest("patch"), digest("second"))}, "patches"),
    ],
)
def test_the_input_that_differs_is_named(
    tmp_path: Path, changed: dict[str, object], name: str
) -> None:
    base = built(tmp_path, RECIPE)
    assert names(base, RECIPE) == []
    now = dataclasses.replace(RECIPE, **changed)  # type: ignore[arg-type]
    assert names(base, now) == [name]


def test_an_earlier_format_is_found_by_the_key(tmp_path: Path) -> None:
    earlier = dataclasses.replace(RECIPE, format=FORMAT - 1)
    assert names(built(tmp_path, earlier), RECIPE) == ["format"]


def test_another_compiler_is_found_by_the_key(tmp_path: Path) -> None:
    earlier = dataclasses.replace(RECIPE, make_flags=make_flags(arch("x86_64"), llvm=True))
    assert names(built(tmp_path, earlier), RECIPE) == ["flags"]


def test_patches_that_are_not_recorded_are_not_guessed(tmp_path: Path) -> None:
    earlier = dataclasses.replace(RECIPE, patches=(digest("unknown"),))
    assert names(built(tmp_path, earlier), RECIPE) == ["patches or flags"]


def test_options_of_the_config_are_compared(tmp_path: Path) -> None:
    base = built(tmp_path, RECIPE)
    now = Config(CONFIG.replace("CONFIG_A=y", "CONFIG_A=m") + "CONFIG_D=y\n")
    recipe = dataclasses.replace(RECIPE, config=now.digest)
    found = differences(base, recipe, now, ())
    assert found.options == (Difference("A", "y", "m"), Difference("D", "n", "y"))
    assert options_text(found.options) == "2 options differ: A y -> m, D n -> y"


def test_only_the_first_options_are_named() -> None:
    options = [Difference(f"OPTION_{number}", "n", "y") for number in range(9)]
    assert options_text(options[:1]) == "1 option differs: OPTION_0 n -> y"
    text = options_text(options)
    assert text.startswith("9 options differ: OPTION_0 n -> y, ")
    assert text.endswith("OPTION_5 n -> y and 3 more")
