"""Kernels that the catalog does not list: one of its flavors, with some features more or less.

A variant is named after what is different, so that the same wish has the same name:
`with-bpf-without-fuse`, `minimal-with-bpf`. Names of flavors and features never have `with` or
`without` among their words, which makes such a name readable in one way only.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence

from ingot.arch import Arch
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, PATCHED, Feature, Flavor, Kernel, Vmm
from ingot.errors import UserError
from ingot.version import Series

WITH, WITHOUT = "with", "without"
RESERVED = frozenset({WITH, WITHOUT, PATCHED})
"""Words that no name of a flavor or feature may have: they say something in tags."""

_LONGEST = 80
"""Characters of a variant's name: a tag has 128 (OCI distribution-spec, "Pulling manifests"), of
which version, arch and recipe key take up to 40."""


def variant(
    features: Mapping[str, Feature], kernel: Kernel, with_: Sequence[str], without: Sequence[str]
) -> Kernel:
    """`kernel` with the features of `with_` and all they need, and not those of `without`.

    What it has already is not added again; a kernel that is a variant may be changed further.
    A UserError names a feature that does not exist, one that the series does not have, one to
    be removed that is not there or that another one needs, and one asked for both ways.
    """
    for name in (*with_, *without):
        known(features, name, "feature")
    flavor, had_with, had_without = split(kernel.flavor.name.split("-"))
    if both := {*with_, *had_with} & {*without, *had_without}:
        raise UserError(
            f"{', '.join(sorted(both))} is asked for with and without", hint="choose one"
        )
    more = [name for name in with_ if name not in kernel.features]
    if not more and not without:
        return kernel
    _refuse_later(features, kernel, more)
    _refuse_absent(kernel, without)
    gone = {*had_without, *without}
    kept = close((*kernel.features, *more), features)
    # in the catalog's order, so that the same wish is the same kernel
    remaining = tuple(name for name in features if name in kept and name not in gone)
    _refuse_needed(features, remaining, gone)
    changed = dataclasses.replace(
        kernel.flavor, name=_name(flavor, {*had_with, *more}, gone), features=remaining
    )
    return dataclasses.replace(kernel, flavor=changed)


def close(names: Iterable[str], features: Mapping[str, Feature]) -> tuple[str, ...]:
    """The features named, each behind those it needs, each once."""
    closed: dict[str, None] = {}
    for name in names:
        closed |= dict.fromkeys((*close(features[name].needs, features), name))
    return tuple(closed)


def known(names: Collection[str], name: str, kind: str) -> str:
    """`name`, if it is one of `names`; otherwise a UserError that says which there are."""
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    raise UserError(
        f"the catalog has no {kind} '{name}'",
        why=f"it knows {', '.join(names) or 'none'}",
        hint=f"did you mean {near[0]}?" if near else "",
    )


def split(words: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """The words of a variant's name as the flavor, the features added, and those removed.

    The flavor is empty where none is named. `known` and `variant` judge what comes out.
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
    """The variant's name; a UserError if no tag could hold it."""
    name = "-".join(
        (
            *([] if flavor in ("", DEFAULT_FLAVOR) else [flavor]),
            *(f"{WITH}-{feature}" for feature in sorted(with_)),
            *(f"{WITHOUT}-{feature}" for feature in sorted(without)),
        )
    )
    if len(name) > _LONGEST:
        raise UserError(
            "that is more than the name of an image can say",
            why=f"'{name}' is longer than {_LONGEST} characters",
            hint="write down a flavor of your own in the catalog, with these features",
        )
    return name


def _refuse_later(features: Mapping[str, Feature], kernel: Kernel, with_: Iterable[str]) -> None:
    for name in with_:
        if not features[name].there(kernel.version.series):
            raise UserError(
                f"Linux {kernel.version} has no {name}",
                why=f"the feature is there since series {features[name].since}",
                hint="build a newer series, or without it",
            )


def _refuse_absent(kernel: Kernel, without: Iterable[str]) -> None:
    had = kernel.features
    if absent := [name for name in without if name not in had]:
        raise UserError(
            f"{kernel.tag} has no {', '.join(absent)} to leave out",
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
    """The flavor with only those of its features and VMMs that the series can have on the arch."""
    return dataclasses.replace(
        flavor,
        features=tuple(name for name in flavor.features if features[name].there(series)),
        vmms=tuple(name for name in flavor.vmms if vmms[name].boots(series, arch)),
    )
