"""Whether the tables of a catalog agree: every name is defined, and nothing contradicts."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ingot.arch import arch
from ingot.catalog import kernel_variants
from ingot.catalog.builder_tables import (
    BUILDER_TABLES,
    BuilderTable,
    RootfsBuilderTable,
    builder_kind,
)
from ingot.catalog.catalog_form import (
    ORIGIN_TABLES,
    CatalogDocument,
    FeatureTable,
    FlavorTable,
    PatchTable,
    SeriesTable,
    WaiverTable,
)
from ingot.catalog.catalog_model import DEFAULT_FLAVOR
from ingot.catalog.kernel_selection import ALL
from ingot.errors import UserError
from ingot.suggestions import suggestion
from ingot.toml import Mistakes, Place
from ingot.version import KernelVersion, Series


def check(document: CatalogDocument, mistakes: Mistakes) -> None:
    """Note every name that is not defined, and every contradiction between tables."""
    defaults = document.defaults
    _arches(("defaults", "arches"), defaults.arches, mistakes)
    _name(("defaults", "builder"), defaults.builder, document.builders, "builder", mistakes)
    _flavor_list(("defaults",), defaults.flavors, document, mistakes)
    for name, builder in document.builders.items():
        _builder(name, builder, mistakes)
    for name, vmm in document.vmms.items():
        _arches(("vmms", name, "experimental"), vmm.experimental, mistakes)
        _arches(("vmms", name, "arches"), vmm.arches, mistakes)
        for on in vmm.since:
            _arch(("vmms", name, "since", on), on, mistakes)
    for name, feature in document.features.items():
        _feature(name, feature, document, mistakes)
    for name, flavor in document.flavors.items():
        _flavor(name, flavor, document, mistakes)
    for name, series in document.series.items():
        _series(name, series, document, mistakes)
    for index, patch in enumerate(document.patches):
        _patch(("patches", index), patch, document, mistakes)
    _budgets(document, mistakes)
    for index, waiver in enumerate(document.waivers):
        _waiver(("waivers", index), waiver, document, mistakes)
    for name in document.origins.order:
        if name in ORIGIN_TABLES and getattr(document.origins, name) is None:
            mistakes.add(
                ("origins", "order"), f"the origin '{name}' needs a table [origins.{name}]"
            )


def _name(place: Place, name: str, known: Collection[str], kind: str, mistakes: Mistakes) -> None:
    if name not in known:
        advice = suggestion(name, known)
        listed = f"known: {', '.join(known) or 'none'}{'; ' if advice else ''}{advice}"
        mistakes.add(place, f"there is no {kind} '{name}' ({listed})")


def _names(
    place: Place, names: Iterable[str], known: Collection[str], kind: str, mistakes: Mistakes
) -> None:
    """Note each unknown name of a list, at its own line."""
    for index, name in enumerate(names):
        _name((*place, index), name, known, kind, mistakes)


def _arches(place: Place, names: Iterable[str], mistakes: Mistakes) -> None:
    for index, name in enumerate(names):
        _arch((*place, index), name, mistakes)


def _arch(place: Place, name: str, mistakes: Mistakes) -> None:
    try:
        arch(name)
    except UserError as error:
        mistakes.add_error(place, error)


def _flavor_list(
    place: Place, names: Sequence[str], document: CatalogDocument, mistakes: Mistakes
) -> None:
    """Check a list of flavors: they exist, and the default one is first."""
    place = (*place, "flavors")
    _names(place, names, document.flavors, "flavor", mistakes)
    if names[0] != DEFAULT_FLAVOR:
        mistakes.add(place, f"the first flavor must be '{DEFAULT_FLAVOR}'")


def _builder(name: str, builder: BuilderTable, mistakes: Mistakes) -> None:
    """Check that the arches exist, and that `--builder` cannot mistake the name for a kind."""
    place = ("builders", name)
    if name in BUILDER_TABLES and name != builder_kind(builder):
        mistakes.add(place, f"'{name}' is also a kind of builder, and this one is of another kind")
    if isinstance(builder, RootfsBuilderTable):
        for on in builder.packages_on:
            _arch((*place, "packages_on", on), on, mistakes)


def _feature(
    name: str, feature: FeatureTable, document: CatalogDocument, mistakes: Mistakes
) -> None:
    place = ("features", name)
    _readable_name(place, name, document, mistakes)
    needs = {other: table.needs for other, table in document.features.items()}
    _names((*place, "needs"), feature.needs, document.features, "feature", mistakes)
    if name in _reachable(name, needs):
        mistakes.add((*place, "needs"), "the feature needs itself, directly or through others")


def _flavor(name: str, flavor: FlavorTable, document: CatalogDocument, mistakes: Mistakes) -> None:
    place = ("flavors", name)
    _readable_name(place, name, document, mistakes)
    like = {other: [t.like] if t.like else [] for other, t in document.flavors.items()}
    if flavor.like:
        _name((*place, "like"), flavor.like, document.flavors, "flavor", mistakes)
    _names((*place, "vmms"), flavor.vmms or [], document.vmms, "VMM", mistakes)
    _names((*place, "features"), flavor.features or [], document.features, "feature", mistakes)
    if name in _reachable(name, like):
        mistakes.add((*place, "like"), "the flavor is like itself, directly or through others")
    elif not flavor.like and flavor.vmms is None:
        mistakes.add(place, "the flavor has neither 'vmms' nor 'like'")


def _reachable(start: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    """All nodes that can be reached from `start` in one step or more."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _readable_name(place: Place, name: str, document: CatalogDocument, mistakes: Mistakes) -> None:
    """Check that a name, which becomes part of tags, has no other meaning there."""
    words = name.split("-")
    if kernel_variants.RESERVED & set(words):
        mistakes.add(
            place,
            f"a name must not have one of the words {kernel_variants.RESERVED_TEXT}: in tags they"
            " mark variants",
        )
    if words[-1] in _spellings(document):
        mistakes.add(place, f"'{words[-1]}' at the end of a tag is an arch: choose another name")
    if place[0] == "flavors" and (name == ALL or re.match(r"[0-9a-f]{12}$|rc[0-9]", name)):
        mistakes.add(place, "this name has another meaning in lists or tags: choose another name")


def _spellings(document: CatalogDocument) -> set[str]:
    """All names that kernel names use for the arches of the file."""
    own = [name for table in document.series.values() for name in table.arches or ()]
    found: set[str] = set()
    for name in (*document.defaults.arches, *own):
        with contextlib.suppress(UserError):  # `_arches` notes an unknown arch
            found.update(arch(name).names)
    return found


def _series(name: str, series: SeriesTable, document: CatalogDocument, mistakes: Mistakes) -> None:
    place = ("series", name)
    try:
        parsed = Series.parse(name)
    except UserError as error:
        mistakes.add_error(place, error)
        return
    if str(parsed) != name:
        mistakes.add(place, f"write this series as {parsed}")
    _arches((*place, "arches"), series.arches or [], mistakes)
    if series.builder:
        _name((*place, "builder"), series.builder, document.builders, "builder", mistakes)
    if series.flavors:
        _flavor_list(place, series.flavors, document, mistakes)
    for vmm in series.supported_by:
        _name((*place, "supported_by", vmm), vmm, document.vmms, "VMM", mistakes)
    for vmm in series.supported_until:
        if vmm not in series.supported_by:
            where = (*place, "supported_until", vmm)
            mistakes.add(where, f"'supported_by' does not say since when {vmm} supports the series")
    seen: dict[KernelVersion, str] = {}
    for text, table in series.versions.items():
        _version(place, text, parsed, seen, mistakes)
        for origin in table.sha256:
            pin = (*place, "versions", text, "sha256", origin)
            _name(pin, origin, document.origins.order, "origin", mistakes)


def _version(
    place: Place, text: str, series: Series, seen: dict[KernelVersion, str], mistakes: Mistakes
) -> None:
    place = (*place, "versions", text)
    try:
        version = KernelVersion.parse(text)
    except UserError as error:
        mistakes.add_error(place, error)
        return
    if version.series != series:
        mistakes.add(place, f"version {text} does not belong to series {series}")
    elif version in seen:
        mistakes.add(place, f"this is the same version as {seen[version]}")
    seen[version] = text


def _patch(place: Place, patch: PatchTable, document: CatalogDocument, mistakes: Mistakes) -> None:
    """Check that the flavors and arches exist, and that `until` is not before `since`."""
    _names((*place, "flavors"), patch.flavors, document.flavors, "flavor", mistakes)
    _arches((*place, "arches"), patch.arches, mistakes)
    since = KernelVersion.parse(patch.since) if patch.since else None
    if since and patch.until and KernelVersion.parse(patch.until) < since:
        mistakes.add((*place, "until"), f"'until' is before 'since' ({since})")


def _waiver(
    place: Place, waiver: WaiverTable, document: CatalogDocument, mistakes: Mistakes
) -> None:
    """Check that it accepts one thing, of series, flavors and arches that exist."""
    if (waiver.rule is None) == (waiver.option is None):
        mistakes.add(place, "a waiver accepts one thing: write either `rule` or `option`")
    _names((*place, "series"), waiver.series, document.series, "series", mistakes)
    _names((*place, "flavors"), waiver.flavors, document.flavors, "flavor", mistakes)
    _arches((*place, "arches"), waiver.arches, mistakes)


def _budgets(document: CatalogDocument, mistakes: Mistakes) -> None:
    """Check that the names exist, that a limit is set, and that no kernel has two budgets."""
    seen: set[tuple[str, str, str]] = set()
    for index, budget in enumerate(document.budgets):
        place: Place = ("budgets", index)
        _name((*place, "series"), budget.series, document.series, "series", mistakes)
        _name((*place, "flavor"), budget.flavor, document.flavors, "flavor", mistakes)
        _arch((*place, "arch"), budget.arch, mistakes)
        if budget.instructions is budget.memory is budget.size is None:
            mistakes.add(place, "it has no limit: set instructions, memory or size")
        key = (budget.series, budget.flavor, budget.arch)
        if key in seen:
            mistakes.add(place, f"this kernel already has a budget: {' '.join(key)}")
        seen.add(key)
