"""Finding, among many options that differ, the one that costs most.

Every measurement is a kernel compiled, so there should be few. What a set of options costs is what
is saved when all of them are put back; no option of the set saves more than that. So the costliest
set is halved, over and over, until it is a single option: it then costs more than any other set,
and more than any option in one. Options are halved in their order, so that what depends on each
other, and so stands together, stays together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Options: TypeAlias = tuple[str, ...]
Saved: TypeAlias = Callable[[Options], int | None]
"""What is saved if these options are put back; None if it cannot be told, for the kernel that
comes of it does not compile or does not boot."""

_LOST = 4
"""A half that saves less than one part in so many of what was to be expected has lost it."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """Options that save `saved` when all of them are put back; most often a single one.

    There are more of them if neither half of them saves what all do, as where each alone keeps
    what costs, or where the search had no more tries (then it is not `final`).
    """

    options: Options
    saved: int
    final: bool = True


@dataclass(frozen=True, slots=True)
class _Set:
    """A set that may have the culprit.

    The second half of a set (`half_of`) is taken to save what the first left of it until it is
    its turn to be measured. An `indivisible` one saves only as a whole.
    """

    options: Options
    saved: int
    half_of: Options = ()
    indivisible: bool = False


def narrow(options: Sequence[str], total: int, saved: Saved, tries: int) -> Culprit:
    """The costliest of `options`, all of which together save `total`, in at most so many tries."""
    sets = [_Set(tuple(options), total)]
    while True:
        top = max(sets, key=lambda each: each.saved)
        measured = not top.half_of
        if measured and (top.indivisible or len(top.options) == 1):
            return Culprit(top.options, top.saved)
        if tries <= 0:
            return Culprit(top.options, top.saved, final=False)
        sets.remove(top)
        tries -= 1
        sets += _halved(top, saved) if measured else _measured(top, saved)


def _halved(whole: _Set, saved: Saved) -> list[_Set]:
    """Both halves of a set: one measured, the other with what is left, for now."""
    middle = len(whole.options) // 2
    first, second = whole.options[:middle], whole.options[middle:]
    value = saved(first)
    if value is None:
        first, second, value = second, first, saved(second)
    if value is None:
        return [_Set(whole.options, whole.saved, indivisible=True)]
    return [_Set(first, value), _Set(second, whole.saved - value, half_of=whole.options)]


def _measured(half: _Set, saved: Saved) -> list[_Set]:
    """A half with what it saves itself; what only the whole saves is the whole's, as one."""
    value = saved(half.options)
    if value is None:
        return [_Set(half.options, half.saved, indivisible=True)]
    found = [_Set(half.options, value)]
    if value * _LOST < half.saved:
        found.append(_Set(half.half_of, half.saved - value, indivisible=True))
    return found
