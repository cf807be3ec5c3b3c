"""Says what a build would do, and why, without downloading, compiling or tagging anything.

The config is resolved if the cache has the source and the builder, since only the resolved config
shows whether the store has the recipe. Otherwise the forecast says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ingot.builder import builder_kinds
from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.images import BASE, find_images, read_facts, tags_of_store
from ingot.kconfig import Config
from ingot.oci import Image, read_image
from ingot.pipeline.builders import known_builder, site_of
from ingot.pipeline.configs import require_sound, resolve_all
from ingot.pipeline.inputs import known_sources, obtain_source
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.pipeline.recipe_differences import (
    RecipeDifferences,
    differences,
    differences_of_plan,
)
from ingot.pipeline.registry_cache import has_kernel
from ingot.progress import Progress, Silent
from ingot.recipe import Recipe
from ingot.setting import Setting, in_use
from ingot.source.obtain import find_cached
from ingot.source.origins import origins_of
from ingot.source.trees.source_cache import SourceCache


class Action(Enum):
    """What a build would do: use the images of the store, pull them, or compile.

    UNDECIDED: it would get what is missing, and then find, pull or compile the kernel.
    """

    FOUND = "found"
    PULL = "pull"
    COMPILE = "compile"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the build of a kernel would do.

    `missing` is what would have to be downloaded or made first. `recipe_key` is None if the config
    cannot be resolved without it. `earlier` is the recipe key of the build that has the kernel's
    tag in the store now, and `differences` compares that build; both are None if there is none. For
    an undecided kernel, these are the differences that can be seen without its config.
    """

    kernel: Kernel
    action: Action
    recipe_key: Digest | None = None
    missing: tuple[str, ...] = ()
    earlier: Digest | None = None
    differences: RecipeDifferences | None = None


def forecast(setting: Setting, kernel: Kernel, progress: Progress) -> Forecast:
    """What `build` would do for a kernel; UserError if its config would be refused."""
    plan = make_plan(setting.project.catalog, kernel, setting.options)
    base = _tagged_base(setting, kernel)
    facts = read_facts(base) if base else None
    earlier = facts.recipe_key if facts else None
    with in_use(setting.project, progress):
        missing = tuple(_missing(setting, kernel))
        known = _known_recipe(setting, plan)
        if known is None and not missing:
            known = _resolved_recipe(setting, plan, progress)
        if known is None:
            return Forecast(
                kernel,
                Action.UNDECIDED,
                missing=missing,
                earlier=earlier,
                differences=differences_of_plan(base, plan) if base else None,
            )
        recipe, config = known
        action = _action(setting, kernel, recipe, progress)
    compared = None
    if base and earlier != recipe.key:
        site = site_of(setting.project)
        packages = builder_kinds.packages(kernel.builder, kernel.arch, site) or ()
        compared = differences(base, recipe, config, packages)
    return Forecast(
        kernel,
        action,
        recipe_key=recipe.key,
        missing=missing if action == Action.COMPILE else (),
        earlier=earlier,
        differences=compared,
    )


def _action(setting: Setting, kernel: Kernel, recipe: Recipe, progress: Progress) -> Action:
    if find_images(setting.project.layout, kernel.version, recipe.key):
        return Action.FOUND
    return Action.PULL if has_kernel(setting, kernel, recipe, progress) else Action.COMPILE


def _tagged_base(setting: Setting, kernel: Kernel) -> Image | None:
    """The base image that has the kernel's tag in the store; None if it is missing or damaged."""
    layout = setting.project.layout
    descriptor = tags_of_store(layout).get(f"{BASE}:{kernel.tag}")
    if descriptor is None or not layout.is_complete(descriptor):
        return None
    try:
        image = read_image(layout, descriptor)
        return image if read_facts(image) else None
    except IngotError:  # a build does not use it either
        return None


def _missing(setting: Setting, kernel: Kernel) -> Iterator[str]:
    """What the config cannot be resolved without, and is not there yet."""
    project = setting.project
    if not setting.options.local:
        cache = SourceCache(project.workspace.sources)
        origins = origins_of(project.catalog)
        if find_cached(kernel.version, origins, kernel.pins, cache) is None:
            yield f"the source of linux {kernel.version}, which is not in the cache"
    if known_builder(project, kernel) is None:
        yield f"the builder '{kernel.builder.name}', which does not exist yet"


def _known_recipe(setting: Setting, plan: Plan) -> tuple[Recipe, Config] | None:
    """The recipe from pinned digests and a config of the cache, one that the store has if any."""
    project, found = setting.project, []
    builder = known_builder(project, plan.kernel)
    if builder is None or setting.options.local:
        return None
    for source in known_sources(project, plan.kernel):
        config = plan.kept_config(source, builder, project.workspace)
        if config is not None:
            found.append((plan.recipe(source, builder, config), config))
    version = plan.kernel.version
    stored = (each for each in found if find_images(project.layout, version, each[0].key))
    return next(stored, found[0] if found else None)


def _resolved_recipe(setting: Setting, plan: Plan, progress: Progress) -> tuple[Recipe, Config]:
    """The recipe with the config resolved now; the source and the builder are available."""
    (resolved,) = resolve_all(setting, [plan.kernel], progress)
    require_sound(resolved)
    source = obtain_source(setting, plan.kernel, Silent())  # its step has been shown
    builder = known_builder(setting.project, plan.kernel)
    assert builder is not None
    return plan.recipe(source.digest, builder, resolved.config), resolved.config
