"""What a job does on its machine: build the kernel of one recipe, and push it under that recipe.

    <cache>/fleet/catalogs/<digest>/kernels     the client's catalog, from the registry
    <cache>/fleet/images                        the store, unless the engine names another one

Nothing but the registry has to outlive the job. A machine that keeps its cache builds the next
kernel of the same source faster.
"""

from __future__ import annotations

from ingot import pipeline
from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.images import ARTIFACT_KINDS, KERNEL_IMAGES
from ingot.oci.garbage import collect_garbage
from ingot.progress import Progress
from ingot.publish import publish
from ingot.registry import Registry
from ingot.setting import Setting


def run_job(
    setting: Setting, kernel: Kernel, recipe_key: Digest, target: Registry, progress: Progress
) -> None:
    """Build a kernel and push its images under its recipe's immutable tag.

    The setting's cache is the registry: a job that runs a second time, since its machine was lost
    after the push, pulls the images instead of compiling again. UserError if the kernel has another
    recipe on this machine; otherwise the IngotErrors of a build and of a push.
    """
    recipe = pipeline.find_recipe(setting, kernel, progress)
    if recipe.key != recipe_key:
        raise UserError(
            f"{kernel.tag} has the recipe {recipe.key.short} on this machine, not the requested"
            f" {recipe_key.short}",
            why="its source, its builder or Ingot itself is another one than the client's"
            f" (source {recipe.source.short}, builder {recipe.builder.short},"
            f" config {recipe.config.short}, format {recipe.format})",
            hint="use the same version of Ingot for the client and the jobs; if that is so, pin the"
            " source's digest in kernels.toml",
        )
    pipeline.build(setting, kernel, progress)
    publish(setting.project, [kernel], target, progress, moving=False)


def forget_images(setting: Setting, kernel: Kernel, recipe_key: Digest) -> None:
    """Remove a kernel's images from the store, in which only builders are worth their space."""
    layout, fixed = setting.project.layout, f"{kernel.version}-{recipe_key.short}"
    tags = (kernel.tag, fixed, *(f"{fixed}-{kind}" for kind in ARTIFACT_KINDS))
    layout.untag(f"{image}:{tag}" for image in KERNEL_IMAGES for tag in tags)
    collect_garbage(layout)
