"""The kinds of builders: dispatches each call to the module of the builder's kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ingot.arch import Arch
from ingot.builder.builder_packages import digest_of
from ingot.builder.builder_site import Site
from ingot.builder.call_filter import write_filter
from ingot.builder.sandbox import Builder, confinement
from ingot.builder.sandbox_user import find_user
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.progress import Progress

if TYPE_CHECKING:
    from ingot.builder.rootfs_builder import Update


class BuilderKind(Protocol):
    """The functions of one kind of builder."""

    def packages(self, spec: BuilderSpec, arch: Arch, site: Site, /) -> tuple[str, ...] | None:
        """The packages of the builder that compiles for `arch`; None if it is not made yet."""

    def ensure(self, spec: BuilderSpec, arch: Arch, site: Site, progress: Progress, /) -> Builder:
        """The builder, ready to compile for `arch`; it is made if necessary."""


def _kind(name: str) -> BuilderKind:
    """The module of a kind. It is imported when it is used: a build uses one kind."""
    match name:
        case "rootfs":
            from ingot.builder import rootfs_builder

            return rootfs_builder
        case "container":
            from ingot.builder import container_builder

            return container_builder
        case "host":
            from ingot.builder import host_builder

            return host_builder
    raise KeyError(name)


def packages(spec: BuilderSpec, arch: Arch, site: Site) -> tuple[str, ...] | None:
    """The packages of the builder that compiles for `arch`; None if it is not made yet."""
    return _kind(spec.kind).packages(spec, arch, site)


def known(spec: BuilderSpec, arch: Arch, site: Site) -> Digest | None:
    """The digest of the builder that compiles for `arch`; None if it has to be made first."""
    found = packages(spec, arch, site)
    if found is None:
        return None
    if spec.locked:
        lock = site.lock(spec)
        return lock.digest if lock and lock.packages == found else None
    return digest_of(found)


def update(spec: BuilderSpec, site: Site, progress: Progress, *, dry_run: bool) -> Update:
    """Make the builder from the current packages, and write its lock file.

    UserError for a kind of builder that Ingot does not make.
    """
    match spec.kind:
        case "rootfs":
            from ingot.builder import rootfs_builder

            return rootfs_builder.update(spec, site, progress, dry_run=dry_run)
        case "container":
            from ingot.builder import container_builder

            return container_builder.update(spec, site, progress, dry_run=dry_run)
    raise UserError(
        f"the builder '{spec.name}' is not made of packages",
        why=f"it is of the kind '{spec.kind}'",
        hint="`ingot builder show` lists its tools",
    )


def ensure(spec: BuilderSpec, arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready to compile for `arch`; it is made if necessary."""
    builder = _kind(spec.kind).ensure(spec, arch, site, progress)
    if builder.entrance:
        return builder
    confined = confinement()
    return replace(
        builder,
        confinement=confined,
        user=find_user(confined),
        call_filter=write_filter(site.directory),
    )
