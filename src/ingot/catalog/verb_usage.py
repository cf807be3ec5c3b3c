"""The notation for a verb's arguments, and a check of arguments against it.

    PATH [has WORD... | begins HEX]

A name in capitals is any argument; a name in `SHAPES` is one of that format, also after a `_`
(`KEY_HEX`). Any other word is literal. `a|b` is one of these words, and `...` after a word means
one or more. Brackets enclose optional arguments; a bar between spaces separates alternatives.
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
"""Names of arguments that have a format: its pattern, and its description in messages."""

_TOKEN = re.compile(r" *(?P<token>\[|\]|\|(?= )|[^ \[\]]+)")
_OPEN = re.compile(r"[A-Z][A-Z_]*")
_CLOSED = re.compile(r"[a-z0-9-]+(\|[a-z0-9-]+)*")
_FEW = 4
"""A message lists at most this many literal words; the usage after it has all of them."""


class UsageError(Exception):
    """A usage that is not in this notation."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument, or several if it `repeats`: any value for `name`, or one of `words`."""

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
            return f"one of {len(self.words)} words"
        if self.words:
            return " or ".join(f"'{word}'" for word in self.words)
        shape = SHAPES.get(self._shape)
        return f"{self.name} ({shape[1]})" if shape else self.name


Form = tuple[Slot, ...]
"""One sequence of arguments that a usage allows, without alternatives."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The text of a usage, and the forms that it allows."""

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
        """What is wrong with the first wrong argument; empty if the arguments are valid.

        All forms are matched at once. `at` has, for each form that matches so far, the positions
        of the slots that the next word can be in.
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
        return f"an argument is missing at the end: {_listed(_slots(at))}"


def parse(text: str) -> Usage:
    """Parse a usage; UsageError if the text is not in the notation."""
    tokens = []
    end = 0
    while match := _TOKEN.match(text, end):
        tokens.append(match["token"])
        end = match.end()
    rest = list(reversed(tokens))
    forms = tuple(dict.fromkeys(_sequence(rest)))
    if end != len(text) or rest:
        raise UsageError(f"'{text}' has an extra bracket, bar or space")
    return Usage(text, forms)


def _sequence(rest: list[str]) -> list[Form]:
    """The forms up to a closing bracket, a bar or the end; removes their tokens from `rest`."""
    forms: list[Form] = [()]
    while rest and rest[-1] not in ("]", "|"):
        token = rest.pop()
        more = [(), *_alternatives(rest)] if token == "[" else [(_slot(token),)]
        forms = [(*form, *each) for form in forms for each in more]
    return forms


def _alternatives(rest: list[str]) -> list[Form]:
    """The forms between brackets, after the opening bracket was removed."""
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
        f"'{token}' is neither a name in capitals, such as PATH, nor words such as has|begins"
    )


def _slots(at: set[tuple[Form, int]]) -> list[Slot]:
    """The slots that the next word can be in, in a fixed order."""
    return sorted({form[index] for form, index in at if index < len(form)}, key=str)


def _wrong(word: str, expected: Sequence[Slot]) -> str:
    if not expected:
        return f"'{word}' is one argument too many"
    near = difflib.get_close_matches(word, [each for slot in expected for each in slot.words], n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"expected: {_listed(expected)}"
    return f"'{word}' is wrong here ({advice})"


def _listed(slots: Sequence[Slot]) -> str:
    return " or ".join(map(str, slots))
