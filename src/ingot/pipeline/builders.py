"""The builder of a kernel: looked for, made, held against what the kernel needs."""

from __future__ import annotations

from ingot.arch import Arch, arch_called
from ingot.builder import builder_kinds, rootfs_builder, tool_versions
from ingot.builder.builder_site import Site
from ingot.builder.sandbox import Builder
from ingot.catalog import BuilderSpec, Kernel
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.progress import Progress
from ingot.setting import Project, Setting, in_use


def site_of(project: Project, *, offline: bool = False) -> Site:
    """Where the builders of this machine are; `offline` if none may be made from the network."""
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
    """A builder, ready to compile for `arch` (default: this machine's); made if need be.

    MachineError if it would have to be made, and no use may be made of the network.
    """
    site = site_of(setting.project, offline=setting.options.offline)
    with in_use(setting.project, progress):
        if (
            setting.options.offline
            and spec.kind == rootfs_builder.KIND
            and not builder_kinds.known(spec, site.host, site)
        ):
            raise MachineError(
                f"the builder '{spec.name}' is not here, and without the network it cannot be made",
                hint="with the network: ingot fetch, which makes the builder of a kernel as well",
            )
        return builder_kinds.ensure(spec, arch or site.host, site, progress)


def builder_for(setting: Setting, kernel: Kernel, progress: Progress) -> Builder:
    """The kernel's builder, ready to compile it.

    MachineError if its tools were asked for their versions, and are too old for the kernel's
    series. What is made of packages was chosen for it when it was written into the catalog.
    """
    builder = ensure_builder(setting, kernel.builder, progress, kernel.arch)
    if builder.told:
        series = kernel.version.series
        tool_versions.require(builder, setting.project.catalog.minimums(series), f"linux {series}")
    return builder


def known_builder(project: Project, kernel: Kernel) -> Digest | None:
    """The digest of the kernel's builder, if it is there already; costs milliseconds."""
    return builder_kinds.known(kernel.builder, kernel.arch, site_of(project))


def packages_of(project: Project, spec: BuilderSpec) -> tuple[str, ...] | None:
    """What a builder is made of, for this machine's arch; None if it would have to be made."""
    site = site_of(project)
    return builder_kinds.packages(spec, site.host, site)


def update_builder(
    project: Project, spec: BuilderSpec, progress: Progress, *, dry_run: bool
) -> rootfs_builder.Update:
    """Make a builder of the archive as it is now, and write its lock file: see `kinds.update`."""
    with in_use(project, progress):
        return builder_kinds.update(spec, site_of(project), progress, dry_run=dry_run)
