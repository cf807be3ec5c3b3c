"""Adds the numbers of CVEs to the kernels that were found for a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from ingot.errors import IngotError
from ingot.images import BASE, KernelLabels
from ingot.kernel_cves import CveCounts, KernelCves
from ingot.registry import at_once
from ingot.report.report_data import FoundImage


def with_cves_of_store(cves: KernelCves, images: Iterable[FoundImage]) -> list[FoundImage]:
    """The kernels of the store, with their CVEs if their compiled files are known."""
    return [_with(image, cves.counts_in_store) for image in images]


def with_cves_of_registry(
    cves: KernelCves, registry: str, images: Iterable[FoundImage], *, insecure: bool
) -> list[FoundImage]:
    """The same for the kernels of a registry (host[:port][/path])."""

    def read(facts: KernelLabels, tag: str) -> CveCounts | None:
        return cves.counts_in_registry(f"{registry}/{BASE}", facts, tag, insecure=insecure)

    return at_once(lambda image: _with(image, read), list(images))


def _with(image: FoundImage, read: Callable[[KernelLabels, str], CveCounts | None]) -> FoundImage:
    """The image with its CVEs; without them if they cannot be read."""
    try:
        facts = KernelLabels.from_labels(image.annotations)
        return dataclasses.replace(image, cves=read(facts, image.tags[0]) if facts else None)
    except IngotError:  # the report says why an image with invalid labels is left out
        return image
