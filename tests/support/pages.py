"""The commands of README and docs: which blocks of a page have them, and which cannot be run.

A comment before a block says what a test does not run, and why:

    <!-- not run: it needs Docker -->                              the whole block
    <!-- not run, `ingot shell`: it needs a terminal -->           the lines that begin so
    <!-- exits with 1, `ingot require` -->                         the lines that begin so
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tests.support.places import REPOSITORY

PAGES = (
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
)
GENERATED = ("cli.md",)
"""Pages that are made from the help, whose blocks are no commands to run."""

_COMMENT = r"<!-- (?:not run|exits with \d+)(?:, `[^`]*`)?(?:: [^>]*)? -->\n"
_BLOCK = re.compile(
    rf"^(?P<comments>(?:{_COMMENT})*)```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
_MARK = re.compile(
    r"<!-- (?:(?P<skip>not run)|exits with (?P<code>\d+))(?:, `(?P<prefix>[^`]*)`)?"
    r"(?:: (?P<why>[^>]*))? -->"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A comment before a block: the lines that begin with `prefix` are not run, or fail so."""

    prefix: str
    why: str
    code: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands of a page, with the marks before it."""

    page: str
    line: int
    commands: tuple[str, ...]
    marks: tuple[Mark, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def script(self, known: Collection[str] = ()) -> str:
        """The commands that are run, as a script without those that are `known` to work."""
        wanted = (line for line in self.commands if self.runs(line) and bare(line) not in known)
        return "".join(f"{self._with_code(line)}\n" for line in wanted)

    def runs(self, command: str) -> bool:
        """Whether no mark says that the command is not run."""
        return not any(mark.code is None and fits(mark, command) for mark in self.marks)

    def _with_code(self, command: str) -> str:
        codes = [mark.code for mark in self.marks if mark.code and fits(mark, command)]
        return f"{{ {command}\n}} || [ $? = {codes[0]} ]" if codes else command


def bare(command: str) -> str:
    """A command without the comment behind it."""
    return re.split(r"\s+#\s", command)[0].strip()


def fits(mark: Mark, command: str) -> bool:
    """Whether a mark is about a command."""
    return command.startswith(mark.prefix)


def blocks() -> Iterator[Block]:
    """The blocks of commands of all pages, in the order in which a reader meets them."""
    for path in PAGES:
        if path.name not in GENERATED:
            yield from blocks_of(path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8"))


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """The blocks of commands in the text of a page.

    Blocks of the language `sh` are commands. In those of `console`, the lines after a `$` are.
    """
    for match in _BLOCK.finditer(text):
        lines = match["text"].splitlines()
        if match["language"] == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif match["language"] != "sh":
            continue
        marks = tuple(
            Mark(
                mark["prefix"] or "", mark["why"] or "", int(mark["code"]) if mark["code"] else None
            )
            for mark in _MARK.finditer(match["comments"])
        )
        number = text[: match.start("language")].count("\n") + 1
        yield Block(page, number, tuple(lines), marks)
