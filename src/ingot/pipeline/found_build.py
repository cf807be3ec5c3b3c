"""Finds the images of a kernel's recipe in the store, and tags them.

A build whose recipe is in the store ends here, in milliseconds: this module imports neither the
compiler's side nor the lab.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.images import BASE, find_images, outdated_tags, read_facts, tags_for
from ingot.oci import Image
from ingot.pipeline.builders import known_builder
from ingot.pipeline.inputs import known_sources
from ingot.pipeline.kernel_plan import Plan
from ingot.progress import Timed, Timing
from ingot.recipe import Recipe
from ingot.setting import Project, Setting

if TYPE_CHECKING:
    from ingot.boot.boot_report import BootReport
    from ingot.lab.acceptance import Acceptance
    from ingot.lab.vmm_proofs import VmmProof


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
    registry used as a cache, so nothing was compiled either. A kernel that was compiled has its
    first boot, and what all of its boots prove of each of its VMMs.
    """

    kernel: Kernel
    recipe_key: Digest
    images: tuple[BuiltImage, ...]
    found: bool
    pulled: bool
    boot: BootReport | None
    timings: tuple[Timing, ...]
    proofs: tuple[VmmProof, ...] = ()


def find_without_work(setting: Setting, plan: Plan, timed: Timed) -> Built | None:
    """Look for the recipe in the store, using only pinned digests and cached configs.

    Needs only the digests of source and builder, not their files; takes milliseconds.
    """
    for recipe in known_recipes(setting, plan):
        if built := find(setting.project, plan.kernel, recipe, timed):
            return built
    return None


def known_recipes(setting: Setting, plan: Plan) -> Iterator[Recipe]:
    """The recipes of a kernel that pinned digests and cached configs give, the likeliest first."""
    builder = known_builder(setting.project, plan.kernel)
    if builder is None or setting.options.local:
        return
    for source in known_sources(setting.project, plan.kernel):
        config = plan.kept_config(source, builder, setting.project.workspace)
        if config is not None:
            yield plan.recipe(source, builder, config)


def find(project: Project, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """The images of this recipe in the store, if any; the moving tags are set to them."""
    found = find_images(project.layout, kernel.version, recipe.key)
    if found is None:
        return None
    accept(project, kernel, found, timed)
    timed.note(f"{kernel.tag}: the store has recipe {recipe.key.short}; nothing to compile")
    return built_from(kernel, recipe, found, timed, found=True)


def accept(project: Project, kernel: Kernel, images: Mapping[str, Image], timed: Timed) -> None:
    """Tag a kernel's images, unless they are tagged; BootError if it exceeds its budget.

    Tags that are outdated by that are removed.
    """
    base = images[BASE]
    if project.catalog.budget(kernel):
        from ingot.lab.budget_check import require_affordable  # the lab is large

        require_affordable(project, kernel, base, None, timed)
    facts = read_facts(base)
    assert facts is not None
    descriptors = {name: image.descriptor for name, image in images.items()}
    tags = tags_for(descriptors, facts, kernel.tag)
    present = project.layout.tags()
    if any(tag not in present or present[tag].digest != tags[tag].digest for tag in tags):
        project.layout.tag(tags)
    outdated = outdated_tags(images, kernel.tag)
    if any(tag in present for tag in outdated):
        project.layout.untag(outdated)


def built_from(
    kernel: Kernel,
    recipe: Recipe,
    images: Mapping[str, Image],
    timed: Timed,
    *,
    found: bool = False,
    pulled: bool = False,
    accepted: Acceptance | None = None,
) -> Built:
    """The result of a build whose tagged images are `images`, by name."""
    return Built(
        kernel,
        recipe.key,
        tuple(
            BuiltImage(f"{name}:{kernel.tag}", image.descriptor.digest, image.size)
            for name, image in images.items()
        ),
        found=found,
        pulled=pulled,
        boot=accepted.report if accepted else None,
        timings=tuple(timed.timings),
        proofs=accepted.proofs if accepted else (),
    )
