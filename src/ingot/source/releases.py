"""The available kernel releases, from the origins' own lists.

A list only says what to try: each release is downloaded and verified as usual, and a listed
release may not be downloadable yet.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingot.errors import IngotError
from ingot.progress import Progress
from ingot.source.origin import Origin
from ingot.source.transfer.attempts import Attempts
from ingot.version import KernelVersion, Series


@dataclass(frozen=True, slots=True)
class Release:
    """One upstream release, and the origins that list it.

    `end_of_life` says whether its series has ended, `released` is the day of the release, `moniker`
    kernel.org's word for the series (`longterm`, `stable`, `mainline`). Each is None, or empty, if
    unknown.
    """

    version: KernelVersion
    origins: tuple[Origin, ...]
    end_of_life: bool | None = None
    released: datetime.date | None = None
    moniker: str = ""


class Index(Protocol):
    """An origin's list of the releases it has."""

    @property
    def name(self) -> str:
        """The name of the origin."""

    @property
    def tells_ends(self) -> bool:
        """Whether it reports which series have ended; then it lists every series that has not."""

    def listed(self, downloads: Path, progress: Progress) -> tuple[Release, ...]:
        """The listed releases, in any order; files are downloaded to the directory `downloads`.

        Raises an IngotError if the list cannot be read or does not verify.
        """


def available(indexes: Sequence[Index], downloads: Path, progress: Progress) -> tuple[Release, ...]:
    """All releases that the indexes list, the newest first; a failing index is only noted.

    If all fail, raises VerificationError if one did not verify, else MachineError; a full disk or a
    missing program is raised at once.
    """
    attempts = Attempts(progress, prefix="releases: ")
    listed: list[Release] = []
    answered = False
    for index in indexes:
        try:
            with progress.step(f"list releases of {index.name}") as step:
                found = index.listed(downloads, progress)
                step.result(f"{len(found)} listed")
        except IngotError as error:
            attempts.failed(index.name, error)
            continue
        answered = True
        listed += found
    if not answered:
        raise attempts.error(
            "no list of kernel releases could be read",
            hint="check the network; a full version, such as 6.1.176, needs no list",
        )
    return merge(listed)


def merge(listed: Iterable[Release]) -> tuple[Release, ...]:
    """One release for each version, the newest first, with the information of all indexes.

    Its origins keep the order of `listed`. What one index says about a series holds for all of its
    releases.
    """
    rows = list(listed)
    series = _ListedSeries.by(rows)
    merged: dict[KernelVersion, Release] = {}
    for row in rows:
        known = merged.get(row.version)
        merged[row.version] = Release(
            row.version,
            (*known.origins, *row.origins) if known else row.origins,
            series.end_of_life(row.version.series),
            row.released or (known.released if known else None),
            series.moniker(row.version.series),
        )
    return tuple(sorted(merged.values(), key=lambda release: release.version, reverse=True))


def of_series(known: Iterable[Release], series: Series) -> tuple[Release, ...]:
    """The releases of one series, the newest first."""
    return tuple(release for release in known if release.version.series == series)


def newer(known: Iterable[Release], than: KernelVersion) -> tuple[Release, ...]:
    """The releases of the same series that came after `than`, the newest first."""
    return tuple(release for release in of_series(known, than.series) if release.version > than)


def exactly(version: KernelVersion, origins: Iterable[Origin], known: Iterable[Release]) -> Release:
    """The release `version`, listed or not, from `origins`, with the information in `known`."""
    rows = list(known)
    series = _ListedSeries.by(rows)
    dates = [row.released for row in rows if row.version == version]
    return Release(
        version,
        tuple(origins),
        series.end_of_life(version.series),
        next(filter(None, dates), None),
        series.moniker(version.series),
    )


@dataclass(frozen=True, slots=True)
class _ListedSeries:
    """The state of each series: whether it has ended, and its moniker."""

    ended: dict[Series, bool]
    monikers: dict[Series, str]

    @classmethod
    def by(cls, releases: Iterable[Release]) -> _ListedSeries:
        rows = list(releases)
        return cls(
            {r.version.series: r.end_of_life for r in rows if r.end_of_life is not None},
            {r.version.series: r.moniker for r in rows if r.moniker},
        )

    def end_of_life(self, series: Series) -> bool | None:
        """Whether a series has ended; None if unknown.

        An index that reports ended series lists every maintained one ("Active kernel releases",
        https://www.kernel.org/releases.html): an older series that is not listed has ended.
        """
        if series in self.ended:
            return self.ended[series]
        return True if self.ended and series < max(self.ended) else None

    def moniker(self, series: Series) -> str:
        return self.monikers.get(series, "")
