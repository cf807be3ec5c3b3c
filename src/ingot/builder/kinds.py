"""The kinds of builders there are; what a catalog asks for is one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from ingot.arch import Arch
from ingot.builder import host, rootfs
from ingot.builder.packages import digest_of
from ingot.builder.sandbox import Builder, confinement
from ingot.builder.site import Site
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.progress import Progress


class Kind(Protocol):
    """How builders of one kind come to be."""

    def packages(self, spec: BuilderSpec, arch: Arch, site: Site, /) -> tuple[str, ...] | None:
        """What the builder that compiles for `arch` is made of, if it is there already."""

    def ensure(self, spec: BuilderSpec, arch: Arch, site: Site, progress: Progress, /) -> Builder:
        """The builder, ready to compile for `arch`; made if need be."""


_KINDS: Mapping[str, Kind] = {"rootfs": rootfs, "host": host}


def packages(spec: BuilderSpec, arch: Arch, site: Site) -> tuple[str, ...] | None:
    """What the builder that compiles for `arch` is made of; None if it would have to be made."""
    return _KINDS[spec.kind].packages(spec, arch, site)


def known(spec: BuilderSpec, arch: Arch, site: Site) -> Digest | None:
    """The digest of the builder that compiles for `arch`, if it may be used as it is."""
    found = packages(spec, arch, site)
    if found is None:
        return None
    if spec.locked:
        lock = site.lock(spec)
        return lock.digest if lock and lock.packages == found else None
    return digest_of(found)


def ensure(spec: BuilderSpec, arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready to compile for `arch`: made if it is not there."""
    builder = _KINDS[spec.kind].ensure(spec, arch, site, progress)
    return replace(builder, confinement=confinement())
