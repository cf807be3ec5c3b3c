"""Traces a file that kbuild made back to the files of the source tree that it was made from.

The records of kbuild (`build_records`) lead from each file to the files it was made from:

    object, from a compiler      the source file and all headers
    object or program, linked    the objects in the linker's command
    archive                      its members
    embedded file (`.incbin`)    as any other file: the vdso, real-mode code, purgatory
    generated source or header   the inputs of the command that wrote it, and the sources of the
                                 program of the build that wrote it (vdso2c, mktables)

A program that only checks or changes an object (objtool, sorttable) is not a source of it. For some
generated headers kbuild keeps no record (`filechk`): nothing is known of their sources.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from ingot.compiled_files.build_records import BuildRecord, parse_record, record_name
from ingot.compiled_files.command_words import words_of
from ingot.confined_files import ConfinedDirectory, UnsafeFileError
from ingot.elf.thin_archive import members

_SOURCE, _BUILD = "/src", "/build"
"""The directories of source and build in the sandbox."""

_RECORD_LIMIT = 16 << 20
"""The largest record, in bytes; the largest of a kernel have 100 KiB."""
_SOURCE_LIMIT = 64 << 20
"""The largest source file, in bytes: drivers/gpu has headers of 20 MiB."""
_ARCHIVE_LIMIT = 256 << 20
_MOST_READ = 16 << 30
"""The most bytes of records that are read; a kernel with all modules has 2 GiB."""

ARCHIVES = ("vmlinux.a", "built-in.a", "lib.a")
"""kbuild's archives of objects. Static libraries of user programs that are embedded in a kernel
have other names; they are made from tools/, of which nothing is known."""

_LINKED = (".o", ".ko", ".so", ".dbg", ".elf", ".ro")
"""Files in whose commands a program of the build only checks or changes what was linked."""
_INCBIN = re.compile(rb'\.incbin[ \t]+\\?"([^"\\\n]+)\\?"')
_UNKNOWN_INCBIN = re.compile(rb"\.incbin[ \t]+[A-Z_]{2}")


class DamagedRecordError(ValueError):
    """kbuild's record of a file is missing, damaged or names a file that does not exist."""


@dataclass(frozen=True, slots=True)
class BuildTree:
    """The untrusted build directory, with the names of its `files`, and the source tree."""

    build: ConfinedDirectory
    source: ConfinedDirectory
    files: Container[str]
    tree: Container[str]

    def sources_of(self, names: Iterable[str]) -> frozenset[str]:
        """The files of the source tree that these files of the build were made from.

        DamagedRecordError if that is not known for one of them.
        """
        return _Trace(self).run(names)


class _Trace:
    """The search from some files of the build to their sources."""

    def __init__(self, trees: BuildTree) -> None:
        self._trees = trees
        self._seen: set[str] = set()
        self._paths: set[str] = set()
        self._found: set[str] = set()
        self._left = _MOST_READ

    def run(self, names: Iterable[str]) -> frozenset[str]:
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in self._seen:
                self._seen.add(name)
                waiting += self._inputs(name)
        return frozenset(self._found)

    def _inputs(self, name: str) -> Iterator[str]:
        """The files of the build that a file of the build was made from; notes the sources."""
        try:
            if posixpath.basename(name) in ARCHIVES:
                yield from archive_members(self._trees.build, name)
            elif name.endswith(".mod"):
                yield from module_objects(self._trees.build, name)
            elif record_name(name) in self._trees.files:
                record = parse_record(self._read(record_name(name)), name)
                yield from self._read_files(record) if record.source else self._words(name, record)
            elif name.endswith((".o", ".ko")):
                raise ValueError("it is missing")
            else:
                self._note_origin(name)
        except (OSError, ValueError, UnsafeFileError) as error:
            if isinstance(error, DamagedRecordError):
                raise
            raise DamagedRecordError(f"{record_name(name)}: {error}") from None

    def _read(self, name: str) -> bytes:
        data = self._trees.build.read(name, _RECORD_LIMIT)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("the records have more bytes than those of a kernel")
        return data

    def _read_files(self, record: BuildRecord) -> Iterator[str]:
        """The generated files that a compiler read, and those that its source embeds."""
        new = {record.source, *record.read} - self._paths
        self._paths |= new
        for path in sorted(new):
            place, name = _place(path)
            if place == _SOURCE:
                if name not in self._trees.tree:
                    raise ValueError(f"the source tree has no {name!r:.200}")
                self._found.add(name)
            elif place == _BUILD:
                yield name
        yield from self._embedded(*_place(record.source))

    def _embedded(self, place: str, name: str) -> Iterator[str]:
        """The files that the assembler copies into an object.

        A name without a file is in a part of the source that was not assembled.
        """
        if not place or not name.endswith((".c", ".S", ".s")):
            return
        tree = self._trees.source if place == _SOURCE else self._trees.build
        text = tree.read(name, _SOURCE_LIMIT)
        if b".incbin" not in text:
            return
        if _UNKNOWN_INCBIN.search(text):
            raise ValueError(f"{name} embeds a file (.incbin) whose name is not a literal")
        for match in _INCBIN.finditer(text):
            yield from self._named(match[1].decode("utf-8"))

    def _words(self, name: str, record: BuildRecord) -> Iterator[str]:
        """The files of the build that a command names; notes those of the source tree."""
        is_linked = name.endswith(_LINKED)
        for word in words_of(record.command):
            if word.program and is_linked:
                continue
            yield from self._named(word.text)

    def _named(self, word: str) -> Iterator[str]:
        """The file of the build that a word names, if it does; a file of the source is noted."""
        place, name = _place(word)
        if place == _SOURCE and name in self._trees.tree:
            self._found.add(name)
        elif place == _BUILD and name in self._trees.files:
            yield name

    def _note_origin(self, name: str) -> None:
        """Note the source of a generated file without a record, if its name shows it.

        kbuild copies `x_shipped` to `x`, and makes `x.asn1.c` and `x.asn1.h` from `x.asn1`.
        """
        for origin in (f"{name}_shipped", posixpath.splitext(name)[0]):
            if origin in self._trees.tree:
                self._found.add(origin)


def archive_members(build: ConfinedDirectory, name: str) -> list[str]:
    """The members of a thin archive, as names below the build directory.

    ValueError, OSError or UnsafeFileError if it is not a thin archive.
    """
    directory = posixpath.dirname(name)
    found = members(build.read(name, _ARCHIVE_LIMIT))
    return [posixpath.normpath(posixpath.join(directory, member)) for member in found]


def module_objects(build: ConfinedDirectory, name: str) -> list[str]:
    """The objects of a module, from its list `<module>.mod`.

    Before 5.19 it has them in the first line, then one line of symbols. ValueError if it is empty.
    """
    text = build.read(name, _RECORD_LIMIT).decode("utf-8")
    words = [posixpath.normpath(word) for word in text.split()]
    objects = [word for word in words if word.endswith(".o")]
    if not objects or not text.endswith("\n"):
        raise ValueError(f"{name} does not list the objects of a module")
    return objects


def _place(path: str) -> tuple[str, str]:
    """Whether a path is in the source or the build directory, and its name there.

    Two empty texts for a path of neither, such as a header of the compiler.
    """
    whole = posixpath.normpath(posixpath.join(_BUILD, path)) if path else "/"
    for place in (_SOURCE, _BUILD):
        if whole.startswith(f"{place}/"):
            return place, whole[len(place) + 1 :]
    return "", ""
