"""The differences between two images."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from ingot import kconfig
from ingot.comparison.image_summary import ImageSummary
from ingot.kconfig import Difference


@dataclass(frozen=True, slots=True)
class SizeChange:
    """A named item that was added, removed or resized: sizes in bytes, None if it is absent."""

    name: str
    before: int | None
    after: int | None

    @property
    def growth(self) -> int:
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True, slots=True)
class Changes:
    """The items that were added, removed and resized; the largest difference first."""

    gained: tuple[SizeChange, ...]
    lost: tuple[SizeChange, ...]
    resized: tuple[SizeChange, ...]

    @property
    def all(self) -> tuple[SizeChange, ...]:
        return _largest_first([*self.gained, *self.lost, *self.resized])


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images and their differences; None if one of them lacks the information.

    `same`: their layers are identical. `directories` are the source directories whose share of the
    kernel changed, with "" for bytes that belong to no directory.
    """

    before: ImageSummary
    after: ImageSummary
    same: bool
    options: tuple[Difference, ...] | None
    modules: Changes | None
    directories: Changes | None
    files: Changes | None


def compare(before: ImageSummary, after: ImageSummary) -> Comparison:
    """Compare two images in all properties that are known for both."""
    options = None
    if before.config is not None and after.config is not None:
        options = kconfig.diff(before.config, after.config)
    modules = None
    if before.modules is not None and after.modules is not None:
        modules = _modules(before.modules, after.modules)
    directories = None
    if before.size_map and after.size_map:
        directories = _sizes(before.size_map.kernel, after.size_map.kernel)
    files = None
    if before.files is not None and after.files is not None:
        files = _sizes(before.files, after.files)
    same = before.layers == after.layers
    return Comparison(
        before,
        after,
        same=same,
        options=options,
        modules=modules,
        directories=directories,
        files=files,
    )


def _sizes(before: Mapping[str, int], after: Mapping[str, int]) -> Changes:
    return Changes(
        _largest_first([SizeChange(n, None, size) for n, size in after.items() if n not in before]),
        _largest_first([SizeChange(n, size, None) for n, size in before.items() if n not in after]),
        _largest_first(
            [
                SizeChange(n, before[n], size)
                for n, size in after.items()
                if n in before and before[n] != size
            ]
        ),
    )


def _modules(before: Mapping[str, int], after: Mapping[str, int]) -> Changes:
    """A module that moved to another directory is neither added nor removed: modprobe finds it."""
    moved = {}
    lost = {_module_name(path): path for path in before if path not in after}
    for path in after:
        if path not in before and (old := lost.pop(_module_name(path), None)):
            moved[old] = path
    return _sizes({moved.get(path, path): size for path, size in before.items()}, after)


def _module_name(path: str) -> str:
    """A module's name in modprobe(8): `net/ipv4/ip-gre.ko.xz` is `ip_gre`."""
    return posixpath.basename(path).partition(".ko")[0].replace("-", "_")


def _largest_first(changes: list[SizeChange]) -> tuple[SizeChange, ...]:
    return tuple(sorted(changes, key=lambda change: (-abs(change.growth), change.name)))
