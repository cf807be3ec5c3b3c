"""Variants: kernels that the catalog does not list, a flavor with features added or removed.

A variant is named after the difference, so that the same request always has the same name:
`with-bpf-without-fuse`, `minimal-with-bpf`. Names of flavors and features never have `with` or
`without` among their words, so that the name of a variant is not ambiguous.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

from ingot.arch import Arch
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, FROM, PATCHED, Feature, Flavor, Kernel, Vmm
from ingot.errors import UserError
from ingot.suggestions import unknown_name
from ingot.version import Series

WITH, WITHOUT = "with", "without"
PLUS = "plus"
"""The word before the name of out-of-tree modules in the tag of a kernel with such modules."""

RESERVED = frozenset({WITH, WITHOUT, FROM, PATCHED, PLUS})
"""Words that the name of a flavor or feature must not have, because tags use them."""

RESERVED_TEXT = ", ".join(f"'{word}'" for word in sorted(RESERVED))
"""The reserved words, for messages."""

_LONGEST = 80
"""The most characters of a variant's name: a tag has 128 (OCI distribution-spec, "Pulling
manifests"), of which version, arch and recipe key take up to 40."""


def variant(
    features: Mapping[str, Feature], kernel: Kernel, with_: Sequence[str], without: Sequence[str]
) -> Kernel:
    """`kernel` with the features of `with_` and all they need, without those of `without`.

    A feature that the kernel has is not added again; `kernel` may be a variant itself.
    A UserError names a feature that does not exist, is not available in the series, is in both
    lists, or is to be removed but absent or needed by another feature.
    """
    for name in (*with_, *without):
        known(features, name, "feature")
    flavor, had_with, had_without = split(kernel.flavor.name.split("-"))
    if both := {*with_, *had_with} & {*without, *had_without}:
        raise UserError(f"{', '.join(sorted(both))} is both added and removed", hint="choose one")
    more = [name for name in with_ if name not in kernel.features]
    if not more and not without:
        return kernel
    _refuse_later(features, kernel, more)
    _refuse_absent(kernel, without)
    gone = {*had_without, *without}
    kept = close((*kernel.features, *more), features)
    # in the catalog's order, so that the same request gives the same kernel
    remaining = tuple(name for name in features if name in kept and name not in gone)
    _refuse_needed(features, remaining, gone)
    changed = dataclasses.replace(
        kernel.flavor, name=_name(flavor, {*had_with, *more}, gone), features=remaining
    )
    return dataclasses.replace(kernel, flavor=changed)


def close(names: Iterable[str], features: Mapping[str, Feature]) -> tuple[str, ...]:
    """The named features, each once and after those it needs."""
    closed: dict[str, None] = {}
    for name in names:
        closed |= dict.fromkeys((*close(features[name].needs, features), name))
    return tuple(closed)


def known(names: Collection[str], name: str, kind: str) -> str:
    """`name`, if it is one of `names`; otherwise a UserError that lists them."""
    if name in names:
        return name
    raise unknown_name(f"the catalog has no {kind} '{name}'", name, names)


def split(words: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """The flavor, the added features and the removed features, from a variant's name.

    The flavor is empty if the name has none. Nothing is checked here: `variant` does that.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for word in words:
        if word in (WITH, WITHOUT):
            parts.append((word, []))
        else:
            parts[-1][1].append(word)
    flavor, *changes = [(kind, "-".join(name)) for kind, name in parts]
    return (
        flavor[1],
        [name for kind, name in changes if kind == WITH],
        [name for kind, name in changes if kind == WITHOUT],
    )


def _name(flavor: str, with_: Iterable[str], without: Iterable[str]) -> str:
    """The variant's name; a UserError if it is too long for a tag."""
    name = "-".join(
        (
            *([] if flavor in ("", DEFAULT_FLAVOR) else [flavor]),
            *(f"{WITH}-{feature}" for feature in sorted(with_)),
            *(f"{WITHOUT}-{feature}" for feature in sorted(without)),
        )
    )
    if len(name) > _LONGEST:
        raise UserError(
            "the variant's name is too long for an image tag",
            why=f"'{name}' has more than {_LONGEST} characters",
            hint="add a flavor with these features to the catalog, and build that",
        )
    return name


def _refuse_later(features: Mapping[str, Feature], kernel: Kernel, with_: Iterable[str]) -> None:
    for name in with_:
        if not features[name].available_in(kernel.version.series):
            raise UserError(
                f"the feature {name} is not available in Linux {kernel.version}",
                why=f"its first series is {features[name].since}",
                hint="build a newer series, or leave the feature out",
            )


def _refuse_absent(kernel: Kernel, without: Iterable[str]) -> None:
    had = kernel.features
    if absent := [name for name in without if name not in had]:
        raise UserError(
            f"{kernel.tag} does not have {', '.join(absent)}, so it cannot be left out",
            why=f"its features are {', '.join(had)}" if had else "it has no features",
        )


def _refuse_needed(
    features: Mapping[str, Feature], remaining: Iterable[str], without: Collection[str]
) -> None:
    for name in remaining:
        if needed := [need for need in features[name].needs if need in without]:
            raise UserError(
                f"{', '.join(needed)} cannot be left out",
                why=f"the feature {name} needs it",
                hint=f"leave out {name} as well",
            )


def available(
    flavor: Flavor,
    series: Series,
    arch: Arch,
    features: Mapping[str, Feature],
    vmms: Mapping[str, Vmm],
) -> Flavor:
    """The flavor, with only those features and VMMs that the series can have on the arch."""
    return dataclasses.replace(
        flavor,
        features=tuple(name for name in flavor.features if features[name].available_in(series)),
        vmms=tuple(name for name in flavor.vmms if vmms[name].boots(series, arch)),
    )
