"""The words of a shell command in kbuild's records, as far as they can name files.

A command is not run or interpreted: it is split into words, and the caller looks which of them are
names of files. A word that is wrongly taken for a name has no file, so nothing follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"[;|&()`\n]|[^\s;|&()`\"'<>\\]+")
_SEPARATORS = frozenset(";|&()`\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_BEFORE_A_PROGRAM = frozenset({"if", "then", "else", "while", "do", "!", "{", "set", "exec"})


@dataclass(frozen=True, slots=True)
class CommandWord:
    """A word of a command; `program` if it is the program that the shell runs."""

    text: str
    program: bool


def words_of(command: str) -> Iterator[CommandWord]:
    """The words of a command, without quotes and redirections, and also parts of them.

    Of `-Wl,-T,file`, `--option=file` and `@file` the parts after the sign are words too.
    """
    program = True
    for match in _TOKEN.finditer(command.replace("$$", "$").replace("$(pound)", "#")):
        word = match[0]
        if word in _SEPARATORS:
            program = True
        elif program and (_ASSIGNMENT.match(word) or word in _BEFORE_A_PROGRAM):
            continue
        else:
            yield CommandWord(word, program)
            yield from (CommandWord(part, False) for part in _parts(word) if not program)
            program = False


def _parts(word: str) -> Iterator[str]:
    """The texts in a word that could be the name of a file."""
    if word.startswith("@"):
        yield word[1:]
    pieces = re.split(r"[=,:]", word)
    yield from pieces[1:]
    if word.startswith("-") and len(pieces) == 1:
        yield word[2:]  # an option with its value in one word, as in -Tfile
