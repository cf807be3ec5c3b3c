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
    what costs; if no half of them can be told, for no kernel comes of it; or where the search had
    no more tries (then it is not `final`).
    """

    options: Options
    saved: int
    final: bool = True


@dataclass(frozen=True, slots=True)
class _Set:
    """A set that may have the culprit.

    One that is `within` a measured set is what that has left beside what was measured of it: it
    is taken to save the rest, until it is its turn to be measured. An `indivisible` one saves only
    as a whole, as far as can be told.
    """

    options: Options
    saved: int
    within: _Set | None = None
    indivisible: bool = False

    def as_one(self) -> _Set:
        """The measured set that this is, or is within, as one that is not looked into further."""
        whole = self.within or self
        return _Set(whole.options, whole.saved, indivisible=True)


def narrow(options: Sequence[str], total: int, saved: Saved, tries: int) -> Culprit:
    """The costliest of `options`, all of which together save `total`, in at most so many tries.

    Nothing is asked of `saved` twice, and what it cannot tell is a try as well.
    """
    known: dict[Options, int | None] = {}
    exhausted = False

    def told(part: Options) -> int | None:
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
        sets += _measured(top, told) if top.within else _halved(top, told)


def _halved(whole: _Set, saved: Saved) -> list[_Set]:
    """Both halves of a set: one measured, the other with what is left, for now."""
    middle = len(whole.options) // 2
    first, second = whole.options[:middle], whole.options[middle:]
    value = saved(first) if first else None
    if value is None:
        first, second, value = second, first, saved(second) if first else None
    if value is None:
        return [whole.as_one()]
    return [_Set(first, value), _Set(second, whole.saved - value, within=whole.within or whole)]


def _measured(part: _Set, saved: Saved) -> list[_Set]:
    """A part with what it saves itself; what only the set around it saves is that set's, as one.

    A part that cannot be told is halved.
    """
    value = saved(part.options)
    if value is None:
        return _halved(part, saved)
    found = [_Set(part.options, value)]
    if value * _LOST < part.saved:
        left = part.as_one()
        found.append(_Set(left.options, part.saved - value, indivisible=True))
    return found
