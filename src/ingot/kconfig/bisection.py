"""Finds the option that costs most among many options that differ.

Every measurement compiles a kernel, so there should be few. The cost of a set of options is what
is saved by reverting all of them; no option of the set saves more than that. So the costliest
set is halved repeatedly, until it is a single option: it then costs more than any other set, and
so more than any option in one. Options are split in their order, so that options that depend on
each other, which are next to each other, stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Options: TypeAlias = tuple[str, ...]
Saved: TypeAlias = Callable[[Options], int | None]
"""What is saved by reverting these options; None if it is not known, because the resulting kernel
does not compile or does not boot."""

_LOST = 4
"""A half that saves less than this part of the expected saving does not have the costly option."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """Options that save `saved` when all of them are reverted; usually a single one.

    There are several if neither half saves what all of them do (for instance if each of two options
    keeps the costly code), if no half can be measured because its kernel does not build or boot, or
    if the search ran out of tries (then it is not `final`).
    """

    options: Options
    saved: int
    final: bool = True


@dataclass(frozen=True, slots=True)
class _Set:
    """A set of options that may have the costliest one.

    A set `within` a measured set is what is left of that set beside a measured part. It is assumed
    to save the rest, until it is measured itself. An `indivisible` set, as far as is known, saves
    only as a whole.
    """

    options: Options
    saved: int
    within: _Set | None = None
    indivisible: bool = False

    def as_one(self) -> _Set:
        """The measured set that this is, or is within, as one that is not split further."""
        whole = self.within or self
        return _Set(whole.options, whole.saved, indivisible=True)


def narrow(options: Sequence[str], total: int, saved: Saved, tries: int) -> Culprit:
    """The costliest of `options`, which together save `total`, with at most `tries` measurements.

    `saved` is called once for each set; a set that it cannot measure counts as a try as well.
    """
    known: dict[Options, int | None] = {}
    exhausted = False

    def measure(part: Options) -> int | None:
        nonlocal exhausted
        if part not in known:
            if len(known) >= tries:
                exhausted = True
                return None
            known[part] = saved(part)
        return known[part]

    sets = [_Set(tuple(options), total)]
    while True:
        top = max(sets, key=lambda each: each.saved)
        if not top.within and (top.indivisible or len(top.options) == 1):
            return Culprit(top.options, top.saved, final=not exhausted)
        if len(known) >= tries:
            return Culprit(top.options, top.saved, final=False)
        sets.remove(top)
        sets += _measured(top, measure) if top.within else _halved(top, measure)


def _halved(whole: _Set, saved: Saved) -> list[_Set]:
    """Both halves of a set: one is measured, the other is assumed to save the rest."""
    middle = len(whole.options) // 2
    first, second = whole.options[:middle], whole.options[middle:]
    value = saved(first) if first else None
    if value is None:
        first, second, value = second, first, saved(second) if first else None
    if value is None:
        return [whole.as_one()]
    return [_Set(first, value), _Set(second, whole.saved - value, within=whole.within or whole)]


def _measured(part: _Set, saved: Saved) -> list[_Set]:
    """A part with its measured saving; if that is too small, the whole set as an indivisible one.

    A part that cannot be measured is halved.
    """
    value = saved(part.options)
    if value is None:
        return _halved(part, saved)
    found = [_Set(part.options, value)]
    if value * _LOST < part.saved:
        left = part.as_one()
        found.append(_Set(left.options, part.saved - value, indivisible=True))
    return found
