"""Which patches a kernel gets: those in its series' directory, and those in [[patches]] tables.

A patch file without a [[patches]] table applies to all of the series whose directory it is in. A
file with tables may be anywhere below patches/, and applies to the kernels that its tables match.
All patches of a kernel are applied in the order of their file names, whatever their directories:
0001-a.patch, 0002-b.diff. If the series' directory has a `series` file of quilt, the patches that
it lists come first, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingot.catalog import kernel_variants
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, Kernel
from ingot.catalog.quilt_series import read_series
from ingot.version import KernelVersion, Series

DIRECTORY = "patches"
SUFFIXES = (".patch", ".diff")


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
    directory, series = root / DIRECTORY, str(kernel.version.series)
    quilt = read_series(directory / series)
    listed = [f"{series}/{name}" for name in quilt.patches] if quilt else []
    bounded = {one.file for one in bounds}
    own = set(listed) if quilt else _patches_in(directory, series)
    chosen = (own - bounded) | {one.file for one in bounds if one.match(kernel)}

    def order(file: str) -> tuple[int, str, str]:
        place = listed.index(file) if file in listed else len(listed)
        return place, PurePosixPath(file).name, file

    return tuple(directory / name for name in sorted(chosen, key=order))


def _patches_in(directory: Path, series: str) -> set[str]:
    files = (directory / series).glob("*")
    return {f"{series}/{path.name}" for path in files if path.suffix in SUFFIXES}
