"""The shell's completion of names: kernels, images, flavors, features, VMMs, machines, checks.

Each function returns the names that begin with what was typed; `ctx` is typer's context. While the
user types, no mistake is reported: a catalog or a store that cannot be read has no names. Modules
that only completion needs are imported when it is asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ingot.catalog import Catalog
from ingot.errors import IngotError

_ALL = "all"


def complete_kernels(ctx: Any, incomplete: str) -> list[str]:
    """The names of kernels in the catalog."""
    return _beginning(incomplete, lambda: _kernels(_catalog(ctx)))


def complete_images(ctx: Any, incomplete: str) -> list[str]:
    """The tags of kernels in the store, and its images."""
    return _beginning(incomplete, lambda: _images(_catalog(ctx)))


def complete_kernels_and_images(ctx: Any, incomplete: str) -> list[str]:
    """The names of kernels in the catalog, the tags of kernels in the store, and its images."""

    def names() -> Iterator[str]:
        catalog = _catalog(ctx)
        yield from _kernels(catalog)
        yield from _images(catalog)

    return _beginning(incomplete, names)


def complete_flavors(ctx: Any, incomplete: str) -> list[str]:
    """The flavors of the catalog, and the word for all of them."""
    return _beginning(
        incomplete, lambda: (*(kernel.flavor.name for kernel in _catalog(ctx).kernels), _ALL)
    )


def complete_features(ctx: Any, incomplete: str) -> list[str]:
    """The features of the catalog."""
    return _beginning(incomplete, lambda: _catalog(ctx).features)


def complete_vmms(ctx: Any, incomplete: str) -> list[str]:
    """The VMMs of the catalog."""
    return _beginning(incomplete, lambda: _catalog(ctx).vmms)


def complete_builders(ctx: Any, incomplete: str) -> list[str]:
    """The builders of the catalog."""
    return _beginning(incomplete, lambda: _catalog(ctx).builders)


def complete_builders_and_kinds(ctx: Any, incomplete: str) -> list[str]:
    """The builders of the catalog, and the kinds of builders."""
    return _beginning(incomplete, lambda: (*_catalog(ctx).builders, "rootfs", "container", "host"))


def complete_arches(incomplete: str) -> list[str]:
    """The arches, and the word for all of them."""
    from ingot.arch import all_arches

    return _beginning(incomplete, lambda: (*(arch.name for arch in all_arches()), _ALL))


def complete_one_arch(incomplete: str) -> list[str]:
    """The arches."""
    return [name for name in complete_arches(incomplete) if name != _ALL]


def complete_machine_vmms(incomplete: str) -> list[str]:
    """The VMMs that kernels can be booted in."""
    from ingot.boot.vmm.machines import QEMU_MACHINES, REAL_MACHINES

    return _beginning(
        incomplete, lambda: (machine.vmm for machine in (*QEMU_MACHINES, *REAL_MACHINES))
    )


def complete_machines(incomplete: str) -> list[str]:
    """The machines of QEMU."""
    from ingot.boot.vmm.machines import QEMU_MACHINES

    return _beginning(incomplete, lambda: (machine.short_name for machine in QEMU_MACHINES))


def complete_checks(ctx: Any, incomplete: str) -> list[str]:
    """The names that `ingot boot --checks` accepts; of several names, the last is completed."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(last, lambda: _checks(_catalog(ctx)))]


def _catalog(ctx: Any) -> Catalog:
    """The catalog that the words typed so far name, or that is used without a name."""
    from ingot.cli.shared.common_options import find_catalog

    inner = ctx
    while inner is not None:
        if named := inner.params.get("catalog"):
            return find_catalog(Path(named))
        inner = inner.parent
    return find_catalog(None)


def _kernels(catalog: Catalog) -> Iterator[str]:
    for kernel in catalog.kernels:
        yield str(kernel.version.series)
        yield kernel.tag


def _images(catalog: Catalog) -> Iterator[str]:
    from ingot.oci import Layout

    tags = Layout(catalog.store).tags()
    yield from (tag.partition(":")[2] for tag in tags if tag.startswith("kernel-modules:"))
    yield from tags


def _checks(catalog: Catalog) -> Iterator[str]:
    from ingot.lab import DISKS, NO_CHECKS, all_checks

    yield from (NO_CHECKS, *DISKS, *catalog.features, *catalog.vmms)
    for kernel in catalog.kernels:
        yield from (check.name for check in all_checks(catalog, kernel.version.series, kernel.arch))


def _beginning(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    with contextlib.suppress(IngotError, OSError):
        return [name for name in dict.fromkeys(names()) if name.startswith(incomplete)]
    return []
