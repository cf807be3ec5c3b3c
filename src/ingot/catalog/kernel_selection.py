"""Selects kernels of a catalog by the names that a user gives.

A name is a version or a series, followed by what distinguishes the kernel, as in tags:

    NAME = VERSION|SERIES ["-" FLAVOR] {"-with-" FEATURE | "-without-" FEATURE}
           ["-from-" SOURCE] ["-patched"] ["-" ARCH]
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingot.catalog import kernel_variants
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, FROM, PATCHED, Feature, Kernel
from ingot.errors import UserError
from ingot.suggestions import suggestion, unknown_name

ALL = "all"
"""Means every arch, or every flavor, of a series."""


class UnknownKernelError(UserError):
    """The catalog has no kernel of this name."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A parsed name. `flavor`, `own_source` and `arch` are empty if the name has none."""

    text: str
    base: str
    flavor: str
    with_: Sequence[str]
    without: Sequence[str]
    own_source: str
    patched: bool
    arch: str


def select(
    kernels: Sequence[Kernel],
    features: Mapping[str, Feature],
    names: Sequence[str],
    arches: Sequence[str] = (),
    flavors: Sequence[str] = (),
) -> list[Kernel]:
    """The selected kernels, in the order of `names`, each once.

    No names: the newest version of every series that has the requested arches and flavors.
    No arches: the first one of the series; no flavors: the default one. An arch or flavor in a
    name overrides `arches` and `flavors`. `kernels` are sorted by version.

    UnknownKernelError lists the known versions; a UserError lists the arches or flavors of a
    version.
    """
    by_version = _by_version(kernels)
    parsed = [_parse(name, _arches(kernels)) for name in names]
    if unknown := [name.text for name in parsed if name.base not in by_version]:
        raise UnknownKernelError(
            f"the catalog has no kernel {', '.join(unknown)}",
            why=f"it has {', '.join(dict.fromkeys(str(kernel.version) for kernel in kernels))}"
            f" (a series such as {kernels[-1].version.series} means its newest version)",
            hint=suggestion(unknown[0], by_version),
        )
    found: dict[Kernel, None] = {}
    for name in parsed:
        own_arches = [name.arch] if name.arch else arches
        own_flavors = [name.flavor] if name.flavor else flavors
        chosen = _choose(by_version[name.base], own_arches, own_flavors)
        found |= dict.fromkeys(
            dataclasses.replace(
                kernel_variants.variant(features, kernel, name.with_, name.without),
                own_source=name.own_source,
                patched=name.patched,
            )
            for kernel in chosen
        )
    return list(found) if names else _newest(kernels, arches, flavors)


def _by_version(kernels: Iterable[Kernel]) -> dict[str, list[Kernel]]:
    """The kernels by version, and the newest ones by series as well."""
    versions: dict[str, list[Kernel]] = {}
    newest: dict[str, list[Kernel]] = {}
    for kernel in kernels:
        same = versions.setdefault(str(kernel.version), [])
        same.append(kernel)
        newest[str(kernel.version.series)] = same
    # a .0 release is written like its series; then the name means the series
    return versions | newest


def _parse(text: str, arches: Iterable[str]) -> _Name:
    base, *words = text.split("-")
    if words and re.fullmatch(r"rc\d+", words[0]):
        base = f"{base}-{words.pop(0)}"
    own_source = ""
    if FROM in words[:-1]:
        at = words.index(FROM)
        own_source = words[at + 1]
        del words[at : at + 2]
    arch = words.pop() if words and words[-1] in arches else ""
    patched = bool(words) and words[-1] == PATCHED
    flavor, with_, without = kernel_variants.split(words[:-1] if patched else words)
    return _Name(
        text,
        base,
        flavor=flavor,
        with_=with_,
        without=without,
        own_source=own_source,
        patched=patched,
        arch=arch,
    )


def version_in(name: str) -> str:
    """The version or series that a kernel's name begins with: 6.1 for 6.1-minimal-arm64."""
    return _parse(name, ()).base


def _choose(
    kernels: Sequence[Kernel], arches: Sequence[str], flavors: Sequence[str]
) -> list[Kernel]:
    """The requested kernels of one version; a UserError lists what the version has instead."""
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
    """The newest kernels of each series, in the requested arches and flavors that it has."""
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
    """The arches of kernels: the kernel's own name of each, by all of its names."""
    return {word: kernel.arch.name for kernel in kernels for word in kernel.arch.names}


def _flavors(kernels: Iterable[Kernel]) -> dict[str, str]:
    return {kernel.flavor.name: kernel.flavor.name for kernel in kernels}


def _wanted(asked: Sequence[str], offered: Mapping[str, str], kind: str, place: str) -> list[str]:
    """The canonical names of the requested ones; a UserError names those `place` does not have."""
    if unknown := [name for name in asked if name not in (*offered, ALL)]:
        what = f"{place} has no {kind} {', '.join(unknown)}"
        raise unknown_name(what, unknown[0], offered.values())
    names = offered.values() if ALL in asked else [offered[name] for name in asked]
    return list(dict.fromkeys(names))
