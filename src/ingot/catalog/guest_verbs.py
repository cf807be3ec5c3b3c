"""The verbs of the guest's init: what it can check, read from the tables in `boot/init/*.c`.

A row is next to the function that implements the verb, and is its only description:

    VERB("file", "PATH [has WORD... | begins HEX]", 1, ANY_NUMBER,
         "the file is there, has each WORD, or begins with these bytes (at most 16)", file),

C uses the name and the least and most number of arguments. The arguments' notation (see `usage`)
and what a verb proves are read here. So that no row is missed, the reader accepts only rows of
exactly this form: anything else in a table, such as a comment or an escape in a text, is an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingot.catalog.verb_usage import Usage, UsageError, parse
from ingot.errors import UserError

_SOURCES = Path(__file__).parents[1] / "boot" / "init"
_TABLE = re.compile(r"^(?:static )?const struct verb_entry \w+\[\] = \{\n(.*?)^\};\n", re.M | re.S)
_TEXT = r'"[^"\\\n]*"(?:\s+"[^"\\\n]*")*'
_ROW = re.compile(
    rf"\s*VERB\(\s*(?P<name>{_TEXT}),\s*(?P<usage>{_TEXT}),\s*(?P<least>[0-9]+),"
    rf"\s*(?P<most>[0-9]+|ANY_NUMBER),\s*(?P<proves>{_TEXT}),\s*(?P<run>\w+)\s*\),\n"
)
_END = re.compile(r"\s*END_OF_VERBS\s*")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class GuestVerb:
    """A verb of init: its usage, what a check that passes proves, and its source file."""

    name: str
    usage: Usage
    proves: str
    source: str

    def __str__(self) -> str:
        return f"{self.name} {self.usage.text}".rstrip()


@cache
def verbs() -> Mapping[str, GuestVerb]:
    """All verbs by name, sorted by name."""
    return read_verbs(_SOURCES)


def mistake(words: Sequence[str]) -> str:
    """What is wrong with a check's words, a verb and its arguments; empty if nothing is wrong."""
    name, *rest = words
    verb = verbs().get(name)
    if verb is None:
        near = difflib.get_close_matches(name, verbs(), n=3)
        suggestions = " or ".join(f"'{one}'" for one in near)
        advice = f"did you mean {suggestions}?" if near else "docs/checks.md lists all of them"
        return f"init has no verb '{name}' ({advice})"
    wrong = verb.usage.mistake(rest)
    return f"{wrong}; usage: {verb}" if wrong else ""


def read_verbs(sources: Path) -> Mapping[str, GuestVerb]:
    """The verbs in the C files of a directory; a UserError names the line that is not a row."""
    found: dict[str, GuestVerb] = {}
    for path in sorted(sources.glob("*.c")):
        for verb, line in _read(path):
            if verb.name in found:
                raise _error(
                    path, line, f"{found[verb.name].source} already has a verb '{verb.name}'"
                )
            found[verb.name] = verb
    return dict(sorted(found.items()))


def _read(path: Path) -> Iterator[tuple[GuestVerb, int]]:
    """The verbs of a file, each with its line."""
    text = path.read_text(encoding="utf-8")
    tables = list(_TABLE.finditer(text))
    if len(tables) != len(re.findall(r"verb_entry \w+\[\] =", text)):
        raise _error(path, 1, "a table begins with 'const struct verb_entry NAME[] = {'")
    for table in tables:
        at = table.start(1)
        while row := _ROW.match(text, at, table.end(1)):
            line = text.count("\n", 0, text.index("VERB", at)) + 1
            yield _verb(path, row, line), line
            at = row.end()
        if not _END.fullmatch(text, at, table.end(1)):
            where = text.count("\n", 0, at) + 1
            raise _error(path, where, "this is not a VERB(...) row, and not END_OF_VERBS")


def _verb(path: Path, row: re.Match[str], line: int) -> GuestVerb:
    name, usage, proves = (_joined(row[group]) for group in ("name", "usage", "proves"))
    if not _NAME.fullmatch(name):
        raise _error(path, line, f"'{name}' is not a valid verb (a-z, 0-9, - between words)")
    if not proves:
        raise _error(path, line, f"the text that says what '{name}' proves is empty")
    try:
        parsed = parse(usage)
    except UsageError as error:
        raise _error(path, line, f"{name}: {error}") from None
    bounds = (parsed.least, parsed.most)
    written = (int(row["least"]), None if row["most"] == "ANY_NUMBER" else int(row["most"]))
    if bounds != written:
        most = "ANY_NUMBER" if parsed.most is None else parsed.most
        raise _error(
            path,
            line,
            f"{name}: by its usage '{usage}', the numbers of arguments are {parsed.least}, {most}",
        )
    return GuestVerb(name, parsed, proves, path.name)


def _joined(text: str) -> str:
    """Adjacent string literals, joined as C joins them."""
    return "".join(re.findall(r'"([^"]*)"', text))


def _error(path: Path, line: int, why: str) -> UserError:
    return UserError(
        f"cannot read the verbs of {path}",
        why=f"{path.name}:{line}: {why}",
        hint="boot/init/init.h and docs/checks.md show how to write a row",
    )
