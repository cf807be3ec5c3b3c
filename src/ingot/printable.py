"""Text that others wrote, as it may be shown: the one place that says what a terminal never gets.

Labels, file names, answers of registries, output of programs and consoles of guests hold whatever
their authors like. A terminal acts on control sequences (ECMA-48), and some characters of Unicode
are not seen but change how others look: the controls of direction (UAX #9), characters of no
width, line separators. A log of CI acts on lines that begin in its own way, which is its own
affair (scripts/action).
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
"""Letters and marks that are not seen (Unicode: Default_Ignorable_Code_Point), and a blank Braille
cell."""
_ENDS_OF_LINES = "\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029"


def one_line(text: str, longest: int = LONGEST_LINE, *, obeyed: str = _REPLACEMENT) -> str:
    """The text in one line, without what a terminal acts on or does not show.

    Sequences and control characters are `obeyed` in its place: a mark, so that two names which
    differ look different, or nothing, where colors and the like are usual. Ends of lines, tabs
    and unusual blanks are blanks; what else is not to be seen, and halves of characters, is
    U+FFFD. A text of more than `longest` characters is cut, and says so.
    """
    size = len(text)
    text = text[: longest + 1]
    text = _INVISIBLE.sub(_REPLACEMENT, text)
    if not text.isprintable():
        text = "".join(_shown(letter, obeyed) for letter in _SEQUENCE.sub("\0", text))
    return text if size <= longest else f"{text[:longest]}... ({size:,} characters)"


def all_lines(text: str) -> list[str]:
    """The lines of a text, each as `one_line` has it; of a very long text the first ones."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    shown = [one_line(line.expandtabs()) for line in lines[:MOST_LINES]]
    rest = len(lines) - MOST_LINES
    return [*shown, f"... ({rest:,} more lines)"] if rest > 0 else shown


def _shown(letter: str, obeyed: str) -> str:
    if letter.isprintable():
        return letter
    if letter in _ENDS_OF_LINES or letter == "\t":
        return " "
    category = unicodedata.category(letter)
    if category == "Zs":
        return " "
    return obeyed if category == "Cc" else _REPLACEMENT
