"""The source of one version: from the cache, or from the first origin that delivers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import OWN_SOURCE, IngotError, MachineError, UserError
from ingot.files import locked
from ingot.progress import Progress
from ingot.source.origin import Origin, Source
from ingot.source.transfer.attempts import Attempts, is_fault_of_this_machine
from ingot.source.trees.source_cache import LOCAL, SourceCache
from ingot.version import KernelVersion


def obtain(
    version: KernelVersion,
    origins: Sequence[Origin],
    pins: Mapping[str, Digest],
    cache: SourceCache,
    downloads: Path,
    progress: Progress,
    *,
    offline: bool = False,
) -> Source:
    """The verified source of `version`, unpacked in `cache`.

    `pins` maps names of origins to the digest that the catalog pins for each. The order is: a
    cached source with a pinned digest; a cached source that was verified with the keys of these
    origins (another catalog's origin of the same name may trust other keys); the origins in order.
    Each origin that fails is one note. If all fail, raises VerificationError if a file did not
    verify, else MachineError; a full disk or a missing program is raised at once. Of several
    processes that need the same version, only one downloads it. With `offline` no origin is tried:
    MachineError if the source is not in the cache.
    """
    if not origins:
        raise UserError(f"there is no origin for linux {version}", hint=OWN_SOURCE)

    def wait() -> None:
        progress.note(f"source: waiting for another process that obtains linux {version}")

    found = find_cached(version, origins, pins, cache)
    if found is not None:
        return found
    if offline:
        raise _not_here(version, pins, cache)
    with locked(downloads / f".linux-{version}.lock", on_wait=wait):
        return find_cached(version, origins, pins, cache) or _from_origins(
            version, origins, pins, cache, downloads, progress
        )


def find_cached(
    version: KernelVersion,
    origins: Sequence[Origin],
    pins: Mapping[str, Digest],
    cache: SourceCache,
) -> Source | None:
    """The source that `obtain` would take from the cache; None if the cache does not have it."""
    names = [origin.name for origin in origins]
    for name in names:
        found = cache.find(version, pins[name]) if name in pins else None
        if found is not None:
            return _as_pinned(found, name)
    # In the order of the origins, not of digests: the first one is the preferred one.
    trusts = [origin.trust for origin in origins if origin.name not in pins]
    return next(iter(cache.find_verified(version, trusts)), None)


def _not_here(
    version: KernelVersion, pins: Mapping[str, Digest], cache: SourceCache
) -> MachineError:
    others = [source.digest.short for source in cache.known(version)]
    return MachineError(
        f"the source of linux {version} is not in the cache, and cannot be downloaded offline",
        why=f"the cache has {', '.join(others)}, but the catalog pins another digest"
        if pins and others
        else "",
        hint=f"run `ingot fetch {version}` with network access",
    )


def _as_pinned(found: Source, origin: str) -> Source:
    """A local tarball with the pinned digest is the pinned one: its bytes are the same."""
    if found.origin != LOCAL:
        return found
    return replace(found, origin=origin, evidence="a local file with the pinned digest")


def _from_origins(
    version: KernelVersion,
    origins: Sequence[Origin],
    pins: Mapping[str, Digest],
    cache: SourceCache,
    downloads: Path,
    progress: Progress,
) -> Source:
    attempts = Attempts(progress)
    for origin in origins:
        try:
            archive = origin.fetch(version, downloads, pins.get(origin.name), progress)
        except IngotError as error:
            attempts.failed(origin.name, error)
            continue
        ours = archive.path.parent == downloads  # a local tarball is the user's, and stays
        try:
            source = cache.add(archive, version, progress)
        except IngotError as error:
            if ours and not is_fault_of_this_machine(error):
                archive.path.unlink(missing_ok=True)
            attempts.failed(origin.name, error)
            continue
        if ours:
            archive.path.unlink(missing_ok=True)  # only the unpacked tree is needed from here on
        return source
    raise attempts.error(
        f"no origin delivered linux {version}",
        hint=f"check the network and the version, or {OWN_SOURCE}",
    )
