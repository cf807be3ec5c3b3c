"""Adds new kernel versions to a catalog.

A release is found, its source verified, and the configs of every arch and flavor resolved and
checked. Only then is it written: a few lines in kernels.toml (the version and the digest of its
source), and the tables in README and docs that are generated from it.
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
from ingot.kconfig import Config
from ingot.kconfig.expression import evaluate, render
from ingot.kconfig.option_table import Option, OptionTable
from ingot.pipeline import Resolved
from ingot.progress import Progress
from ingot.setting import Project, Setting
from ingot.source.candidates import NoneServedError, candidates, obtain_first
from ingot.source.origin import Source
from ingot.source.origins import indexes_of, origins_of
from ingot.source.releases import Release, available, newer, of_series
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion, Series


@dataclass(frozen=True, slots=True)
class NewOption:
    """An option with a prompt that the previous release did not have.

    `value` is its resolved value in the first flavor, `fallback` its default in Kconfig; `arches`
    are the arches that have it.
    """

    option: Option
    value: str
    fallback: str
    arches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewOptions:
    """The options that a version has and the older version `before` does not.

    `options` can be set now; `hidden` are the names of those whose prompts are hidden because
    another option is off.
    """

    before: KernelVersion
    options: tuple[NewOption, ...]
    hidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Addition:
    """A version that can be added: its source, its checked configs, and the proposed edit.

    `new_options` is None if there is nothing to compare with.
    """

    release: Release
    source: Source
    configs: tuple[Resolved, ...]
    new_options: NewOptions | None
    proposal: Proposal


def plan_addition(setting: Setting, name: str, progress: Progress) -> Addition:
    """Find, verify and check the release `name`: a version, or a series (its newest version).

    Of a series, only versions are tried that are newer than those of the catalog. Nothing is
    written. Raises UserError if the catalog has it already, ConfigError if one of its configs is
    not sound, and the errors of obtaining the source.
    """
    catalog = setting.project.catalog
    _refuse_known(catalog, name)
    origins, indexes = origins_of(catalog), indexes_of(catalog)
    wanted = candidates(name, origins, indexes, setting.project.workspace.downloads, progress)
    _refuse_known(catalog, str(wanted[0].version))
    have = _newest(catalog, wanted[0].version.series)
    if have is None or name != str(have.series):
        return plan_first(setting, wanted, progress)
    return plan_newer(setting, have, newer(wanted, have), progress)


def plan_newer(
    setting: Setting, have: KernelVersion, wanted: Sequence[Release], progress: Progress
) -> Addition:
    """The same as `plan_first`, for releases that are newer than the version `have`.

    Raises NoneServedError, which says what the catalog has, if there are none or no origin
    delivers any of them: the way down ends at what the catalog has.
    """
    if not wanted:
        raise NoneServedError(
            f"no origin lists a release that is newer than {have}, which the catalog has",
            hint=f"name another version to add it: ingot add {have.series}.N",
        )
    try:
        return plan_first(setting, wanted, progress)
    except NoneServedError as error:
        raise NoneServedError(
            f"nothing newer than {have} is served, and the catalog has {have}",
            why=str(error),
            hint=error.hint,
        ) from error


def plan_first(setting: Setting, wanted: Sequence[Release], progress: Progress) -> Addition:
    """The same as `plan_addition`, for the first of these releases whose source is available."""
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
class SeriesStatus:
    """A series of the catalog: its newest version in the catalog, and newer releases.

    `newer` are the releases to try, the newest first, because the newest may not be downloadable
    yet. `ended` means that the series is no longer maintained, by the catalog's date or by
    kernel.org's list.
    """

    series: Series
    have: KernelVersion
    newer: tuple[Release, ...]
    end_of_life: datetime.date | None
    ended: bool

    @property
    def newest(self) -> Release | None:
        """The newest release that the catalog does not have, if there is one."""
        return self.newer[0] if self.newer else None


def find_newer(
    project: Project, names: Sequence[str], today: datetime.date, progress: Progress
) -> list[SeriesStatus]:
    """The newer releases of the series of the catalog, or of the named ones."""
    catalog = project.catalog
    known = available(indexes_of(catalog), project.workspace.downloads, progress)
    kernels = catalog.select([str(Series.parse(name)) for name in names])
    statuses = []
    for kernel in kernels:
        series = kernel.version.series
        listed = of_series(known, series)
        ended = kernel.ended(today) or bool(listed and listed[0].end_of_life)
        statuses.append(
            SeriesStatus(
                series,
                kernel.version,
                newer(listed, kernel.version),
                kernel.end_of_life,
                ended,
            )
        )
    return statuses


def _newest(catalog: Catalog, series: Series) -> KernelVersion | None:
    """The newest version of a series that the catalog has."""
    versions = (kernel.version for kernel in catalog.kernels if kernel.version.series == series)
    return max(versions, default=None)


def _refuse_known(catalog: Catalog, name: str) -> None:
    if any(str(kernel.version) == name for kernel in catalog.kernels):
        raise UserError(
            f"the catalog has {name} already",
            hint=f"build it: ingot build {name}",
        )


def _check_all(
    setting: Setting, version: KernelVersion, progress: Progress
) -> tuple[Resolved, ...]:
    """The configs of every arch and flavor of a version; ConfigError if one is not sound."""
    kernels = setting.project.catalog.select([str(version)], arches=[ALL], flavors=[ALL])
    done = []
    for resolved in pipeline.resolve_all(setting, kernels, progress):
        pipeline.require_sound(resolved)
        done.append(resolved)
    return tuple(done)


def _nearest(catalog: Catalog, version: KernelVersion) -> Kernel | None:
    """The catalog's kernel that is closest to a version: the newest older one, else the newest.

    Of the same series if there is one; in the default flavor, on the primary arch.
    """
    kernels = catalog.select([str(v) for v in dict.fromkeys(k.version for k in catalog.kernels)])
    same = [kernel for kernel in kernels if kernel.version.series == version.series]
    earlier = [kernel for kernel in same or kernels if kernel.version < version]
    return max(earlier or same, key=lambda kernel: kernel.version, default=None)


def _new_options(
    setting: Setting, other: Kernel, configs: Sequence[Resolved], progress: Progress
) -> NewOptions | None:
    """The options that are new since `other`, on any arch; None if its options are not known."""
    first: dict[str, Resolved] = {}
    for resolved in configs:
        first.setdefault(resolved.kernel.arch.name, resolved)
    try:
        earlier = _tables(setting, other, list(first), progress)
    except (
        IngotError
    ) as error:  # the comparison is optional: its failure must not stop the addition
        progress.note(f"the options that are new since {other.version} are not known: {error.what}")
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
    return NewOptions(other.version, options, tuple(sorted(hidden - set(found))))


def _tables(
    setting: Setting, kernel: Kernel, arches: Sequence[str], progress: Progress
) -> Mapping[str, OptionTable]:
    kernels = setting.project.catalog.select([str(kernel.version)], arches=arches)
    return {
        resolved.kernel.arch.name: resolved.table
        for resolved in pipeline.resolve_all(setting, kernels, progress)
    }


def _fallback(option: Option, config: Config) -> str:
    """The default value in Kconfig: the first `default` whose condition holds."""
    for value, condition in option.defaults:
        if condition is None or evaluate(condition, config.options) != "n":
            return render(value, None)
    return "n" if option.type in ("bool", "tristate") else "none"
