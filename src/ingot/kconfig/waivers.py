"""Waivers: rules and differences that a catalog accepts, with a reason and an optional end.

[[waivers]]                         # in kernels.toml
rule = "partuuid"                   # or: option = "UEVENT_HELPER"
reason = "our disks have no partitions"
until = 2027-06-30                  # the last day
series = ["6.1"]                    # likewise flavors, arches; none: every kernel
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from ingot.version import Series


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver: `name` is that of a rule, or of an option without `CONFIG_`.

    `place` is its line in the catalog, `until` the last day it is valid.
    """

    name: str
    of_rule: bool
    reason: str
    place: str
    until: datetime.date | None = None
    series: tuple[Series, ...] = ()
    flavors: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()

    def covers(self, series: Series, flavor: str, arch: str) -> bool:
        """Whether it is for a kernel; a variant of a flavor counts as the flavor."""
        return (
            (not self.series or series in self.series)
            and (not self.flavors or any(_is_of(flavor, each) for each in self.flavors))
            and (not self.arches or arch in self.arches)
        )

    def ended(self, today: datetime.date | None) -> bool:
        return bool(self.until and today and self.until < today)


def _is_of(flavor: str, name: str) -> bool:
    return flavor == name or flavor.startswith((f"{name}-with-", f"{name}-without-"))
