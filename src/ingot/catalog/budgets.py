"""What a kernel may cost: the [[budgets]] tables of `kernels.toml`.

A budget is for one flavor of a series on one arch, in all its versions; a variant (`--with`,
`--without`) is another kernel, and has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.catalog.catalog_model import Kernel
from ingot.version import Series


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a kernel may cost; what is None is not bounded.

    `instructions` and `memory` (bytes) are until init starts, as `ingot profile` counts
    them with `emulator` ("QEMU 7.2"; empty: any); `size` is of the kernel file, in bytes.
    """

    series: Series
    flavor: str
    arch: str
    instructions: int | None = None
    memory: int | None = None
    size: int | None = None
    emulator: str = ""

    @property
    def needs_profile(self) -> bool:
        """Whether a boot must be counted to tell if a kernel keeps to it."""
        return self.instructions is not None or self.memory is not None

    def counts(self, emulator: str) -> bool:
        """Whether figures of this emulator (`QEMU 7.2.22`) can be held against it."""
        return f"{emulator}.".startswith(f"{self.emulator}.") or not self.emulator


def budget_of(budgets: Sequence[Budget], kernel: Kernel) -> Budget | None:
    """The budget that a kernel has to keep to, if there is one."""
    key = (kernel.version.series, kernel.flavor.name, kernel.arch.name)
    return next((b for b in budgets if (b.series, b.flavor, b.arch) == key), None)
