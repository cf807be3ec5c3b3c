"""Building one kernel: everything from the catalog's word to booted, tagged images.

Nothing is tagged before it has booted, and all of a kernel's tags are set in one step. A
build that dies leaves only what has no name yet; the next one starts from what is verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingot import tools
from ingot.arch import arch_called
from ingot.boot.boot_report import BootReport
from ingot.boot.cost.boot_profile import Profile
from ingot.builder.sandbox import Builder
from ingot.catalog import Kernel
from ingot.compile import compile_kernel
from ingot.digest import Digest
from ingot.errors import BootError
from ingot.files import disk_errors, locked
from ingot.images import BASE, facts_of, find_images, read_facts, tags_for, write_images
from ingot.lab.boot_target import BootTarget, laid_out
from ingot.lab.booting import BootWish, boot_subject
from ingot.lab.budget_check import require_affordable
from ingot.lab.profiling import keep_profile, measure_subject
from ingot.oci import Descriptor, Image, read_image
from ingot.pipeline.builders import builder_for, known_builder
from ingot.pipeline.caches import compile_cache
from ingot.pipeline.configs import kept_config, require_sound, resolve
from ingot.pipeline.inputs import known_sources, obtain_source
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.pipeline.registry_cache import fetch_builder, fetch_kernel
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Progress, Timed, Timing
from ingot.recipe import Recipe
from ingot.setting import Setting, in_use
from ingot.source.local_source import require_unchanged
from ingot.source.trees import patched_tree as patching


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One image of the store: its tag, its manifest's digest, its bytes in a registry."""

    tag: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Built:
    """What came of one kernel. `found`: the store had it, so nothing was compiled.

    `pulled`: nothing was compiled either, for the registry that is the cache had it.
    """

    kernel: Kernel
    recipe_key: Digest
    images: tuple[BuiltImage, ...]
    found: bool
    pulled: bool
    boot: BootReport | None
    timings: tuple[Timing, ...]


def build(setting: Setting, kernel: Kernel, progress: Progress) -> Built:
    """Build one kernel, or find that it was built; returns when its images are tagged.

    Raises an IngotError for whatever stands in the way; nothing is tagged then. Two calls
    for the same kernel take turns, and the second finds what the first has built.
    """

    def waiting() -> None:
        progress.note(f"{kernel.tag}: another build of it is on; waiting")

    plan = make_plan(setting.catalog, kernel, setting.patches)
    timed = Timed(progress)
    with in_use(setting, progress):
        if built := _find_without_work(setting, plan, timed):
            # a build that was killed when it was as good as done may have left its folder
            setting.workspace.remove_stale()
            return built
        tools.require_all(kernel.arch.name, kind=kernel.builder.kind)
        with locked(setting.workspace.lock(f"kernel-{kernel.tag}"), on_wait=waiting):
            fetch_builder(setting, kernel.builder, timed)
            return _find_without_work(setting, plan, timed) or _build(setting, plan, timed)


def _find_without_work(setting: Setting, plan: Plan, timed: Timed) -> Built | None:
    """Look for the recipe with what is known already: pinned digests, kept configs.

    Needs no source and no builder to be there, only to be known; costs milliseconds.
    """
    builder = known_builder(setting, plan.kernel)
    if builder is None or setting.local:
        return None
    for source in known_sources(setting, plan.kernel):
        config = kept_config(setting, plan, source, builder)
        if config is None:
            continue
        recipe = plan.recipe(source, builder, config)
        if built := _find(setting, plan.kernel, recipe, timed):
            return built
    return None


def _find(setting: Setting, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """What the store has of this recipe; its images get the moving tags again."""
    found = find_images(setting.layout, kernel.version, recipe.key)
    if found is None:
        return None
    tags = _accept(setting, kernel, found, timed)
    timed.note(f"{kernel.tag}: the store has recipe {recipe.key.short}; nothing to compile")
    return _built(setting, kernel, recipe, tags, timed, found=True)


def _pull(setting: Setting, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """What the registry that is the cache has of this recipe, brought into the store.

    It booted where it was built: nothing else is ever tagged, here or there.
    """
    with setting.layout.in_use():
        found = fetch_kernel(setting, kernel, recipe, timed)
        if found is None:
            return None
        tags = _accept(setting, kernel, found, timed)
    return _built(setting, kernel, recipe, tags, timed, pulled=True)


def _accept(
    setting: Setting, kernel: Kernel, images: Mapping[str, Descriptor], timed: Timed
) -> dict[str, Descriptor]:
    """Give a kernel's images their tags, unless they have them; BootError if it costs too much."""
    base = read_image(setting.layout, images[BASE])
    require_affordable(setting, kernel, base, None, timed)
    facts = read_facts(base)
    assert facts is not None
    tags = tags_for(images, facts, kernel.tag)
    present = setting.layout.tags()
    if any(tag not in present or present[tag].digest != tags[tag].digest for tag in tags):
        setting.layout.tag(tags)
    return tags


def _build(setting: Setting, plan: Plan, timed: Timed) -> Built:
    """The long way: source, builder, config, then compile unless the store has the recipe."""
    kernel, workspace = plan.kernel, setting.workspace
    source = obtain_source(setting, kernel, timed)
    builder = builder_for(setting, kernel, timed)
    log, ccache = workspace.log(kernel.tag), compile_cache(setting, plan, source)
    with disk_errors(workspace.root):
        log.unlink(missing_ok=True)
    with (
        workspace.build_folder() as folder,
        patching.patched_tree(
            source, plan.patches, plan.patch_digests, workspace.sources, timed
        ) as tree,
        sandbox_for(setting, builder, tree, folder, ccache) as sandbox,
    ):
        config = kept_config(setting, plan, source.digest, builder.digest)
        if config is None:
            resolved = resolve(setting, plan, source, sandbox, timed)
            require_sound(resolved)
            config = resolved.config
        recipe = plan.recipe(source.digest, builder.digest, config)
        if built := _find(setting, kernel, recipe, timed) or _pull(setting, kernel, recipe, timed):
            return built
        artifacts = compile_kernel(sandbox, kernel.arch, config, source.epoch, log, timed)
        require_unchanged(source, timed)
        with setting.layout.in_use():
            with timed.step("write images") as step:
                facts = facts_of(source, builder, kernel.arch, artifacts, recipe.key)
                images = write_images(
                    setting.layout,
                    artifacts,
                    facts,
                    kernel.arch,
                    step,
                    builder.packages,
                    host=arch_called(setting.host),
                )
            base = read_image(setting.layout, images[BASE])
            report, profile = _prove(setting, base, builder, kernel, timed)
            tags = tags_for(images, facts, kernel.tag)
            setting.layout.tag(tags)
            if profile:
                keep_profile(setting.layout, profile, base)
    return _built(setting, kernel, recipe, tags, timed, report=report)


def _prove(
    setting: Setting, base: Image, builder: Builder, kernel: Kernel, timed: Timed
) -> tuple[BootReport, Profile | None]:
    """Boot what the images hold, and count what that costs if there is a budget for it.

    BootError if either is not as it must be: such a kernel gets no tag.
    """
    budget = setting.catalog.budget(kernel)
    counted = budget is not None and budget.needs_profile
    with laid_out(setting, base, builder, timed) as subject:
        report = _require_boot(setting, subject, kernel, timed)
        profile = measure_subject(setting, subject, timed) if counted else None
    require_affordable(setting, kernel, base, profile, timed)
    return report, profile


def _require_boot(
    setting: Setting, subject: BootTarget, kernel: Kernel, timed: Timed
) -> BootReport:
    wish = BootWish(setting.catalog.guest_checks(kernel), vmms=kernel.vmms)
    report = boot_subject(setting, subject, wish, timed)
    if not report.passed:
        raise BootError(
            f"{kernel.tag} was compiled but did not pass its boot test: {report.verdict.value}",
            why=report.explain(),
            hint="it was not tagged; change its config, then build again",
        )
    return report


def _built(
    setting: Setting,
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
        BuiltImage(tag, descriptor.digest, read_image(setting.layout, descriptor).size)
        for tag, descriptor in moving.items()
    )
    return Built(kernel, recipe.key, images, found, pulled, report, tuple(timed.timings))
