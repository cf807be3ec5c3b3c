"""Measuring a compiled kernel: which folder of the source each of its bytes comes from.

The objects that a kernel is linked from are known by kbuild's archives, and their sections by
their headers. The kernel's own linker script tells which of these the linker keeps and where. So
of each section of the kernel it is known how much of it came from which object: texts that are
alike count once, as the linker keeps them, for the first object by name. What is left is what the
linker made (symbol tables, type information, alignment), and counts for no folder.

Where objects would add up to more than a section has (a linker that leaves out what nobody
uses), nothing of that section is told: no figure is guessed, none is scaled.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingot.confined_files import ConfinedDirectory, UnsafeFileError
from ingot.elf import ElfSymbol, Section, defined_symbols, read_content, read_sections
from ingot.size_map.linker_script import LinkerScript
from ingot.size_map.merged_sections import merge
from ingot.size_map.size_map import SizeMap, is_name
from ingot.size_map.thin_archive import ArchiveError, members

_WHOLE = ("vmlinux.a", "built-in.a")
"""Archives of which the linker takes every member (the kernel's scripts/link-vmlinux.sh)."""

_LIBRARY = "lib.a"
"""An archive of which it takes what is needed; all of it if there are modules, to serve them."""

_SCRIPT_LIMIT = 1 << 20
_OBJECT_LIMIT = 256 << 20
"""The most bytes of an object or an archive; the largest of a kernel has 30 MiB."""
_MERGED_LIMIT = 512 << 20
"""The most bytes of sections that are held to be merged; a kernel's have 20 MiB."""
_MOST_OBJECTS = 100_000
_MOST_FILES = 1_000_000
"""The most files of a build directory; one with all modules of a distribution has 150,000."""
_UNREADABLE = (OSError, ValueError, UnsafeFileError)


def measure(
    build: ConfinedDirectory, linked: Path, arch: str, kernel: Path, modules: Path
) -> SizeMap:
    """The makeup of the kernel that was compiled in the directory `build`.

    `linked` is the vmlinux with its sections and symbols, `arch` the kernel's word for its arch
    (`x86`), `kernel` the file that ships, `modules` the directory known as
    `/lib/modules/<release>`. Where the build left no archives or no linker script, all of the
    kernel counts for "".
    """
    size = kernel.stat().st_size
    told = _folders(_BuildTree(build, linked, arch))
    del told[""]
    if sum(told.values()) > size:
        told = Counter()  # it ships compressed
    rest = size - sum(told.values())
    return SizeMap({"": rest, **dict(sorted(told.items()))}, _modules(modules / "kernel"))


def _modules(root: Path) -> dict[str, int]:
    """The sizes of all modules below a folder, compressed as they may be."""
    files = (path for path in root.rglob("*.ko*") if path.is_file() and not path.is_symlink())
    named = ((path.relative_to(root).as_posix(), path) for path in sorted(files))
    return {name: path.stat().st_size for name, path in named if is_name(name)}


@dataclass(frozen=True, slots=True)
class _BuildTree:
    """What make left, which could be anything; the linked kernel; the kernel's name of its arch."""

    made: ConfinedDirectory
    linked: Path
    arch: str


def _folders(build: _BuildTree) -> Counter[str]:
    """Bytes of the kernel by the folder that they are known to come from."""
    try:
        script = build.made.read(f"arch/{build.arch}/kernel/vmlinux.lds", _SCRIPT_LIMIT)
        rules = LinkerScript(script.decode("utf-8", "replace"))
        with build.linked.open("rb") as file:
            linked = read_sections(file)
        names = sorted(_objects(build))
    except _UNREADABLE:
        return Counter()  # no kernel that is linked as kernels are
    kept = {section.name: section for section in linked if section.loaded and not section.empty}
    contributions = _Contributions(rules, kept)
    for name in names:
        with contextlib.suppress(*_UNREADABLE):  # it is not told, then
            contributions.add(build.made, name)
    return contributions.by_folder()


@dataclass(frozen=True, slots=True)
class _SectionGroup:
    """Sections that the linker merges with each other."""

    section: str
    width: int
    alignment: int
    strings: bool


class _Contributions:
    """What objects put into the sections of the kernel."""

    def __init__(self, rules: LinkerScript, kept: Mapping[str, Section]) -> None:
        self._rules = rules
        self._kept = kept
        self._held = 0
        self._sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._merged: defaultdict[_SectionGroup, list[tuple[str, bytes]]] = defaultdict(list)

    def add(self, made: ConfinedDirectory, name: str) -> None:
        """Count an object; OSError, ValueError or UnsafeFileError if it cannot be read."""
        folder = posixpath.dirname(name)
        with made.open(name, _OBJECT_LIMIT) as file:
            for section in read_sections(file):
                if not section.loaded or not section.size:
                    continue
                place = self._rules.place(section.name)
                if place not in self._kept:
                    continue  # discarded, or of a section that takes no room in the file
                if section.merged and section.entry_size:
                    self._held += section.size
                    if self._held > _MERGED_LIMIT:
                        raise ValueError("it has more texts than a kernel")
                    group = _SectionGroup(
                        place, section.entry_size, section.alignment, section.strings
                    )
                    self._merged[group].append((folder, read_content(file, section)))
                else:
                    self._sizes[place][folder] += section.size

    def by_folder(self) -> Counter[str]:
        """The bytes of each folder in all sections that the objects add up to."""
        for group, pieces in self._merged.items():
            self._sizes[group.section] += merge(pieces, group.width, strings=group.strings)
        folders: Counter[str] = Counter()
        for place, sizes in self._sizes.items():
            if sum(sizes.values()) <= self._kept[place].size:
                folders += sizes
        return folders


def _objects(build: _BuildTree) -> set[str]:
    """The objects that the kernel is linked from, as paths below the build directory.

    Besides the archives' there are those of libraries, of which the linker takes what is needed,
    and before 6.1 those at the kernel's head, which are in no archive.
    """
    whole: set[str] = set()
    perhaps: set[str] = set()
    head = f"arch/{build.arch}/kernel"
    for found in build.made.walk(most=_MOST_FILES):
        folder, _, base = found.name.rpartition("/")
        if folder == head and base.endswith(".o"):
            perhaps.add(found.name)
        if base not in (*_WHOLE, _LIBRARY) or not found.is_file:
            continue
        with contextlib.suppress(OSError, ArchiveError, UnsafeFileError):
            archive = build.made.read(found.name, _OBJECT_LIMIT)
            names = {posixpath.normpath(posixpath.join(folder, name)) for name in members(archive)}
            (perhaps if base == _LIBRARY else whole).update(names)
    if not whole:
        return set()
    if len(whole | perhaps) > _MOST_OBJECTS:
        raise ValueError("no kernel is linked from so many objects")
    found_there = {name for name in whole | perhaps if is_name(name) and _is_there(build, name)}
    return (found_there & whole) | set(_linked(build, found_there - whole))


def _is_there(build: _BuildTree, name: str) -> bool:
    """Whether it names a file of the build directory, and none outside."""
    with contextlib.suppress(UnsafeFileError):
        found = build.made.find(name)
        return found is not None and found.is_file
    return False


def _linked(build: _BuildTree, names: Iterable[str]) -> Iterator[str]:
    """Those of the objects whose every global symbol is the kernel's, in name and size."""
    kernel: set[tuple[str, int]] = set()
    for name in sorted(names):
        with contextlib.suppress(*_UNREADABLE):
            if not kernel:
                with build.linked.open("rb") as file:
                    kernel = {symbol[:2] for symbol in _symbols(file)}
            with build.made.open(name, _OBJECT_LIMIT) as file:
                own = {symbol[:2] for symbol in _symbols(file) if symbol.strong}
            if own and own <= kernel:
                yield name


def _symbols(file: BinaryIO) -> list[ElfSymbol]:
    return list(defined_symbols(file, read_sections(file)))
