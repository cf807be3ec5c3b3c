"""kbuild's record of how a file was made: `.<name>.cmd` in the directory of the file `<name>`.

    savedcmd_net/core/dev.o := gcc ... -c -o net/core/dev.o /src/net/core/dev.c

    source_net/core/dev.o := /src/net/core/dev.c

    deps_net/core/dev.o := \\
      /src/include/linux/kconfig.h \\
        $(wildcard include/config/NET) \\

    net/core/dev.o: $(deps_net/core/dev.o)

    $(deps_net/core/dev.o):

The first line is in every record; before 6.4 it begins with `cmd_`. The other lines are only in
the record of a file that a compiler or a preprocessor made: they list every file that it read.
Lines can follow that are not needed here (symbol versions, the dependency on objtool).
Source: the kernel's scripts/Kbuild.include (`if_changed`), scripts/basic/fixdep.c.
"""

from __future__ import annotations

import functools
import posixpath
import re
from dataclasses import dataclass

_COMMAND = re.compile(r"(?:saved)?cmd_(\S+) := ?(.*)")
_PATH = r"[^\s$\\\"']{1,4095}"
_ENTRY = re.compile(rf"  (?:({_PATH})|  \$\(wildcard [^\s()]*\)) \\")
"""A line of the list: a file that was read, or an option that such a file uses."""
_LISTS_FILES = re.compile(r" (?:-Wp,-MM?D,|--emit=dep-info=)")
"""The options of kbuild that make a compiler list the files that it reads."""
_COMPILED = re.compile(rf"^source_(\S+) := ({_PATH})\n\ndeps_(\S+) := \\\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """How kbuild made a file: the shell command that ran, and the files that the compiler read.

    `source` is the file that was compiled; it is empty if the command is not a compiler's, or if
    it ran for other files (a link). `read` are the files that the compiler read besides.
    """

    command: str
    source: str = ""
    read: tuple[str, ...] = ()


def record_name(name: str) -> str:
    """The name of the record of the file `name`."""
    directory, _, base = name.rpartition("/")
    return f"{directory}/.{base}.cmd" if directory else f".{base}.cmd"


def recorded_name(record: str) -> str | None:
    """The name of the file that a record describes; None if this is not the name of a record."""
    directory, slash, base = record.rpartition("/")
    if not base.startswith(".") or not base.endswith(".cmd") or len(base) < len(".x.cmd"):
        return None
    return f"{directory}{slash}{base[1 : -len('.cmd')]}"


def parse_record(data: bytes, name: str) -> BuildRecord:
    """The record of the file `name`. ValueError, which says why, for a damaged record."""
    text = data.decode("utf-8")
    first, newline, _ = text.partition("\n")
    command = _COMMAND.fullmatch(first)
    if command is None:
        raise ValueError("its first line is not a command")
    if not newline or not text.endswith("\n"):
        raise ValueError("its last line is cut off")
    # tools/build of the kernel writes absolute paths
    if posixpath.normpath(command[1].removeprefix("/build/")) != name:
        raise ValueError(f"it describes another file: {command[1]!r:.100}")
    compiled = _COMPILED.search(text)
    if compiled is None:
        if "\nsource_" in text or "\ndeps_" in text or _LISTS_FILES.search(command[2]):
            raise ValueError("its list of files is cut off")
        return BuildRecord(command[2])
    target = command[1]
    if (compiled[1], compiled[3]) != (target, target):
        raise ValueError("its list of files belongs to another file")
    return BuildRecord(command[2], compiled[2], _files_read(text, compiled.end(), target))


def _files_read(text: str, start: int, target: str) -> tuple[str, ...]:
    """The listed files. ValueError without the two lines after the list: it was cut off."""
    ending = f"\n\n{target}: $(deps_{target})\n\n$(deps_{target}):\n"
    end = text.find(ending, start - 1)
    if end < 0:
        raise ValueError("its list of files is cut off")
    entries = map(_entry, text[start:end].split("\n")) if end > start else ()
    return tuple(entry for entry in entries if entry)


@functools.lru_cache(maxsize=1 << 16)  # a header is in the lists of hundreds of objects
def _entry(line: str) -> str:
    """The file in a line of the list; empty for an option."""
    match = _ENTRY.fullmatch(line)
    if match is None:
        raise ValueError(f"its list of files has the line {line!r:.100}")
    return match[1] or ""
