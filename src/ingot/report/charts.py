"""The bar charts of the page: rows of stacked bars with one scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingot.report.report_data import KernelEntry

_MOST_DIRECTORIES = 9
_PHASE_COLOURS = 12
REST = "the rest"
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class BarPart:
    """A part of a bar: `amount` in the unit of its row, `share` in percent of the scale.

    `hue` is the CSS class of its colour.
    """

    name: str
    hue: str
    amount: int
    share: float


@dataclass(frozen=True, slots=True)
class BarRow:
    """A kernel's bar."""

    entry: KernelEntry
    total: int
    parts: tuple[BarPart, ...]

    @property
    def text(self) -> str:
        """The bar in words: its three largest parts."""
        largest = sorted(self.parts, key=lambda part: -part.amount)[:3]
        shares = (f"{part.name} {100 * part.amount / self.total:.0f}%" for part in largest)
        return ", ".join(shares) if self.total else ""


def size_rows(entries: Iterable[KernelEntry]) -> tuple[BarRow, ...]:
    """The kernel files whose size is known, by top directory if that is known."""
    shown = [entry for entry in entries if entry.kernel_size]
    most = max((entry.kernel_size or 0 for entry in shown), default=0)
    directories = [_by_top(entry.size_map.kernel if entry.size_map else {}) for entry in shown]
    names = _largest(directories)
    return tuple(
        _row(entry, entry.kernel_size or 0, _parts_of(sizes, names, entry), most)
        for entry, sizes in zip(shown, directories, strict=True)
    )


def boot_rows(entries: Iterable[KernelEntry]) -> tuple[BarRow, ...]:
    """The boots that were measured, by phase."""
    shown = [(entry, entry.profile) for entry in entries if entry.profile]
    hues = phase_hues(entry for entry, _ in shown)
    most = max((profile.instructions for _, profile in shown), default=0)
    return tuple(
        _row(
            entry,
            profile.instructions,
            [(phase.name, hues[phase.name], phase.instructions) for phase in profile.phases],
            most,
        )
        for entry, profile in shown
    )


def cve_rows(entries: Iterable[KernelEntry]) -> tuple[BarRow, ...]:
    """The CVEs of each kernel that concern it or may concern it."""
    shown = [(entry, entry.cves) for entry in entries if entry.cves]
    most = max((cves.affected + cves.undecided for _, cves in shown), default=0)
    return tuple(
        _row(
            entry,
            cves.affected + cves.undecided,
            [("in compiled files", "p4", cves.affected), ("undecided", "f-rest", cves.undecided)],
            most,
        )
        for entry, cves in shown
    )


def legend(rows: Sequence[BarRow]) -> dict[str, str]:
    """The name of every part and its hue, in the order of the bars."""
    return {part.name: part.hue for row in rows for part in row.parts}


_HUES = frozenset(
    {
        *("arch", "block", "crypto", "drivers", "fs", "io_uring", "kernel"),
        *("lib", "mm", "net", "security", "sound", "virt"),
    }
)
"""The directories of the kernel's source that have their own colour."""


def directory_hue(name: str) -> str:
    """The CSS class of a directory's colour, which depends only on its first component."""
    first = name.partition("/")[0]
    return f"f-{first}" if first in _HUES else "f-none" if not first else "f-rest"


def phase_hues(entries: Iterable[KernelEntry]) -> dict[str, str]:
    """The CSS class of each phase's colour, by its name; the same for all kernels of a page."""
    names = dict.fromkeys(
        phase.name for entry in entries if entry.profile for phase in entry.profile.phases
    )
    return {name: f"p{number % _PHASE_COLOURS}" for number, name in enumerate(names)}


def directory_name(path: str) -> str:
    """The name of a directory on the page; bytes that belong to no directory are the linker's."""
    return path or "linker"


def _by_top(sizes: Mapping[str, int]) -> dict[str, int]:
    tops: dict[str, int] = {}
    for path, size in sizes.items():
        top = path.partition("/")[0]
        tops[top] = tops.get(top, 0) + size
    return tops


def _largest(directories: Iterable[Mapping[str, int]]) -> list[str]:
    """The directories to show separately, the same for all kernels: those with the largest sums."""
    total: dict[str, int] = {}
    for sizes in directories:
        for name, size in sizes.items():
            total[name] = total.get(name, 0) + size
    named = sorted((name for name in total if name), key=lambda name: (-total[name], name))
    return named[:_MOST_DIRECTORIES]


def _parts_of(
    sizes: Mapping[str, int], names: Sequence[str], entry: KernelEntry
) -> list[tuple[str, str, int]]:
    if not sizes:
        return [(UNKNOWN, "f-unknown", entry.kernel_size or 0)]
    rest = sum(size for name, size in sizes.items() if name and name not in names)
    parts = [(name, directory_hue(name), sizes.get(name, 0)) for name in names]
    parts += [(REST, "f-rest", rest), (directory_name(""), "f-none", sizes.get("", 0))]
    return parts


def _row(
    entry: KernelEntry, total: int, parts: Iterable[tuple[str, str, int]], most: int
) -> BarRow:
    return BarRow(
        entry,
        total,
        tuple(
            BarPart(name, hue, amount, 100 * amount / most) for name, hue, amount in parts if amount
        ),
    )
