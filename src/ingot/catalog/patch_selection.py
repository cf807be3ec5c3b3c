"""Which patches a kernel gets: those in its series' directory, and those in [[patches]] tables.

A patch file without a [[patches]] table applies to all of the series whose directory it is in. A
file with tables may be anywhere below patches/, and applies to the kernels that its tables match.
All patches of a kernel are applied in the order of their file names, whatever their directories:
0001-a.patch, 0002-b.patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingot.catalog import kernel_variants
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, Kernel
from ingot.version import KernelVersion, Series

DIRECTORY = "patches"


@dataclass(frozen=True, slots=True)
class PatchBounds:
    """The kernels that the patch `file`, a path below patches/, applies to.

    `since` and `until` are the first and the last version it is applied to: the release that
    contains the fix is the one after `until`. An empty field does not restrict the kernels.
    """

    file: str
    since: KernelVersion | None = None
    until: KernelVersion | None = None
    series: tuple[Series, ...] = ()
    flavors: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()

    def match(self, kernel: Kernel) -> bool:
        """Whether the kernel gets the patch. A variant counts as the flavor it is based on."""
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
    directory = root / DIRECTORY
    bounded = {one.file for one in bounds}
    own = {
        path.relative_to(directory).as_posix()
        for path in (directory / str(kernel.version.series)).glob("*.patch")
    }
    chosen = (own - bounded) | {one.file for one in bounds if one.match(kernel)}
    return tuple(directory / name for name in sorted(chosen, key=_by_name))


def _by_name(file: str) -> tuple[str, str]:
    return PurePosixPath(file).name, file
