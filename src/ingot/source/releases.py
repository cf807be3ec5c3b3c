"""Which kernel releases there are to be had, as the origins themselves list them.

A list only says what to try: a release is obtained and verified as ever, and one that is
listed may not be served.
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
    """One upstream release, and the origins that say they have it.

    `end_of_life` is whether its series has ended, `released` the day the release came out,
    `moniker` what kernel.org calls the series (`longterm`, `stable`, `mainline`). Each is
    None, or empty, where nobody says.
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
        """Whether it says which series have ended; if so it lists every one that has not."""

    def listed(self, downloads: Path, progress: Progress) -> tuple[Release, ...]:
        """The releases it lists, in any order; what it downloads goes below `downloads`.

        Raises an IngotError if it cannot be asked, or if its answer does not verify.
        """


def available(indexes: Sequence[Index], downloads: Path, progress: Progress) -> tuple[Release, ...]:
    """All that the indexes list, the newest first; one that cannot be asked is a note.

    If none can be asked, raises VerificationError if an answer did not verify, else
    MachineError; a full disk or a missing program is raised at once.
    """
    attempts = Attempts(progress, prefix="releases: ")
    listed: list[Release] = []
    answered = False
    for index in indexes:
        try:
            with progress.step(f"ask {index.name} for its releases") as step:
                found = index.listed(downloads, progress)
                step.result(f"{len(found)} listed")
        except IngotError as error:
            attempts.failed(index.name, error)
            continue
        answered = True
        listed += found
    if not answered:
        raise attempts.error(
            "no origin could be asked which kernels there are",
            hint="check the network; a version in full, such as 6.1.176, needs no list",
        )
    return merge(listed)


def merge(listed: Iterable[Release]) -> tuple[Release, ...]:
    """One release for each version, the newest first, with all that is said of it.

    Its origins are in the order they came in. What one index says of a series holds for all
    of its releases.
    """
    rows = list(listed)
    series = _SeriesStatus.by(rows)
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
    """The release `version`, listed or not, from `origins`, with what `known` tells of it."""
    rows = list(known)
    series = _SeriesStatus.by(rows)
    dates = [row.released for row in rows if row.version == version]
    return Release(
        version,
        tuple(origins),
        series.end_of_life(version.series),
        next(filter(None, dates), None),
        series.moniker(version.series),
    )


@dataclass(frozen=True, slots=True)
class _SeriesStatus:
    """What is said of series: whether each has ended, and what it is called."""

    ended: dict[Series, bool]
    monikers: dict[Series, str]

    @classmethod
    def by(cls, releases: Iterable[Release]) -> _SeriesStatus:
        rows = list(releases)
        return cls(
            {r.version.series: r.end_of_life for r in rows if r.end_of_life is not None},
            {r.version.series: r.moniker for r in rows if r.moniker},
        )

    def end_of_life(self, series: Series) -> bool | None:
        """Whether a series has ended; None if nobody says.

        Who tells of ends lists every series that is maintained ("Active kernel releases",
        https://www.kernel.org/releases.html): an older one that is not listed has ended.
        """
        if series in self.ended:
            return self.ended[series]
        return True if self.ended and series < max(self.ended) else None

    def moniker(self, series: Series) -> str:
        return self.monikers.get(series, "")
