"""Compares the recipe of a kernel with an earlier build of it: which inputs are not the same.

The images of a build record the digests of its source, config and builder, and its recipe key, but
not its patches and the flags of make. Those are found by computing the key again: with the recorded
digests and the right patches and flags, the result is the recorded key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingot import kconfig
from ingot.arch import arch
from ingot.builder.builder_packages import PackageChange, changes
from ingot.builder.toolchain import make_flags
from ingot.digest import Digest
from ingot.images import KernelLabels, read_config, read_facts, read_packages
from ingot.kconfig import Config, Difference
from ingot.oci import Image
from ingot.pipeline.kernel_plan import Plan
from ingot.recipe import FORMAT, Recipe


@dataclass(frozen=True, slots=True)
class InputDifference:
    """An input of a recipe that an earlier build had differently.

    `name` is `source`, `patches`, `config`, `builder`, `flags` or `format`; `before` and `after`
    are its digest, or another short text.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RecipeDifferences:
    """All inputs that differ, in the order of the recipe.

    `options` are the options of the config that differ, and `packages` the packages of the builder;
    both are empty if they are not known.
    """

    inputs: tuple[InputDifference, ...]
    options: tuple[Difference, ...] = ()
    packages: tuple[PackageChange, ...] = ()


def differences(
    base: Image, recipe: Recipe, config: Config, packages: Sequence[str]
) -> RecipeDifferences:
    """The differences of an earlier build, by its base image, from a recipe.

    `config` and `packages` are the config and the builder's packages of the recipe.
    """
    facts = read_facts(base)
    if facts is None:
        return RecipeDifferences(())
    options: tuple[Difference, ...] = ()
    before = read_config(base.annotations)
    if before is not None and facts.config_digest != recipe.config:
        options = kconfig.diff(before, config)
    had = read_packages(base.annotations)
    changed = facts.builder_digest != recipe.builder and had and packages
    return RecipeDifferences(
        tuple(_inputs(facts, recipe)),
        options,
        changes(had or (), packages) if changed else (),
    )


def differences_of_plan(base: Image, plan: Plan) -> RecipeDifferences:
    """The differences that show without a resolved config: those of pinned sources and of options.

    The options are those whose requested value the earlier build does not have.
    """
    facts, config = read_facts(base), read_config(base.annotations)
    pins = list(plan.kernel.pins.values())
    inputs: list[InputDifference] = []
    if facts and pins and facts.source_digest not in pins:
        inputs += _differing("source", str(facts.source_digest), str(pins[0]))
    options = tuple(
        Difference(option, config.value(option), request.value)
        for option, request in plan.requests.items()
        if config and not kconfig.serves(request.value, config.value(option))
    )
    return RecipeDifferences(tuple(inputs), options)


def _inputs(facts: KernelLabels, recipe: Recipe) -> Iterator[InputDifference]:
    yield from _differing("source", str(facts.source_digest), str(recipe.source))
    earlier = _earlier_recipe(facts, recipe)
    if earlier:
        before, after = map(_patches, (earlier.patches, recipe.patches))
        yield from _differing("patches", before, after)
    else:
        yield InputDifference("patches or flags", "not recorded", _patches(recipe.patches))
    yield from _differing("config", str(facts.config_digest), str(recipe.config))
    yield from _differing("builder", str(facts.builder_digest), str(recipe.builder))
    if earlier:
        yield from _differing("flags", " ".join(earlier.make_flags), " ".join(recipe.make_flags))
        yield from _differing("format", str(earlier.format), str(recipe.format))


def _differing(name: str, before: str, after: str) -> Iterator[InputDifference]:
    if before != after:
        yield InputDifference(name, before, after)


def _patches(digests: Sequence[Digest]) -> str:
    return ", ".join(digest.short for digest in digests) or "none"


def _earlier_recipe(facts: KernelLabels, recipe: Recipe) -> Recipe | None:
    """The recipe of the earlier build, if its patches are those of `recipe`, or some of them."""
    subsets = [recipe.patches[:count] for count in range(len(recipe.patches), -1, -1)]
    flags = [make_flags(arch(facts.arch), llvm=llvm) for llvm in (False, True)]
    for number in range(FORMAT, 0, -1):
        for patches in subsets:
            for words in (recipe.make_flags, *flags):
                tried = Recipe(
                    source=facts.source_digest,
                    patches=patches,
                    config=facts.config_digest,
                    builder=facts.builder_digest,
                    arch=facts.arch,
                    make_flags=words,
                    format=number,
                )
                if tried.key == facts.recipe_key:
                    return tried
    return None
