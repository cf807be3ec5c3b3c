"""The Python API of Ingot, exported by the package: `import ingot`.

Functions take a `Project` (catalog, image store and work directories) and `RunOptions` (the options
of one call). They print nothing, read no environment variables and never exit. On failure they
raise an `IngotError` that says what happened, why, and what to do next. Steps and notes are
reported to a `Progress`; `Silent` is a `Progress` that ignores them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingot import lab, pipeline
from ingot.boot.boot_report import BootReport
from ingot.catalog import Kernel
from ingot.errors import IngotError, UserError
from ingot.image_lookup import find_image_named
from ingot.images import read_config
from ingot.kconfig.findings import Finding
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
    """The kernels of the catalog that `names` select: versions or series, as for `ingot build`.

    Without names, the newest version of every series. `arches` and `flavors` select among them;
    "all" selects all. UserError for a name that selects no kernel.
    """
    return project.catalog.select(names, arches=arches, flavors=flavors)


def resolve_config(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> Resolved:
    """The full config of a kernel, and what is wrong with it (`findings`).

    The kernel's own Kconfig resolves it; `config` holds its text. UserError if a fragment cannot
    be read, MachineError or VerificationError if the source or the builder is not available.
    """
    (resolved,) = pipeline.resolve_all(Setting(project, options), [kernel], progress)
    return resolved


def check_config(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> tuple[Finding, ...]:
    """The findings that stop a kernel from being built with its config; empty if it is sound.

    Raises the same errors as `resolve_config`.
    """
    return resolve_config(project, kernel, options, progress).findings


def build_kernel(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> Built:
    """Build a kernel, boot it and tag its images. If the store has the images, nothing is built.

    ConfigError if its config is not sound, BuildError if it does not compile, BootError if it does
    not pass its boot test, MachineError and VerificationError as in `resolve_config`. After an
    error nothing is tagged.
    """
    return pipeline.build(Setting(project, options), kernel, progress)


def boot_kernel(
    project: Project,
    kernel: Kernel,
    options: RunOptions = _DEFAULTS,
    progress: Progress = _SILENT,
) -> BootReport:
    """Boot a kernel that has been built, with all its guest checks, and return the report.

    A failed boot is not an error: the report's `passed` is False. UserError if the store does
    not have the kernel, MachineError if this machine cannot boot it.
    """
    setting = Setting(project, options)
    with in_use(project, progress):
        image = read_image(project, kernel.tag)
        config = read_config(image.annotations)
        checks = lab.checks_of_kernel(project.catalog, kernel, config=config)
        request = lab.BootRequest(checks).for_kernel(kernel)
        builder = pipeline.ensure_builder(setting, kernel.builder, progress)
        return lab.boot_image(setting, image, builder, request, progress)


def publish_kernels(
    project: Project,
    kernels: Iterable[Kernel],
    registry: Registry,
    progress: Progress = _SILENT,
    *,
    dry_run: bool = False,
) -> Published:
    """Push the images of kernels that have been built, and set their tags.

    With `dry_run`, only plan it. UserError if the store does not have a kernel, or if an immutable
    tag in the registry names another image; MachineError if the registry cannot be reached or
    refuses.
    """
    return publish(project, kernels, registry, progress, dry_run=dry_run)


def read_image(project: Project, name: str) -> Image:
    """The image of the store with this name, such as `kernel-bin:6.1.176` or `6.1-minimal`.

    A kernel's name alone means its base image. UserError, listing the images of the store, if it
    has no such image; VerificationError if the image is damaged.
    """
    return find_image_named(project, name)[1]
