"""Makes a kernel's images: pulls them, or compiles, writes and boots them.

Nothing is tagged before it has booted, and all of a kernel's tags are set in one step. A build
that is killed leaves only untagged data; the next build reuses the verified parts of it.
"""

from __future__ import annotations

from ingot.arch import arch_called
from ingot.build_record import record_of, write_record
from ingot.catalog import Kernel
from ingot.compile.compile_kernel import compile_kernel
from ingot.compiled_artifact import write_compiled_files
from ingot.files import disk_errors
from ingot.images import BASE, facts_of, outdated_tags, tags_for
from ingot.images.write_images import write_images
from ingot.lab.acceptance import accept_image
from ingot.lab.profiling import keep_profile
from ingot.oci import read_image
from ingot.pipeline.builders import builder_for
from ingot.pipeline.caches import compile_cache
from ingot.pipeline.configs import require_sound, resolve
from ingot.pipeline.found_build import Built, accept, built_from, find
from ingot.pipeline.inputs import obtain_source
from ingot.pipeline.kernel_plan import Plan
from ingot.pipeline.registry_cache import fetch_compiled_files, fetch_kernel
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Timed
from ingot.recipe import Recipe
from ingot.setting import Setting
from ingot.source.local_source import require_unchanged
from ingot.source.trees import patched_tree as patching


def make_images(setting: Setting, plan: Plan, timed: Timed) -> Built:
    """The full build: source, builder, config, then compile unless the recipe is available."""
    kernel, workspace, layout = plan.kernel, setting.project.workspace, setting.project.layout
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
        config = plan.kept_config(source.digest, builder.digest, workspace)
        if config is None:
            resolved = resolve(setting.project, plan, source, sandbox, timed)
            require_sound(resolved)
            config = resolved.config
        recipe = plan.recipe(source.digest, builder.digest, config)
        if built := find(setting.project, kernel, recipe, timed) or _pull(
            setting, kernel, recipe, timed
        ):
            return built
        artifacts = compile_kernel(sandbox, kernel.arch, config, source.epoch, log, timed)
        require_unchanged(source, timed)
        with layout.in_use():
            with timed.step("write images") as step:
                facts = facts_of(source, builder, kernel.arch, artifacts, recipe.key)
                images = write_images(
                    layout,
                    artifacts,
                    facts,
                    kernel.arch,
                    step,
                    builder.packages,
                    host=arch_called(setting.project.host),
                )
            read = {name: read_image(layout, each) for name, each in images.items()}
            accepted = accept_image(setting, read[BASE], builder, kernel, timed)
            record = record_of(recipe, source, plan.patches, accepted.report)
            about = {
                **write_compiled_files(layout, artifacts.compiled_files, read[BASE]),
                **write_record(layout, record, read[BASE]),
            }
            layout.tag({**tags_for(images, facts, kernel.tag), **about})
            layout.untag(outdated_tags(images, kernel.tag))
            if accepted.profile:
                keep_profile(layout, accepted.profile, read[BASE])
    return built_from(kernel, recipe, read, timed, accepted=accepted)


def _pull(setting: Setting, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """Pull the images of this recipe from the registry used as a cache, if it has them.

    They are not booted again: Ingot tags only images that have booted where they were built.
    """
    layout = setting.project.layout
    with layout.in_use():
        fetched = fetch_kernel(setting, kernel, recipe, timed)
        if fetched is None:
            return None
        images = {name: read_image(layout, each) for name, each in fetched.items()}
        fetch_compiled_files(setting, images[BASE], timed)
        accept(setting.project, kernel, images, timed)
    return built_from(kernel, recipe, images, timed, pulled=True)
