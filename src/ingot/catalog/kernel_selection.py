"""Which kernels of a catalog a person means.

A name is a version or a series, with what distinguishes a kernel of it behind it, as in tags:

    NAME = VERSION|SERIES ["-" FLAVOR] {"-with-" FEATURE | "-without-" FEATURE}
           ["-patched"] ["-" ARCH]
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingot.catalog import kernel_variants
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, PATCHED, Feature, Kernel
from ingot.errors import UserError

ALL = "all"
"""Stands for every arch, or every flavor, of a series."""


class UnknownKernelError(UserError):
    """No kernel of the catalog is called so."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A name taken apart. `flavor` and `arch` are empty where it does not say."""

    text: str
    base: str
    flavor: str
    with_: Sequence[str]
    without: Sequence[str]
    patched: bool
    arch: str


def select(
    kernels: Sequence[Kernel],
    features: Mapping[str, Feature],
    names: Sequence[str],
    arches: Sequence[str] = (),
    flavors: Sequence[str] = (),
) -> list[Kernel]:
    """The kernels that are meant, in the order asked for, each once.

    No names: the newest version of every series that comes in the arches and flavors asked
    for. No arches: the first one of the series; no flavors: the default one. What a name says
    itself goes before `arches` and `flavors`. `kernels` are sorted by version.

    UnknownKernelError lists the known versions; a UserError says which arches or flavors a
    version comes in.
    """
    by_version = _by_version(kernels)
    parsed = [_parse(name, _arches(kernels)) for name in names]
    if unknown := [name.text for name in parsed if name.base not in by_version]:
        raise UnknownKernelError(
            f"the catalog has no kernel {', '.join(unknown)}",
            why=f"it knows {', '.join(dict.fromkeys(str(kernel.version) for kernel in kernels))}"
            f" (a series such as {kernels[-1].version.series} means its newest)",
        )
    found: dict[Kernel, None] = {}
    for name in parsed:
        own_arches = [name.arch] if name.arch else arches
        own_flavors = [name.flavor] if name.flavor else flavors
        chosen = _choose(by_version[name.base], own_arches, own_flavors)
        found |= dict.fromkeys(
            dataclasses.replace(
                kernel_variants.variant(features, kernel, name.with_, name.without),
                patched=name.patched,
            )
            for kernel in chosen
        )
    return list(found) if names else _newest(kernels, arches, flavors)


def _by_version(kernels: Iterable[Kernel]) -> dict[str, list[Kernel]]:
    """The kernels under each version's name, and the newest under their series' name."""
    versions: dict[str, list[Kernel]] = {}
    newest: dict[str, list[Kernel]] = {}
    for kernel in kernels:
        same = versions.setdefault(str(kernel.version), [])
        same.append(kernel)
        newest[str(kernel.version.series)] = same
    # a .0 release is written like its series, and the series is what is meant
    return versions | newest


def _parse(text: str, arches: Iterable[str]) -> _Name:
    base, *words = text.split("-")
    if words and re.fullmatch(r"rc\d+", words[0]):
        base = f"{base}-{words.pop(0)}"
    arch = words.pop() if words and words[-1] in arches else ""
    patched = bool(words) and words[-1] == PATCHED
    flavor, with_, without = kernel_variants.split(words[:-1] if patched else words)
    return _Name(
        text, base, flavor=flavor, with_=with_, without=without, patched=patched, arch=arch
    )


def version_in(name: str) -> str:
    """The version or series that a kernel's name begins with: 6.1 for 6.1-minimal-arm64."""
    return _parse(name, ()).base


def _choose(
    kernels: Sequence[Kernel], arches: Sequence[str], flavors: Sequence[str]
) -> list[Kernel]:
    """The kernels of one version that are asked for; a UserError says what there is instead."""
    place = f"Linux {kernels[0].version}"
    main = [kernel.arch.name for kernel in kernels if kernel.primary][:1]
    wanted_arches = _wanted(arches or main, _arches(kernels), "arch", place)
    wanted_flavors = _wanted(flavors or [DEFAULT_FLAVOR], _flavors(kernels), "flavor", place)
    return [
        kernel
        for flavor in wanted_flavors
        for arch in wanted_arches
        for kernel in kernels
        if (kernel.flavor.name, kernel.arch.name) == (flavor, arch)
    ]


def _newest(
    kernels: Sequence[Kernel], arches: Sequence[str], flavors: Sequence[str]
) -> list[Kernel]:
    """What each series has of the arches and flavors asked for, in its newest version."""
    wanted_arches = _wanted(arches, _arches(kernels), "arch", "the catalog")
    wanted_flavors = _wanted(flavors, _flavors(kernels), "flavor", "the catalog")
    series = {kernel.version.series: kernel.version for kernel in kernels}
    found = []
    for version in series.values():
        same = [kernel for kernel in kernels if kernel.version == version]
        here_arches = [name for name in wanted_arches if name in _arches(same)]
        here_flavors = [name for name in wanted_flavors if name in _flavors(same)]
        if bool(here_arches) == bool(arches) and bool(here_flavors) == bool(flavors):
            found += _choose(same, here_arches, here_flavors)
    return found


def _arches(kernels: Iterable[Kernel]) -> dict[str, str]:
    """The arches that kernels come in: each spelling, and the kernel's own name for it."""
    return {
        word: kernel.arch.name for kernel in kernels for word in (kernel.arch.name, kernel.arch.oci)
    }


def _flavors(kernels: Iterable[Kernel]) -> dict[str, str]:
    return {kernel.flavor.name: kernel.flavor.name for kernel in kernels}


def _wanted(asked: Sequence[str], offered: Mapping[str, str], kind: str, place: str) -> list[str]:
    """The proper names of what is asked for; a UserError names what `place` does not offer."""
    if unknown := [name for name in asked if name not in (*offered, ALL)]:
        raise UserError(
            f"{place} has no {kind} {', '.join(unknown)}",
            why=f"it comes in {', '.join(dict.fromkeys(offered.values()))}",
        )
    names = offered.values() if ALL in asked else [offered[name] for name in asked]
    return list(dict.fromkeys(names))
