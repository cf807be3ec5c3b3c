"""The data of a report: kernels with their figures, and the images that were left out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingot.boot.cost.boot_profile import Profile
from ingot.digest import Digest
from ingot.images import KernelLabels
from ingot.size_map import SizeMap
from ingot.version import KernelVersion, Series

if TYPE_CHECKING:
    from ingot.kernel_cves import CveCounts


@dataclass(frozen=True, slots=True)
class FoundImage:
    """A base image that was found, before it is parsed.

    `tags` are all tags that point at it, without the image's name. `layers` are the compressed
    sizes of kernel, config and modules, in bytes. `kernel_size` is the size of the kernel file, if
    it was read from the layers because the image has no size map. `cves` are None without CVE
    records, or without a list of the compiled files.
    """

    digest: Digest
    tags: tuple[str, ...]
    annotations: Mapping[str, str] = field(hash=False)
    layers: tuple[int, ...]
    profile: Profile | None = None
    kernel_size: int | None = None
    module_sizes: Mapping[str, int] | None = field(default=None, hash=False)
    cves: CveCounts | None = None


@dataclass(frozen=True, slots=True)
class Omission:
    """An image that is not in the report, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class OptionCounts:
    """How many options of a config are built in, are modules, or are numbers and texts."""

    built_in: int
    modules: int
    values: int

    @property
    def total(self) -> int:
        return self.built_in + self.modules + self.values


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a kernel serves a feature or a VMM of the catalog.

    `asked` is the number of requested options, `missing` are those without the requested value.
    `absent` says why the series cannot have it at all; then no options are requested.
    """

    name: str
    asked: int
    missing: tuple[str, ...] = ()
    absent: str = ""

    @property
    def serves(self) -> bool:
        return not (self.missing or self.absent)


@dataclass(frozen=True, slots=True)
class KernelEntry:
    """One kernel of a report.

    Sizes are in bytes; `kernel_packed` and `modules_packed` are those of the compressed layers,
    which are downloaded in a pull. An unknown value is None. `flavor` comes from its tags, and is
    empty if only the immutable tag is left. `support` maps a VMM to its first release that
    officially supports the series.
    """

    digest: Digest
    version: KernelVersion
    facts: KernelLabels
    flavor: str
    tags: tuple[str, ...]
    kernel_size: int | None
    kernel_packed: int
    modules: Mapping[str, int] | None = field(hash=False)
    modules_packed: int
    options: OptionCounts | None
    vmms: tuple[Answer, ...]
    features: tuple[Answer, ...]
    end_of_life: datetime.date | None
    support: Mapping[str, str] = field(hash=False)
    size_map: SizeMap | None
    profile: Profile | None
    cves: CveCounts | None = None

    @property
    def series(self) -> Series:
        return self.version.series

    @property
    def modules_size(self) -> int | None:
        return None if self.modules is None else sum(self.modules.values())

    def ended(self, today: datetime.date | None) -> bool:
        """Whether its series is no longer maintained; False without a day."""
        return bool(self.end_of_life and today and self.end_of_life < today)


@dataclass(frozen=True, slots=True)
class Report:
    """The kernels of a registry or of the store (`registry` is empty), the newest version first.

    `vmms` and `features` are those of the catalog: their names and descriptions.
    """

    registry: str
    entries: tuple[KernelEntry, ...]
    omissions: tuple[Omission, ...]
    vmms: Mapping[str, str] = field(hash=False)
    features: Mapping[str, str] = field(hash=False)
