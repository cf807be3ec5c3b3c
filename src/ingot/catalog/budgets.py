"""Limits for a kernel's size and boot: the [[budgets]] tables of `kernels.toml`.

A budget applies to one flavor of a series on one arch, in all its versions. A variant (`--with`,
`--without`) is another kernel, and has no budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.catalog.catalog_model import Kernel
from ingot.version import Series


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a kernel; None is no limit.

    `instructions` and `memory` (bytes) are counted until init starts, by `ingot profile`
    with `emulator` ("QEMU 7.2"; empty: any). `size` is that of the kernel file, in bytes.
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
        """Whether checking the budget needs a profiled boot."""
        return self.instructions is not None or self.memory is not None

    def accepts(self, emulator: str) -> bool:
        """Whether counts of this emulator (`QEMU 7.2.22`) can be compared with the limits."""
        return f"{emulator}.".startswith(f"{self.emulator}.") or not self.emulator


def budget_of(budgets: Sequence[Budget], kernel: Kernel) -> Budget | None:
    """The budget of a kernel, if it has one."""
    key = (kernel.version.series, kernel.flavor.name, kernel.arch.name)
    return next((b for b in budgets if (b.series, b.flavor, b.arch) == key), None)
