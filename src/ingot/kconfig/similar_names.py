"""Similar names: suggestions for a misspelt name, and for a name that was changed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALIKE = 0.85
_AS_NEAR = 0.03
_SHOWN = 3
_LENGTH_APART = 3


def similar(name: str, names: Iterable[str]) -> list[str]:
    """Up to three of `names`, the most similar first.

    A renamed option keeps its words and gets some more, or loses one (RETPOLINE became
    MITIGATION_RETPOLINE); a misspelt one has wrong letters.
    """
    known = list(names)
    words = set(name.split("_"))
    near = [other for other in known if abs(len(other) - len(name)) <= _LENGTH_APART]
    misspelt = _nearest(name, difflib.get_close_matches(name, near, _SHOWN, _ALIKE))
    renamed = [other for other in known if _same_words(words, set(other.split("_")))]
    renamed.sort(key=lambda other: (len(other), other))
    return list(dict.fromkeys([*misspelt, *renamed]))[:_SHOWN]


def _same_words(a: set[str], b: set[str]) -> bool:
    """Whether one has all words of the other and at most one more, and they share a long word."""
    less, more = sorted((a, b), key=len)
    return less <= more and len(more) - len(less) <= 1 and any(len(word) > 3 for word in less)


def _nearest(name: str, found: list[str]) -> list[str]:
    """Those that are about as similar as the most similar one."""

    def ratio(other: str) -> float:
        return difflib.SequenceMatcher(None, other, name).ratio()

    return [other for other in found if ratio(other) > ratio(found[0]) - _AS_NEAR]
