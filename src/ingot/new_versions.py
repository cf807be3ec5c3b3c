"""How a catalog grows: a release is found and verified, tried on paper, and only then written down.

What is written is a handful of lines: the version and the digest of its source in
kernels.toml, and the tables of README and docs that are made from it. It is written when all
of it is known to be sound: the source verified, the configs of every arch and flavor resolved
and checked.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot import pipeline
from ingot.catalog import Catalog, Kernel, NewVersion, Proposal, propose
from ingot.catalog.kernel_selection import ALL
from ingot.errors import IngotError, UserError
from ingot.kconfig import Config, Option, OptionTable
from ingot.kconfig.expression import evaluate, render
from ingot.pipeline import Resolved
from ingot.progress import Progress
from ingot.setting import Project, Setting
from ingot.source.candidates import candidates, obtain_first
from ingot.source.origin import Source
from ingot.source.origins import indexes_of, origins_of
from ingot.source.releases import Release, available, newer, of_series
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion, Series


@dataclass(frozen=True, slots=True)
class NewOption:
    """An option that a person may set and that the release before did not have.

    `value` is what it came out as in the first flavor, `fallback` what Kconfig says its
    default is; `arches` are those that have it.
    """

    option: Option
    value: str
    fallback: str
    arches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class News:
    """What a version has that `before`, an older one, has not.

    `options` are those a person may set now; `hidden` names those that something else, which
    is off, would have to show first.
    """

    before: KernelVersion
    options: tuple[NewOption, ...]
    hidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Addition:
    """A version that may be added: its source, its checked configs, and what would be written.

    `news` is None if there is nothing to compare with.
    """

    release: Release
    source: Source
    configs: tuple[Resolved, ...]
    news: News | None
    proposal: Proposal


def plan_addition(setting: Setting, name: str, progress: Progress) -> Addition:
    """Find, verify and check what `name` (a version, or a series: its newest) would add.

    Nothing is written. Raises UserError if the catalog has it already, or if a config of it
    is not sound; and what stands in the way of getting the source.
    """
    catalog = setting.project.catalog
    _refuse_known(catalog, name)
    origins, indexes = origins_of(catalog), indexes_of(catalog)
    wanted = candidates(name, origins, indexes, setting.project.workspace.downloads, progress)
    _refuse_known(catalog, str(wanted[0].version))
    return plan_first(setting, wanted, progress)


def plan_first(setting: Setting, wanted: Sequence[Release], progress: Progress) -> Addition:
    """What the first of some releases that can be had would add; otherwise as `plan_addition`."""
    catalog, workspace = setting.project.catalog, setting.project.workspace
    cache = SourceCache(workspace.sources)
    release, source = obtain_first(wanted, cache, workspace.downloads, progress)
    pins = {source.origin: source.digest}
    proposal = propose(catalog, [NewVersion(release.version, pins)])
    grown = dataclasses.replace(
        setting, project=dataclasses.replace(setting.project, catalog=proposal.catalog)
    )
    configs = _check_all(grown, release.version, progress)
    other = _nearest(catalog, release.version)
    return Addition(
        release,
        source,
        configs,
        _new_options(setting, other, configs, progress) if other else None,
        proposal,
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """A series of the catalog: its newest version here, and what is newer elsewhere.

    `newer` is what to add, None if there is nothing newer; `listed` all that there is of the
    series, the newest first, since the newest may not be served yet. `ended` says that the
    series is no longer maintained, by the catalog's date or by what kernel.org says.
    """

    series: Series
    have: KernelVersion
    newer: Release | None
    listed: tuple[Release, ...]
    end_of_life: datetime.date | None
    ended: bool


def look_out(
    project: Project, names: Sequence[str], today: datetime.date, progress: Progress
) -> list[Outlook]:
    """What there is to add for the series of the catalog, or for those named."""
    catalog = project.catalog
    known = available(indexes_of(catalog), project.workspace.downloads, progress)
    kernels = catalog.select([str(Series.parse(name)) for name in names])
    outlooks = []
    for kernel in kernels:
        series = kernel.version.series
        listed = of_series(known, series)
        found = newer(listed, kernel.version)
        ended = kernel.ended(today) or bool(listed and listed[0].end_of_life)
        outlooks.append(
            Outlook(
                series,
                kernel.version,
                found[0] if found else None,
                listed,
                kernel.end_of_life,
                ended,
            )
        )
    return outlooks


def _refuse_known(catalog: Catalog, name: str) -> None:
    if any(str(kernel.version) == name for kernel in catalog.kernels):
        raise UserError(
            f"the catalog has {name} already",
            hint=f"build it: ingot build {name}",
        )


def _check_all(
    setting: Setting, version: KernelVersion, progress: Progress
) -> tuple[Resolved, ...]:
    """The configs of every arch and flavor of a version, all of them sound."""
    kernels = setting.project.catalog.select([str(version)], arches=[ALL], flavors=[ALL])
    done = []
    for resolved in pipeline.resolve_all(setting, kernels, progress):
        pipeline.require_sound(resolved)
        done.append(resolved)
    return tuple(done)


def _nearest(catalog: Catalog, version: KernelVersion) -> Kernel | None:
    """The kernel of the catalog that is most like a version: the newest before it, or after it.

    Of its own series if there is one; in the default flavor, on the primary arch.
    """
    kernels = catalog.select([str(v) for v in dict.fromkeys(k.version for k in catalog.kernels)])
    same = [kernel for kernel in kernels if kernel.version.series == version.series]
    earlier = [kernel for kernel in same or kernels if kernel.version < version]
    return max(earlier or same, key=lambda kernel: kernel.version, default=None)


def _new_options(
    setting: Setting, other: Kernel, configs: Sequence[Resolved], progress: Progress
) -> News | None:
    """What is new against `other`, on any arch; None if that cannot be known."""
    first: dict[str, Resolved] = {}
    for resolved in configs:
        first.setdefault(resolved.kernel.arch.name, resolved)
    try:
        earlier = _tables(setting, other, list(first), progress)
    except IngotError as error:  # good to know, but no reason not to add
        progress.note(f"what is new against {other.version} is not known: {error.what}")
        return None
    found: dict[str, NewOption] = {}
    hidden: set[str] = set()
    for arch, resolved in first.items():
        config = resolved.config
        for name in set(resolved.table.options) - set(earlier[arch].options):
            option = resolved.table.options[name]
            if not option.prompts or option.transitional:
                continue
            if option.visible is not None and evaluate(option.visible, config.options) == "n":
                hidden.add(name)
                continue
            arches = (*(found[name].arches if name in found else ()), arch)
            value, fallback = config.value(name), _fallback(option, config)
            found[name] = NewOption(option, value, fallback, arches)
    options = tuple(found[name] for name in sorted(found))
    return News(other.version, options, tuple(sorted(hidden - set(found))))


def _tables(
    setting: Setting, kernel: Kernel, arches: Sequence[str], progress: Progress
) -> Mapping[str, OptionTable]:
    kernels = setting.project.catalog.select([str(kernel.version)], arches=arches)
    return {
        resolved.kernel.arch.name: resolved.table
        for resolved in pipeline.resolve_all(setting, kernels, progress)
    }


def _fallback(option: Option, config: Config) -> str:
    """What Kconfig takes where nobody says: its first `default` whose condition holds."""
    for value, condition in option.defaults:
        if condition is None or evaluate(condition, config.options) != "n":
            return render(value, None)
    return "n" if option.type in ("bool", "tristate") else "none"
