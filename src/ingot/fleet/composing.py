"""The build of many kernels on an engine, from their recipes to their tags in the registry.

recipes     computed here: configs are resolved, nothing is compiled
registry    asked once for each recipe: what it has is not built again
builder     sent to the registry with the catalog, so that every machine uses the same
jobs        one for each missing recipe, submitted and followed
tags        the moving tags and the indexes, once, for every kernel that the registry has
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot import pipeline
from ingot.builder import builder_image, rootfs_builder
from ingot.catalog import BuilderSpec, Kernel
from ingot.digest import Digest
from ingot.errors import IngotError, UserError, system_error
from ingot.fleet.catalog_image import send_catalog
from ingot.fleet.engine import Engine
from ingot.fleet.failures import error_of
from ingot.fleet.following import Outcome, run_jobs
from ingot.fleet.job import Job, Resources, SecretFile
from ingot.oci import read_image
from ingot.pipeline import site_of
from ingot.progress import Progress
from ingot.publish.promotion import FoundKernel, find_kernel, find_kernels, promote
from ingot.publish.publishing import ship
from ingot.publish.shipment import gather_builder
from ingot.recipe import Recipe
from ingot.registry import Registry
from ingot.setting import Setting

Failed = tuple[Kernel, IngotError]


@dataclass(frozen=True, slots=True)
class Plan:
    """The recipes of the kernels, what the registry has of them, and the kernels that failed."""

    recipes: Mapping[Kernel, Recipe]
    present: Sequence[FoundKernel]
    failed: Sequence[Failed]

    @property
    def missing(self) -> dict[Digest, Kernel]:
        """The recipes that the registry lacks, each with the first kernel that has it.

        Two flavors with one config are one recipe, and one job.
        """
        there = {found.recipe_key for found in self.present}
        missing: dict[Digest, Kernel] = {}
        for kernel, recipe in self.recipes.items():
            if recipe.key not in there:
                missing.setdefault(recipe.key, kernel)
        return missing


@dataclass(frozen=True, slots=True)
class Finished:
    """The result: the kernels that the registry has and their tags, and the errors of the others.

    `before` are the recipe keys that the registry had before any job ran.
    """

    kernels: Sequence[FoundKernel]
    before: frozenset[Digest]
    failed: Sequence[Failed]


def make_plan(
    setting: Setting, kernels: Sequence[Kernel], target: Registry, progress: Progress
) -> Plan:
    """Compute the recipes and ask the registry for them. A kernel that fails stops no other."""
    _require_shareable(setting, kernels)
    recipes, failed = {}, []
    for kernel in kernels:
        try:
            recipes[kernel] = pipeline.find_recipe(setting, kernel, progress)
        except (IngotError, OSError) as error:
            failed.append((kernel, system_error(error) if isinstance(error, OSError) else error))
    keys = {kernel: recipe.key for kernel, recipe in recipes.items()}
    present = find_kernels(keys, target, progress) if keys else []
    return Plan(recipes, present, failed)


def make_jobs(
    setting: Setting,
    plan: Plan,
    target: Registry,
    resources: Resources,
    secrets: tuple[SecretFile, ...],
    progress: Progress,
) -> list[Job]:
    """A job for each missing recipe; sends the catalog and the builders that the jobs use."""
    missing = plan.missing
    if not missing:
        return []
    site = site_of(setting.project)
    builders = list(dict.fromkeys(kernel.builder for kernel in missing.values()))
    for spec in builders:
        _send_builder(setting, spec, target, progress)
    catalog = send_catalog(setting.project, builders, site, target, progress)
    return [
        Job(
            recipe_key=key,
            kernel=kernel.tag,
            arch=kernel.arch.name,
            machine=site.host.name,
            argv=_job_words(setting, kernel, key, catalog, target),
            resources=resources,
            registry=target,
            secrets=secrets,
            affinity=str(plan.recipes[kernel].source.short),
        )
        for key, kernel in missing.items()
    ]


def run(
    engine: Engine, jobs: Sequence[Job], plan: Plan, target: Registry, progress: Progress
) -> Sequence[Outcome]:
    """Run the jobs to their end; errors as in `run_jobs`."""
    kernels = plan.missing

    def is_built(job: Job) -> bool:
        return find_kernel(kernels[job.recipe_key], job.recipe_key, target) is not None

    return run_jobs(engine, jobs, is_built, progress)


def finish(
    plan: Plan, outcomes: Sequence[Outcome], engine: str, target: Registry, progress: Progress
) -> Finished:
    """Set the moving tags and indexes of every kernel that the registry has now.

    `engine` is the engine's name for `--on`, for the next steps in errors.
    """
    before = frozenset(found.recipe_key for found in plan.present)
    errors = {
        outcome.job.recipe_key: error_of(outcome, engine)
        for outcome in outcomes
        if not outcome.is_built
    }
    failed = [
        (kernel, errors[recipe.key])
        for kernel, recipe in plan.recipes.items()
        if recipe.key in errors
    ]
    built = {
        kernel: recipe.key
        for kernel, recipe in plan.recipes.items()
        if recipe.key not in errors and recipe.key not in before
    }
    found = [*plan.present, *(find_kernels(built, target, progress) if built else [])]
    if found:
        promote(found, target, progress)
    return Finished(found, before, [*plan.failed, *failed])


def _require_shareable(setting: Setting, kernels: Sequence[Kernel]) -> None:
    """UserError for what another machine cannot have."""
    if setting.options.local:
        raise UserError(
            "--source cannot be used with --on",
            why="the jobs run on other machines, which do not have that source",
            hint="add the version to the catalog with a git origin, or build it here",
        )
    if setting.options.patches:
        raise UserError(
            "--patch cannot be used with --on",
            why="the tags in the registry would not name the patch",
            hint="put the patch into the catalog: docs/catalog.md, Patches",
        )
    if any(kernel.builder.kind != rootfs_builder.KIND for kernel in kernels):
        raise UserError(
            "--on needs a builder made of packages",
            why="a compiler of this machine, or an image of a container engine, is not the same"
            " on other machines",
            hint="leave out --builder, or name a builder of the catalog with a suite",
        )


def _job_words(
    setting: Setting, kernel: Kernel, key: Digest, catalog: str, target: Registry
) -> tuple[str, ...]:
    """The command line of a job, without the program."""
    return (
        *("fleet", "job", kernel.tag),
        *("--builder", kernel.builder.name),
        *("--recipe", key.hex),
        *("--catalog-image", catalog),
        *("--registry", target.name),
        *("--boot-timeout", str(setting.options.boot_seconds)),
        *(("--insecure",) if target.insecure else ()),
    )


def _send_builder(
    setting: Setting, spec: BuilderSpec, target: Registry, progress: Progress
) -> None:
    """Push a builder of the store under the immutable tag of its packages."""
    layout, site = setting.project.layout, site_of(setting.project)
    pipeline.ensure_builder(setting, spec, progress)
    descriptor = builder_image.find(spec, site)
    assert descriptor is not None, "it was made just now"
    digest = builder_image.labelled_digest(read_image(layout, descriptor).labels)
    assert digest is not None, "every builder that Ingot makes has this label"
    tag = builder_image.fixed_tag(spec.name, digest).partition(":")[2]
    with layout.in_use():
        ship(layout, [gather_builder(layout, descriptor, tag)], target, progress)
