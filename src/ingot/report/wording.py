"""The texts of the page: amounts with their units, names of kernels and of directories."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from ingot.report.charts import directory_name
from ingot.report.report_data import KernelEntry
from ingot.report.treemap import Cell, TreemapGroup
from ingot.units import size_text

_SPACE = "\N{NO-BREAK SPACE}"
_NAMED = 4


def size(amount: int) -> str:
    """Bytes with their unit, on the same line as the number."""
    return size_text(amount).replace(" ", _SPACE)


def duration(instructions: int) -> str:
    """Virtual time: an instruction is a nanosecond (see `ingot.boot.cost.boot_profile`)."""
    if instructions < 10**6:
        return f"{instructions / 1e3:.0f}{_SPACE}µs"
    if instructions < 10**9:
        return f"{instructions / 1e6:.1f}{_SPACE}ms"
    return f"{instructions / 1e9:.2f}{_SPACE}s"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else ""


def figure(value: float) -> str:
    """A number for a style sheet: short, with a decimal point in every locale."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def day(date: datetime.date) -> str:
    return f"{date.day}{_SPACE}{date:%B %Y}"


def anchor(entry: KernelEntry) -> str:
    """The unique anchor of the kernel's section of the page."""
    return f"kernel-{entry.digest.short}"


def flavor(entry: KernelEntry) -> str:
    """The flavor; if no tag has it any more, the recipe key in the immutable tag."""
    return entry.flavor or entry.facts.recipe_key.short


def label(entry: KernelEntry) -> str:
    return f"{entry.version} {flavor(entry)} {entry.facts.arch}"


def place(box: TreemapGroup | Cell) -> str:
    """The CSS variables with a box's position in a map, for wide and for tall screens."""
    names = "xywhXYWH"
    return ";".join(
        f"--{name}:{figure(value)}"
        for name, value in zip(names, (*box.wide, *box.tall), strict=True)
    )


def cell_name(cell: Cell, group: TreemapGroup) -> str:
    """A cell's short name, within its group."""
    if cell.others:
        return f"{cell.others} more"
    name = cell.path.rpartition("/")[2].partition(".ko")[0]
    return "own files" if cell.path == group.name else name


def summary(groups: Sequence[TreemapGroup], total: int) -> str:
    """A map as text: its largest groups."""
    shares = [f"{directory_name(group.name)} {percent(group.size, total)}" for group in groups]
    return ", ".join(shares[:_NAMED])
