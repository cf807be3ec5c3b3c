"""The recipe of a kernel, computed without compiling it: source, builder and config are needed."""

from __future__ import annotations

from ingot import tools
from ingot.catalog import Kernel
from ingot.pipeline.builders import builder_for
from ingot.pipeline.configs import config_sandbox, require_sound, resolve
from ingot.pipeline.found_build import known_recipes
from ingot.pipeline.inputs import obtain_source
from ingot.pipeline.kernel_plan import make_plan
from ingot.pipeline.registry_cache import fetch_builder
from ingot.progress import Progress
from ingot.recipe import Recipe
from ingot.setting import Setting, in_use


def find_recipe(setting: Setting, kernel: Kernel, progress: Progress) -> Recipe:
    """The recipe that a build of this kernel would have now; its config is resolved if necessary.

    Takes milliseconds if the cache has a config of the same inputs. Raises the IngotErrors of a
    build up to its compile.
    """
    plan = make_plan(setting.project.catalog, kernel, setting.options)
    with in_use(setting.project, progress):
        for recipe in known_recipes(setting, plan):
            return recipe
        tools.require_all(kernel.arch.name, kind=kernel.builder.kind)
        fetch_builder(setting, kernel.builder, progress)
        source = obtain_source(setting, kernel, progress)
        builder = builder_for(setting, kernel, progress)
        config = plan.kept_config(source.digest, builder.digest, setting.project.workspace)
        if config is None:
            with config_sandbox(setting, plan, source, progress) as sandbox:
                resolved = resolve(setting.project, plan, source, sandbox, progress)
            require_sound(resolved)
            config = resolved.config
        return plan.recipe(source.digest, builder.digest, config)
