"""From the name of a version or a series to the source of a release that can really be had."""

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


def candidates(
    name: str,
    origins: Sequence[Origin],
    indexes: Sequence[Index],
    downloads: Path,
    progress: Progress,
) -> tuple[Release, ...]:
    """What to try for `name`, the best first; at least one.

    A series (`5.10`) stands for all of it that is listed, the newest first. A version
    (`5.10.259`) stands for itself, listed or not, at any of `origins` in their order: lists
    are short, archives are not; only those who know whether its series has ended are asked.
    `6.19`, which can be both, is the series.

    Raises UserError if `name` is neither, or a series of which nothing is listed, and for a
    series what `available` raises.
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
        hint=f"name a version in full, such as {series}.1: older ones are kept, but not listed",
    )


def obtain_first(
    wanted: Sequence[Release], cache: SourceCache, downloads: Path, progress: Progress
) -> tuple[Release, Source]:
    """The first of the candidates that its origins deliver, and its source, verified.

    One that is not served is noted. One that is served but does not verify, or is not what
    it is called, is an error: an older release must not quietly take its place. If none is
    served raises MachineError; a full disk or a missing program is raised at once.
    """
    attempts = Attempts(Silent())  # `obtain` notes why each did not come
    for number, release in enumerate(wanted):
        if number:
            progress.note(f"source: trying linux {release.version} instead")
        try:
            source = obtain(release.version, release.origins, {}, cache, downloads, progress)
        except MachineError as error:
            attempts.failed(f"linux {release.version}", error)
        else:
            return release, source
    raise attempts.error(
        "none of the listed releases could be had",
        hint="check the network; what has just been announced may come within days",
    )


def _known_ends(
    indexes: Sequence[Index], downloads: Path, progress: Progress
) -> tuple[Release, ...]:
    """What those indexes list that know which series have ended; nothing if they are silent."""
    knowing = [index for index in indexes if index.tells_ends]
    try:
        return available(knowing, downloads, progress) if knowing else ()
    except IngotError as error:
        if is_fault_of_this_machine(error):
            raise
        return ()  # each has said why, and a known version can be had without them


def _series(name: str) -> Series | None:
    try:
        return Series.parse(name)
    except UserError:
        return None
