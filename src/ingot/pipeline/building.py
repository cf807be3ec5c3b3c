"""Builds one kernel, from its entry in the catalog to booted, tagged images.

Nothing is tagged before it has booted, and all of a kernel's tags are set in one step. A build
that is killed leaves only untagged data; the next build reuses the verified parts of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingot import tools
from ingot.arch import arch_called
from ingot.catalog import Kernel
from ingot.compile import compile_kernel
from ingot.digest import Digest
from ingot.files import disk_errors, locked
from ingot.images import (
    BASE,
    facts_of,
    find_images,
    outdated_tags,
    read_facts,
    tags_for,
    write_images,
)
from ingot.oci import Descriptor, read_image
from ingot.pipeline.builders import builder_for, known_builder
from ingot.pipeline.caches import compile_cache
from ingot.pipeline.configs import kept_config, require_sound, resolve
from ingot.pipeline.inputs import known_sources, obtain_source
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.pipeline.registry_cache import fetch_builder, fetch_compiled_files, fetch_kernel
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Progress, Timed, Timing
from ingot.recipe import Recipe
from ingot.setting import Project, Setting, in_use
from ingot.source.local_source import require_unchanged
from ingot.source.trees import patched_tree as patching

if TYPE_CHECKING:
    from ingot.boot.boot_report import BootReport


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One image of the store: its tag, its manifest's digest, its bytes in a registry."""

    tag: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Built:
    """The result of one kernel's build.

    `found`: the store had its images, so nothing was compiled. `pulled`: they were pulled from the
    registry used as a cache, so nothing was compiled either.
    """

    kernel: Kernel
    recipe_key: Digest
    images: tuple[BuiltImage, ...]
    found: bool
    pulled: bool
    boot: BootReport | None
    timings: tuple[Timing, ...]


def build(setting: Setting, kernel: Kernel, progress: Progress) -> Built:
    """Build one kernel, or find its images in the store; returns when they are tagged.

    Raises an IngotError if it fails; nothing is tagged then. Of two calls for the same kernel, the
    second waits, and then finds the images of the first.
    """

    def waiting() -> None:
        progress.note(f"{kernel.tag}: another build of it is running; waiting")

    plan = make_plan(setting.project.catalog, kernel, setting.options.patches)
    timed = Timed(progress)
    with in_use(setting.project, progress):
        if built := _find_without_work(setting, plan, timed):
            # a build that was killed after it had tagged the images may have left its directory
            setting.project.workspace.remove_stale()
            return built
        tools.require_all(kernel.arch.name, kind=kernel.builder.kind)
        with locked(setting.project.workspace.lock(f"kernel-{kernel.tag}"), on_wait=waiting):
            fetch_builder(setting, kernel.builder, timed)
            return _find_without_work(setting, plan, timed) or _build(setting, plan, timed)


def _find_without_work(setting: Setting, plan: Plan, timed: Timed) -> Built | None:
    """Look for the recipe in the store, using only pinned digests and cached configs.

    Needs only the digests of source and builder, not their files; takes milliseconds.
    """
    builder = known_builder(setting.project, plan.kernel)
    if builder is None or setting.options.local:
        return None
    for source in known_sources(setting.project, plan.kernel):
        config = kept_config(setting.project, plan, source, builder)
        if config is None:
            continue
        recipe = plan.recipe(source, builder, config)
        if built := _find(setting.project, plan.kernel, recipe, timed):
            return built
    return None


def _find(project: Project, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """The images of this recipe in the store, if any; the moving tags are set to them."""
    found = find_images(project.layout, kernel.version, recipe.key)
    if found is None:
        return None
    tags = _accept(project, kernel, found, timed)
    timed.note(f"{kernel.tag}: the store has recipe {recipe.key.short}; nothing to compile")
    return _built(project, kernel, recipe, tags, timed, found=True)


def _pull(setting: Setting, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """Pull the images of this recipe from the registry used as a cache, if it has them.

    They are not booted again: Ingot tags only images that have booted where they were built.
    """
    with setting.project.layout.in_use():
        found = fetch_kernel(setting, kernel, recipe, timed)
        if found is None:
            return None
        fetch_compiled_files(setting, found[BASE], timed)
        tags = _accept(setting.project, kernel, found, timed)
    return _built(setting.project, kernel, recipe, tags, timed, pulled=True)


def _accept(
    project: Project, kernel: Kernel, images: Mapping[str, Descriptor], timed: Timed
) -> dict[str, Descriptor]:
    """Tag a kernel's images, unless they are tagged; BootError if it exceeds its budget.

    Tags that are outdated by that are removed.
    """
    base = read_image(project.layout, images[BASE])
    if project.catalog.budget(kernel):
        from ingot.lab.budget_check import require_affordable  # the lab is large

        require_affordable(project, kernel, base, None, timed)
    facts = read_facts(base)
    assert facts is not None
    tags = tags_for(images, facts, kernel.tag)
    present = project.layout.tags()
    if any(tag not in present or present[tag].digest != tags[tag].digest for tag in tags):
        project.layout.tag(tags)
    outdated = outdated_tags(images, kernel.tag)
    if any(tag in present for tag in outdated):
        project.layout.untag(outdated)
    return tags


def _build(setting: Setting, plan: Plan, timed: Timed) -> Built:
    """The full build: source, builder, config, then compile unless the recipe is available."""
    from ingot.compiled_artifact import write_compiled_files
    from ingot.lab.acceptance import accept_image  # the lab is large
    from ingot.lab.profiling import keep_profile

    kernel, workspace = plan.kernel, setting.project.workspace
    source = obtain_source(setting, kernel, timed)
    builder = builder_for(setting, kernel, timed)
    log, ccache = workspace.log(kernel.tag), compile_cache(setting, plan, source)
    with disk_errors(workspace.root):
        log.unlink(missing_ok=True)
    with (
        workspace.build_directory() as directory,
        patching.patched_tree(
            source, plan.patches, plan.patch_digests, workspace.sources, timed
        ) as tree,
        sandbox_for(setting, builder, tree, directory, ccache) as sandbox,
    ):
        config = kept_config(setting.project, plan, source.digest, builder.digest)
        if config is None:
            resolved = resolve(setting.project, plan, source, sandbox, timed)
            require_sound(resolved)
            config = resolved.config
        recipe = plan.recipe(source.digest, builder.digest, config)
        if built := _find(setting.project, kernel, recipe, timed) or _pull(
            setting, kernel, recipe, timed
        ):
            return built
        artifacts = compile_kernel(sandbox, kernel.arch, config, source.epoch, log, timed)
        require_unchanged(source, timed)
        with setting.project.layout.in_use():
            with timed.step("write images") as step:
                facts = facts_of(source, builder, kernel.arch, artifacts, recipe.key)
                images = write_images(
                    setting.project.layout,
                    artifacts,
                    facts,
                    kernel.arch,
                    step,
                    builder.packages,
                    host=arch_called(setting.project.host),
                )
            base = read_image(setting.project.layout, images[BASE])
            report, profile = accept_image(setting, base, builder, kernel, timed)
            tags = tags_for(images, facts, kernel.tag)
            about = write_compiled_files(setting.project.layout, artifacts.compiled_files, base)
            setting.project.layout.tag({**tags, **about})
            setting.project.layout.untag(outdated_tags(images, kernel.tag))
            if profile:
                keep_profile(setting.project.layout, profile, base)
    return _built(setting.project, kernel, recipe, tags, timed, report=report)


def _built(
    project: Project,
    kernel: Kernel,
    recipe: Recipe,
    tags: Mapping[str, Descriptor],
    timed: Timed,
    *,
    found: bool = False,
    pulled: bool = False,
    report: BootReport | None = None,
) -> Built:
    moving = {tag: descriptor for tag, descriptor in tags.items() if tag.endswith(f":{kernel.tag}")}
    images = tuple(
        BuiltImage(tag, descriptor.digest, read_image(project.layout, descriptor).size)
        for tag, descriptor in moving.items()
    )
    return Built(
        kernel,
        recipe.key,
        images,
        found=found,
        pulled=pulled,
        boot=report,
        timings=tuple(timed.timings),
    )
