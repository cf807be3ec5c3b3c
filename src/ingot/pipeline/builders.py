"""The builder of a kernel: found or made, and checked against what the kernel needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingot.arch import Arch, all_arches, arch_called
from ingot.builder import builder_kinds, tool_versions
from ingot.builder.builder_site import Site
from ingot.builder.sandbox import Builder
from ingot.catalog import BuilderSpec, Kernel
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.progress import Progress
from ingot.setting import Project, Setting, in_use

if TYPE_CHECKING:
    from ingot.builder.rootfs_builder import Update


def site_of(project: Project, *, offline: bool = False) -> Site:
    """Where the builders of this machine are; `offline` forbids making one from the network."""
    return Site(
        arch_called(project.host),
        project.layout,
        project.workspace.builders,
        project.catalog.root,
        offline,
    )


def ensure_builder(
    setting: Setting, spec: BuilderSpec, progress: Progress, arch: Arch | None = None
) -> Builder:
    """A builder, ready to compile for `arch` (default: this machine's); made if necessary.

    MachineError if it would have to be made and the run is offline.
    """
    site = site_of(setting.project, offline=setting.options.offline)
    with in_use(setting.project, progress):
        if (
            setting.options.offline
            and spec.kind == "rootfs"
            and not builder_kinds.known(spec, site.host, site)
        ):
            raise MachineError(
                f"the builder '{spec.name}' does not exist yet, and cannot be made offline",
                hint="run `ingot fetch` with network access: it also makes the kernel's builder",
            )
        return builder_kinds.ensure(spec, arch or site.host, site, progress)


def builder_for(setting: Setting, kernel: Kernel, progress: Progress) -> Builder:
    """The kernel's builder, ready to compile it.

    MachineError if its tools are too old for the kernel's series. Only a builder that reports its
    tools' versions is checked; for one made of packages, the catalog's author chose the versions.
    """
    builder = ensure_builder(setting, kernel.builder, progress, kernel.arch)
    if builder.tools:
        series = kernel.version.series
        tool_versions.require(builder, setting.project.catalog.minimums(series), f"linux {series}")
    return builder


def known_builder(project: Project, kernel: Kernel) -> Digest | None:
    """The digest of the kernel's builder, if it exists already; takes milliseconds."""
    return builder_kinds.known(kernel.builder, kernel.arch, site_of(project))


def builders_of_catalog(project: Project) -> set[Digest]:
    """The images of the catalog's current builders, for machines of any arch.

    They are those of the store, and those that the cache keeps for it.
    """
    from ingot.builder import builder_image, kept_images  # no build needs them

    site = site_of(project)
    sites = [replace(site, host=arch) for arch in all_arches()]
    specs = project.catalog.builders.values()
    pairs = [(spec, each) for spec in specs for each in sites]
    stored = [builder_image.find(*pair) for pair in pairs]
    kept = [found[1].descriptor for pair in pairs if (found := kept_images.find(*pair))]
    return {descriptor.digest for descriptor in (*stored, *kept) if descriptor}


def packages_of(project: Project, spec: BuilderSpec) -> tuple[str, ...] | None:
    """The packages of a builder for this machine's arch; None if the builder does not exist."""
    site = site_of(project)
    return builder_kinds.packages(spec, site.host, site)


def update_builder(
    project: Project, spec: BuilderSpec, progress: Progress, *, dry_run: bool
) -> Update:
    """Make a builder from the archive's current packages, and write its lock file.

    See `builder_kinds.update`.
    """
    with in_use(project, progress):
        return builder_kinds.update(spec, site_of(project), progress, dry_run=dry_run)
