"""What other programs may use of Ingot, under the name of the package: `import ingot`.

Functions take a `Project`, the place to work in, and `RunOptions`, what one call is asked for.
They print nothing, read no environment and never exit: each raises an `IngotError` that says what
happened, why, and what to do next. A `Progress` hears of steps; `Silent` is one that says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingot import lab, pipeline
from ingot.boot.boot_report import BootReport
from ingot.catalog import Kernel
from ingot.errors import IngotError, UserError
from ingot.image_lookup import find_image_named
from ingot.kconfig import Finding
from ingot.oci import Image
from ingot.pipeline import Built, Resolved
from ingot.progress import Progress, Silent
from ingot.publish import Published, publish
from ingot.registry import Registry
from ingot.setting import Project, RunOptions, Setting, in_use, open_project

__all__ = [
    "BootReport",
    "Built",
    "Finding",
    "Image",
    "IngotError",
    "Kernel",
    "Progress",
    "Project",
    "Published",
    "Registry",
    "Resolved",
    "RunOptions",
    "Silent",
    "UserError",
    "boot_kernel",
    "build_kernel",
    "check_config",
    "list_kernels",
    "open_project",
    "publish_kernels",
    "read_image",
    "resolve_config",
]

_DEFAULTS = RunOptions()
_SILENT = Silent()


def list_kernels(
    project: Project,
    names: Sequence[str] = (),
    *,
    arches: Sequence[str] = (),
    flavors: Sequence[str] = (),
) -> list[Kernel]:
    """The kernels of the catalog that `names` mean: versions or series, as for `ingot build`.

    Without names, the newest version of every series. `arches` and `flavors` select among them;
    "all" stands for all. UserError for a name that means no kernel.
    """
    return project.catalog.select(names, arches=arches, flavors=flavors)


def resolve_config(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> Resolved:
    """The full config of a kernel, and what was found wrong with it (`findings`).

    It is resolved by the kernel's own Kconfig; `config` is its text. UserError if a fragment cannot
    be read, MachineError or VerificationError if there is no source or no builder to be had.
    """
    (resolved,) = pipeline.resolve_all(Setting(project, options), [kernel], progress)
    return resolved


def check_config(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> tuple[Finding, ...]:
    """What stops a kernel from being built with its config; nothing if it is sound.

    Raises what `resolve_config` does.
    """
    return resolve_config(project, kernel, options, progress).findings


def build_kernel(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> Built:
    """Build a kernel, boot it and tag its images; or find that the store has them.

    UserError if its config is not sound, BuildError if it does not compile, BootError if it does
    not pass its boot test, MachineError and VerificationError as in `resolve_config`. Nothing is
    tagged then.
    """
    return pipeline.build(Setting(project, options), kernel, progress)


def boot_kernel(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> BootReport:
    """Boot a kernel that is built, with all its guest checks, and report.

    A boot that fails is a report whose `passed` is False, not an error. UserError if the store
    does not have the kernel, MachineError if this machine cannot boot it.
    """
    setting = Setting(project, options)
    with in_use(project, progress):
        image = read_image(project, kernel.tag)
        wish = lab.BootWish(lab.proofs_of_kernel(project.catalog, kernel, ())).for_kernel(kernel)
        builder = pipeline.ensure_builder(setting, kernel.builder, progress)
        return lab.boot_image(setting, image, builder, wish, progress)


def publish_kernels(
    project: Project,
    kernels: Iterable[Kernel],
    registry: Registry,
    progress: Progress = _SILENT,
    *,
    dry_run: bool = False,
) -> Published:
    """Push the images of kernels that are built, and set their tags; `dry_run` only plans it.

    UserError if the store does not have a kernel, or if a tag that never moves holds another image
    there; MachineError if the registry cannot be reached or refuses.
    """
    return publish(project, kernels, registry, progress, dry_run=dry_run)


def read_image(project: Project, name: str) -> Image:
    """The image of the store that is called `name`, as in `kernel-bin:6.1.176` or `6.1-minimal`.

    A kernel's name alone means its base image. UserError, with what the store has, if it has no
    such image; VerificationError if it is damaged.
    """
    return find_image_named(project, name)[1]
