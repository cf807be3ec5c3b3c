"""Which patches a kernel gets: those of its series' folder, and those that `kernels.toml` bounds.

A patch file that no [[patches]] table names is for all of the series whose folder it is in. One
that is named may be anywhere below patches/, and is for what its tables say. All that a kernel
gets is applied in the order of the file names, whatever the folders: 0001-a.patch, 0002-b.patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingot.catalog import kernel_variants
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, Kernel
from ingot.version import KernelVersion, Series

FOLDER = "patches"


@dataclass(frozen=True, slots=True)
class PatchBounds:
    """For which kernels the patch `file`, a path below patches/, is. What is empty bounds nothing.

    `since` and `until` are the first and the last version it is applied to: the release that
    carries the fix is the one after `until`.
    """

    file: str
    since: KernelVersion | None = None
    until: KernelVersion | None = None
    series: tuple[Series, ...] = ()
    flavors: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()

    def hold(self, kernel: Kernel) -> bool:
        """Whether the kernel gets the patch. A variant is of the flavor that it varies."""
        flavor = kernel_variants.split(kernel.flavor.name.split("-"))[0] or DEFAULT_FLAVOR
        return (
            (self.since is None or self.since <= kernel.version)
            and (self.until is None or kernel.version <= self.until)
            and (not self.series or kernel.version.series in self.series)
            and (not self.flavors or flavor in self.flavors)
            and (not self.arches or kernel.arch.name in self.arches)
        )


def for_kernel(root: Path, bounds: Sequence[PatchBounds], kernel: Kernel) -> tuple[Path, ...]:
    """The patch files of the catalog `root` for a kernel, in the order they are applied."""
    folder = root / FOLDER
    bounded = {one.file for one in bounds}
    own = {
        path.relative_to(folder).as_posix()
        for path in (folder / str(kernel.version.series)).glob("*.patch")
    }
    chosen = (own - bounded) | {one.file for one in bounds if one.hold(kernel)}
    return tuple(folder / name for name in sorted(chosen, key=_by_name))


def _by_name(file: str) -> tuple[str, str]:
    return PurePosixPath(file).name, file
