"""Finds the releases for the name of a version or a series, and obtains the first available one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingot.errors import IngotError, MachineError, UserError
from ingot.progress import Progress, Silent
from ingot.source.obtain import obtain
from ingot.source.origin import Origin, Source
from ingot.source.releases import Index, Release, available, exactly, of_series
from ingot.source.transfer.attempts import Attempts, is_fault_of_this_machine
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion, Series


class NoneServedError(MachineError):
    """No origin delivers any of the releases that were tried."""


def candidates(
    name: str,
    origins: Sequence[Origin],
    indexes: Sequence[Index],
    downloads: Path,
    progress: Progress,
) -> tuple[Release, ...]:
    """The releases to try for `name`, the best first; at least one.

    A series (`5.10`) means all its listed releases, the newest first. A version (`5.10.259`) means
    itself, from any of `origins` in their order, even if it is not listed: archives hold more
    releases than lists. For a version, only the lists that report ended series are read. `6.19`,
    which can be both, is the series.

    Raises UserError if `name` is neither, or a series without a listed release, and for a series
    the errors of `available`.
    """
    series = _series(name)
    if series is None:
        version = KernelVersion.parse(name)
        return (exactly(version, origins, _known_ends(indexes, downloads, progress)),)
    known = available(indexes, downloads, progress)
    if found := of_series(known, series):
        return found
    have = ", ".join(str(one) for one in sorted({row.version.series for row in known}))
    raise UserError(
        f"no origin lists a release of {series}",
        why=f"listed are {have}" if have else "nothing is listed",
        hint=f"name a full version, such as {series}.1: archives have unlisted releases",
    )


def obtain_first(
    wanted: Sequence[Release], cache: SourceCache, downloads: Path, progress: Progress
) -> tuple[Release, Source]:
    """The first of the candidates that its origins deliver, and its verified source.

    A release that no origin delivers is skipped with a note. One that does not verify, or is not
    the named version, is an error: an older release must not silently replace it. If none is
    delivered, raises NoneServedError; a full disk or a missing program is raised at once.
    """
    attempts = Attempts(Silent())  # `obtain` notes why each one failed
    for number, release in enumerate(wanted):
        if number:
            progress.note(f"source: trying linux {release.version} instead")
        try:
            source = obtain(release.version, release.origins, {}, cache, downloads, progress)
        except MachineError as error:
            attempts.failed(f"linux {release.version}", error)
        else:
            return release, source
    failure = attempts.error(
        "none of the listed releases could be downloaded",
        hint="check the network; a release that was just announced may take days to appear",
    )
    raise NoneServedError(failure.what, why=failure.why, hint=failure.hint)


def _known_ends(
    indexes: Sequence[Index], downloads: Path, progress: Progress
) -> tuple[Release, ...]:
    """The releases of the lists that report ended series; empty if none of them can be read."""
    reporting = [index for index in indexes if index.tells_ends]
    try:
        return available(reporting, downloads, progress) if reporting else ()
    except IngotError as error:
        if is_fault_of_this_machine(error):
            raise
        return ()  # each failure was noted, and a known version does not need the lists


def _series(name: str) -> Series | None:
    try:
        return Series.parse(name)
    except UserError:
        return None
