"""The kinds of builders: dispatches each call to the module of the builder's kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from ingot.arch import Arch
from ingot.builder import container_builder, host_builder, rootfs_builder
from ingot.builder.builder_packages import digest_of
from ingot.builder.builder_site import Site
from ingot.builder.call_filter import write_filter
from ingot.builder.sandbox import Builder, confinement
from ingot.builder.sandbox_user import find_user
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.progress import Progress


class BuilderKind(Protocol):
    """The functions of one kind of builder."""

    def packages(self, spec: BuilderSpec, arch: Arch, site: Site, /) -> tuple[str, ...] | None:
        """The packages of the builder that compiles for `arch`; None if it is not made yet."""

    def ensure(self, spec: BuilderSpec, arch: Arch, site: Site, progress: Progress, /) -> Builder:
        """The builder, ready to compile for `arch`; it is made if necessary."""


_KINDS: Mapping[str, BuilderKind] = {
    "rootfs": rootfs_builder,
    "container": container_builder,
    "host": host_builder,
}
_UPDATES = {
    rootfs_builder.KIND: rootfs_builder.update,
    container_builder.KIND: container_builder.update,
}


def packages(spec: BuilderSpec, arch: Arch, site: Site) -> tuple[str, ...] | None:
    """The packages of the builder that compiles for `arch`; None if it is not made yet."""
    return _KINDS[spec.kind].packages(spec, arch, site)


def known(spec: BuilderSpec, arch: Arch, site: Site) -> Digest | None:
    """The digest of the builder that compiles for `arch`; None if it has to be made first."""
    found = packages(spec, arch, site)
    if found is None:
        return None
    if spec.locked:
        lock = site.lock(spec)
        return lock.digest if lock and lock.packages == found else None
    return digest_of(found)


def update(
    spec: BuilderSpec, site: Site, progress: Progress, *, dry_run: bool
) -> rootfs_builder.Update:
    """Make the builder from the current packages, and write its lock file.

    UserError for a kind of builder that Ingot does not make.
    """
    if spec.kind not in _UPDATES:
        raise UserError(
            f"the builder '{spec.name}' is not made of packages",
            why=f"it is of the kind '{spec.kind}'",
            hint="`ingot builder show` lists its tools",
        )
    return _UPDATES[spec.kind](spec, site, progress, dry_run=dry_run)


def ensure(spec: BuilderSpec, arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready to compile for `arch`; it is made if necessary."""
    builder = _KINDS[spec.kind].ensure(spec, arch, site, progress)
    if builder.entrance:
        return builder
    confined = confinement()
    return replace(
        builder,
        confinement=confined,
        user=find_user(confined),
        call_filter=write_filter(site.directory),
    )
