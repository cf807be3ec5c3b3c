"""Makes untrusted text safe to print: the one place that decides what a terminal never gets.

Labels, file names, answers of registries, output of programs and consoles of guests can contain
anything. A terminal executes control sequences (ECMA-48), and some characters of Unicode are
invisible but change how others look: the controls of direction (UAX #9), zero-width characters,
line separators. CI systems interpret some lines of a log as commands; scripts/action handles
those.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_LINE = 64 << 10
"""Characters of one line that are shown: a command with all its paths has a few thousand."""
MOST_LINES = 10_000
"""Lines of one text that are shown."""

# CSI and its parameters; OSC, DCS, SOS, PM and APC up to their end; escapes of two characters.
# No sequence reaches over the beginning of another: each character is looked at once or twice.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[^\n]?"
)
_REPLACEMENT = "\ufffd"
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Invisible letters and marks (Unicode: Default_Ignorable_Code_Point); the blank Braille cell."""
_ENDS_OF_LINES = "\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029"


def one_line(text: str, longest: int = LONGEST_LINE, *, control: str = _REPLACEMENT) -> str:
    """The text in one line, without control sequences and invisible characters.

    Control sequences and characters are replaced by `control`: a mark, so that names which differ
    look different, or the empty string where colors are usual. Line ends, tabs and unusual blanks
    become blanks; other invisible characters and lone surrogates become U+FFFD. A text of more
    than `longest` characters is cut, with a note.
    """
    size = len(text)
    text = text[: longest + 1]
    text = _INVISIBLE.sub(_REPLACEMENT, text)
    if not text.isprintable():
        text = "".join(_shown(letter, control) for letter in _SEQUENCE.sub("\0", text))
    return text if size <= longest else f"{text[:longest]}... ({size:,} characters)"


def all_lines(text: str) -> list[str]:
    """The lines of a text, each as `one_line` returns it; a very long text is cut."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    shown = [one_line(line.expandtabs()) for line in lines[:MOST_LINES]]
    rest = len(lines) - MOST_LINES
    return [*shown, f"... ({rest:,} more lines)"] if rest > 0 else shown


def _shown(letter: str, control: str) -> str:
    if letter.isprintable():
        return letter
    if letter in _ENDS_OF_LINES or letter == "\t":
        return " "
    category = unicodedata.category(letter)
    if category == "Zs":
        return " "
    return control if category == "Cc" else _REPLACEMENT
