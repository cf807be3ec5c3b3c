"""How the words of a check are written down, and whether words are written so.

    PATH [has WORD... | begins HEX]

Capitals stand for any word; those of `SHAPES` for one of that form, also behind a `_` (`KEY_HEX`).
Any other word is meant as it is written. `a|b` is one of these words, and `...` behind a word means
one or more of them. Brackets hold what may be left out; a bar between spaces parts alternatives.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHAPES: Mapping[str, tuple[str, str]] = {
    "HEX": (r"([0-9a-f]{2})+", "bytes, each of two hexadecimal digits"),
    "MEBIBYTES": (r"[1-9][0-9]{0,5}", "a number of MiB"),
    "NUMBER": (r"[0-9]{1,5}", "a number"),
    "PATH": (r"/.*", "a path that begins with /"),
    "PORT": (r"[1-9][0-9]{0,4}", "the number of a port"),
}
"""Names of words that have a form: the form, and what a person calls it."""

_TOKEN = re.compile(r" *(?P<token>\[|\]|\|(?= )|[^ \[\]]+)")
_OPEN = re.compile(r"[A-Z][A-Z_]*")
_CLOSED = re.compile(r"[a-z0-9-]+(\|[a-z0-9-]+)*")
_FEW = 4
"""So many words of a closed set are repeated in a message; the usage behind it has all of them."""


class UsageError(Exception):
    """A usage that is not written in this notation."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a word, or some if it `repeats`: any word, called `name`, or one of `words`."""

    name: str = ""
    words: tuple[str, ...] = ()
    repeats: bool = False

    def takes(self, word: str) -> bool:
        if self.words:
            return word in self.words
        shape = SHAPES.get(self._shape)
        return shape is None or re.fullmatch(shape[0], word) is not None

    @property
    def _shape(self) -> str:
        return self.name.rpartition("_")[2]

    def __str__(self) -> str:
        if len(self.words) > _FEW:
            return f"one of the {len(self.words)} words that it can be"
        if self.words:
            return " or ".join(f"'{word}'" for word in self.words)
        shape = SHAPES.get(self._shape)
        return f"{self.name} ({shape[1]})" if shape else self.name


Form = tuple[Slot, ...]
"""One of the ways to write the words, with nothing left to choose."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A usage as it is written, and the forms that it allows."""

    text: str
    forms: tuple[Form, ...]

    @property
    def least(self) -> int:
        return min(map(len, self.forms))

    @property
    def most(self) -> int | None:
        """None if there is no limit."""
        if any(slot.repeats for form in self.forms for slot in form):
            return None
        return max(map(len, self.forms))

    def mistake(self, words: Sequence[str]) -> str:
        """What is wrong with the first of the words that is wrong; empty if none is.

        All forms are followed at once. `at` holds, for each that fits so far, the slots that the
        next word may be in.
        """
        at = {(form, 0) for form in self.forms}
        for word in words:
            expected = _slots(at)
            at = {
                (form, index + step)
                for form, index in at
                if index < len(form) and form[index].takes(word)
                for step in ((0, 1) if form[index].repeats else (1,))
            }
            if not at:
                return _wrong(word, expected)
        if any(index == len(form) for form, index in at):
            return ""
        return f"a word is missing at the end: {_listed(_slots(at))}"


def parse(text: str) -> Usage:
    """The usage that a text is; UsageError if it is not in the notation."""
    tokens = []
    end = 0
    while match := _TOKEN.match(text, end):
        tokens.append(match["token"])
        end = match.end()
    rest = list(reversed(tokens))
    forms = tuple(dict.fromkeys(_sequence(rest)))
    if end != len(text) or rest:
        raise UsageError(f"'{text}' has a bracket, a bar or a space too many")
    return Usage(text, forms)


def _sequence(rest: list[str]) -> list[Form]:
    """The forms up to a closing bracket, a bar or the end; takes their tokens off `rest`."""
    forms: list[Form] = [()]
    while rest and rest[-1] not in ("]", "|"):
        token = rest.pop()
        more = [(), *_alternatives(rest)] if token == "[" else [(_slot(token),)]
        forms = [(*form, *each) for form in forms for each in more]
    return forms


def _alternatives(rest: list[str]) -> list[Form]:
    """The forms between brackets, the first of which is off."""
    found = _sequence(rest)
    while rest and rest[-1] == "|":
        rest.pop()
        found += _sequence(rest)
    if not rest or () in found:
        raise UsageError("there is a bracket that nothing closes, or nothing in one")
    rest.pop()
    return found


def _slot(token: str) -> Slot:
    word = token.removesuffix("...")
    repeats = word != token
    if _OPEN.fullmatch(word):
        return Slot(word, repeats=repeats)
    if _CLOSED.fullmatch(word):
        return Slot(words=tuple(word.split("|")), repeats=repeats)
    raise UsageError(
        f"'{token}' is neither in capitals, such as PATH, nor words such as has|begins"
    )


def _slots(at: set[tuple[Form, int]]) -> list[Slot]:
    """The slots that a next word may be in, in a fixed order."""
    return sorted({form[index] for form, index in at if index < len(form)}, key=str)


def _wrong(word: str, expected: Sequence[Slot]) -> str:
    if not expected:
        return f"'{word}' is one word too many"
    near = difflib.get_close_matches(word, [each for slot in expected for each in slot.words], n=1)
    meant = f"did you mean '{near[0]}'?" if near else f"expected: {_listed(expected)}"
    return f"'{word}' is wrong here ({meant})"


def _listed(slots: Sequence[Slot]) -> str:
    return " or ".join(map(str, slots))
