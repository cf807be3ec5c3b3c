"""Removes blobs from the store that no tag needs any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.oci.descriptor import REF_NAME
from ingot.oci.graph import reachable
from ingot.oci.layout import Layout


@dataclass(frozen=True, slots=True)
class Garbage:
    """The files and bytes that were (or would be) removed.

    `skipped`: nothing was removed, because a build is running.
    """

    blobs: int = 0
    bytes: int = 0
    skipped: bool = False


def collect_garbage(layout: Layout, *, dry_run: bool = False) -> Garbage:
    """Remove blobs that nothing in `index.json` reaches, and staging files of killed writers.

    Does not wait: while a build uses the store, nothing is removed and the result is `skipped`.
    VerificationError, with nothing removed, if a tag's manifest is damaged: the blobs that it
    needs are not known then.
    """
    with layout.exclusive_if_free(to_read=dry_run) as free:
        if not free:
            return Garbage(skipped=True)
        needed = {d.digest.hex for root in layout.roots() for d in reachable(layout.blobs, root)}
        count = size = 0
        for path in list(_unneeded(layout, needed)):
            count += 1
            size += path.stat().st_size
            if not dry_run:
                path.unlink()
        return Garbage(count, size)


def blobs_of_only(layout: Layout, tags: Collection[str]) -> list[Path]:
    """The blobs that only these tags reach, and no other entry of the store's index."""
    kept: set[Digest] = set()
    going: set[Digest] = set()
    for root in layout.roots():
        side = going if root.annotations.get(REF_NAME) in tags else kept
        side.update(descriptor.digest for descriptor in reachable(layout.blobs, root))
    paths = [layout.blobs.path(digest) for digest in going - kept]
    return [path for path in paths if path.exists()]


def _unneeded(layout: Layout, needed: set[str]) -> Iterator[Path]:
    yield from layout.leftovers()
    yield from (path for path in layout.blobs.names() if path.name not in needed)
