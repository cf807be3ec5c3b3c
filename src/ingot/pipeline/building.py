"""Builds one kernel, from its entry in the catalog to booted, tagged images.

`found_build` looks for the images in the store; `new_build` makes them if they are missing.
"""

from __future__ import annotations

from ingot import tools
from ingot.catalog import Kernel
from ingot.files import locked
from ingot.pipeline.found_build import Built, find_without_work
from ingot.pipeline.full_configs import require_usable
from ingot.pipeline.kernel_plan import make_plan
from ingot.progress import Progress, Timed
from ingot.setting import Setting, in_use


def build(setting: Setting, kernel: Kernel, progress: Progress) -> Built:
    """Build one kernel, or find its images in the store; returns when they are tagged.

    Raises an IngotError if it fails; nothing is tagged then. Of two calls for the same kernel, the
    second waits, and then finds the images of the first.
    """

    def waiting() -> None:
        progress.note(f"{kernel.tag}: another build of it is running; waiting")

    plan = make_plan(setting.project.catalog, kernel, setting.options)
    require_usable(plan)
    timed = Timed(progress)
    with in_use(setting.project, progress):
        if built := find_without_work(setting, plan, timed):
            # a build that was killed after it had tagged the images may have left its directory
            setting.project.workspace.remove_stale()
            return built
        setting.project.layout.require_writable()
        tools.require_all(kernel.arch.name, kind=kernel.builder.kind)
        with locked(setting.project.workspace.lock(f"kernel-{kernel.tag}"), on_wait=waiting):
            # late: most builds find their images, and compiler and lab are large
            from ingot.pipeline.new_build import make_images
            from ingot.pipeline.registry_cache import fetch_builder

            fetch_builder(setting, kernel.builder, timed)
            return find_without_work(setting, plan, timed) or make_images(setting, plan, timed)
