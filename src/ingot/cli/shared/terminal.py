"""All output of the program goes through this module, and none of it can control the terminal.

Much of the printed text comes from others (see `printable`). So no text is parsed as markup or
highlighted, and all text is cleaned twice: when it is added to a line, so that columns fit, and
when the line is written, so that no text is missed. Styles are passed next to a text, never in it.

`print_document` and `print_json` print results for scripts, unchanged unless standard output is a
terminal.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import TracebackType
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.rule import Rule
from rich.segment import Segment
from rich.text import Text

from ingot.errors import IngotError
from ingot.printable import all_lines, one_line


class Verbosity(IntEnum):
    """How much is printed for people: progress unless QUIET, every line of a result if VERBOSE."""

    QUIET = -1
    NORMAL = 0
    VERBOSE = 1


_verbosity = Verbosity.NORMAL


def set_verbosity(level: Verbosity) -> None:
    """Set how much the rest of this command prints; VERBOSE includes the programs that it runs."""
    global _verbosity
    if Verbosity.VERBOSE in (level, _verbosity):
        _show_commands(level == Verbosity.VERBOSE)
    _verbosity = level


def verbosity() -> Verbosity:
    return _verbosity


def _show_commands(wanted: bool) -> None:
    """Print the commands that `ingot.process` runs, or print them no longer."""
    from ingot.process import COMMANDS  # help and completion run no programs

    logger = logging.getLogger(COMMANDS)
    logger.setLevel(logging.DEBUG if wanted else logging.WARNING)
    if wanted and not logger.handlers:
        logger.addHandler(_Handler(logging.DEBUG))
        logger.propagate = False


Part = str | tuple[str, str] | Text
"""A piece of a line: a text, or a text with its style ("bold red")."""

_LONGEST_CELL = 4096
_UNLIMITED = 100_000
_RULE_WIDTH = 80
_HARMFUL = re.compile(r"[^\n -~]")


def styled(text: str, style: str = "") -> Text:
    """A text of one line, in a style: for cells of tables."""
    return Text(one_line(text, _LONGEST_CELL), style)


class Terminal(Console):
    """Standard output or standard error, for people. Lines are only wrapped on a terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "markup": False, "highlight": False, "emoji": False})
        if not self.is_terminal and "width" not in options:
            self.width = _UNLIMITED  # a line of a pipe or a file is a record

    def say(self, *parts: Part, style: str = "") -> None:
        """Print one line, however long; line ends within it become blanks."""
        text = Text(style=style)
        for part in parts:
            if isinstance(part, tuple):
                text.append(one_line(part[0]), part[1])
            else:
                text.append(part if isinstance(part, Text) else one_line(part))
        super().print(text, soft_wrap=True)

    def say_lines(self, text: str, *, indent: str = "", style: str = "") -> None:
        """Print a text that may have several lines."""
        for line in all_lines(text):
            self.say(indent + line, style=style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print something that rich draws, such as a table, or a text as `say_lines` does."""
        if len(objects) == 1 and isinstance(objects[0], str) and objects[0]:
            self.say_lines(objects[0])
        else:
            super().print(*objects, **options)

    def rule(self, title: Any = "", **options: Any) -> None:
        """Print a line across the terminal, with a title in it; elsewhere it has 80 columns."""
        if self.is_terminal:
            super().rule(title, **options)
        else:
            super().print(Rule(title, **options), width=_RULE_WIDTH)

    def render_str(self, text: str, **options: Any) -> Text:
        """The rich text of a string, such as a table's cell."""
        kept = {name: options[name] for name in ("style", "justify", "overflow") if name in options}
        return super().render_str(one_line(text, _LONGEST_CELL), **kept)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments to write: rich's own cursor movements, and cleaned text."""
        for segment in super().render(renderable, options):
            if segment.control or not _HARMFUL.search(segment.text):
                yield segment
            else:
                text = "\n".join(map(one_line, segment.text.split("\n")))
                yield Segment(text, segment.style)


def make_console() -> Terminal:
    """Standard output, for people."""
    return Terminal()


def print_error(console: Terminal, error: IngotError) -> None:
    """Print an error in three parts: what happened, why, and what to do next."""
    console.say(("error:", "bold red"), f" {error.what}")
    console.say_lines(error.why, indent="  ")
    if error.hint:
        console.say(("next:", "bold"), f" {error.hint}")


def print_line(text: str) -> None:
    """Print a result of one line on standard output."""
    sys.stdout.write(f"{one_line(text)}\n")


def print_json(document: Mapping[str, object]) -> None:
    """Print one of the documents of `cli.documents` on standard output."""
    print_document(json.dumps(document, indent=2))


def print_document(text: str) -> None:
    """Print a result of many lines on standard output, unchanged unless that is a terminal."""
    if sys.stdout.isatty():
        text = "\n".join(all_lines(text))
    sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")


def prepare() -> None:
    """Make standard output and error accept all text, and clean what libraries write to them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal whose encoding lacks a character shows its escape, such as \u2713
            stream.reconfigure(errors="backslashreplace")
    logging.captureWarnings(True)
    logging.getLogger().addHandler(_Handler(logging.WARNING))
    sys.excepthook = _print_traceback


class _Handler(logging.Handler):
    """Warnings of libraries, which quote what servers sent, and commands of programs."""

    def emit(self, record: logging.LogRecord) -> None:
        Terminal(stderr=True).say_lines(record.getMessage())


def _print_traceback(
    kind: type[BaseException], error: BaseException, place: TracebackType | None
) -> None:
    """Print the traceback of a bug in Ingot, cleaned, since it may quote any text."""
    Terminal(stderr=True).say_lines("".join(traceback.format_exception(kind, error, place)))
