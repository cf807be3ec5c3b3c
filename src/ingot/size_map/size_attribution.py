"""Measures a compiled kernel: the directory of the source that its bytes come from.

kbuild's archives list the objects that a kernel is linked from, and the objects' headers list
their sections. The kernel's linker script states which sections the linker keeps and where. From
these it is known how many bytes of each section of the kernel come from which object. Equal
strings count once, as the linker keeps them, for the first object by name. The rest is data that
the linker made (symbol tables, type information, alignment); it counts for no directory.

If the objects add up to more than a section has (a linker that removes unused sections), nothing
of that section is attributed: numbers are never estimated or scaled.
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
from ingot.elf.thin_archive import ThinArchiveError, members
from ingot.size_map.linker_script import LinkerScript
from ingot.size_map.merged_sections import merge
from ingot.size_map.size_map import SizeMap, is_name

_WHOLE = ("vmlinux.a", "built-in.a")
"""Archives whose members are all linked (the kernel's scripts/link-vmlinux.sh)."""

_LIBRARY = "lib.a"
"""An archive whose members are linked if they are needed, or all of them if there are modules."""

_SCRIPT_LIMIT = 1 << 20
_OBJECT_LIMIT = 256 << 20
"""The largest object or archive, in bytes; the largest of a kernel has 30 MiB."""
_MERGED_LIMIT = 512 << 20
"""The most bytes of merged sections that are kept in memory; a kernel's have 20 MiB."""
_MOST_OBJECTS = 100_000
_MOST_FILES = 1_000_000
"""The most files of a build directory; one with all modules of a distribution has 150,000."""
_UNREADABLE = (OSError, ValueError, UnsafeFileError)


def measure(
    build: ConfinedDirectory, linked: Path, arch: str, kernel: Path, modules: Path
) -> SizeMap:
    """The size map of the kernel that was compiled in the directory `build`.

    `linked` is the vmlinux with its sections and symbols, `arch` the kernel's name of the arch
    (`x86`), `kernel` the file that is shipped, `modules` the directory that becomes
    `/lib/modules/<release>`. If the build has no archives or no linker script, all of the kernel
    counts for "".
    """
    size = kernel.stat().st_size
    directories = _directories(_BuildTree(build, linked, arch))
    del directories[""]
    if sum(directories.values()) > size:
        directories = Counter()  # the shipped file is compressed
    rest = size - sum(directories.values())
    return SizeMap({"": rest, **dict(sorted(directories.items()))}, _modules(modules / "kernel"))


def _modules(root: Path) -> dict[str, int]:
    """The sizes of all module files below a directory; they can be compressed."""
    files = (path for path in root.rglob("*.ko*") if path.is_file() and not path.is_symlink())
    named = ((path.relative_to(root).as_posix(), path) for path in sorted(files))
    return {name: path.stat().st_size for name, path in named if is_name(name)}


@dataclass(frozen=True, slots=True)
class _BuildTree:
    """The untrusted build directory, the linked kernel, and the kernel's name of the arch."""

    outputs: ConfinedDirectory
    linked: Path
    arch: str


def _directories(build: _BuildTree) -> Counter[str]:
    """Bytes of the kernel by the directory that they are known to come from."""
    try:
        script = build.outputs.read(f"arch/{build.arch}/kernel/vmlinux.lds", _SCRIPT_LIMIT)
        rules = LinkerScript(script.decode("utf-8", "replace"))
        with build.linked.open("rb") as file:
            linked = read_sections(file)
        names = sorted(_objects(build))
    except _UNREADABLE:
        return Counter()  # not a kernel that kbuild linked
    kept = {section.name: section for section in linked if section.loaded and not section.empty}
    contributions = _Contributions(rules, kept)
    for name in names:
        with contextlib.suppress(*_UNREADABLE):  # it is not attributed then
            contributions.add(build.outputs, name)
    return contributions.by_directory()


@dataclass(frozen=True, slots=True)
class _SectionGroup:
    """Sections that the linker merges with each other."""

    section: str
    width: int
    alignment: int
    strings: bool


class _Contributions:
    """The objects' contributions to the sections of the kernel."""

    def __init__(self, rules: LinkerScript, kept: Mapping[str, Section]) -> None:
        self._rules = rules
        self._kept = kept
        self._held = 0
        self._sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._merged: defaultdict[_SectionGroup, list[tuple[str, bytes]]] = defaultdict(list)

    def add(self, outputs: ConfinedDirectory, name: str) -> None:
        """Count an object; OSError, ValueError or UnsafeFileError if it cannot be read."""
        directory = posixpath.dirname(name)
        with outputs.open(name, _OBJECT_LIMIT) as file:
            for section in read_sections(file):
                if not section.loaded or not section.size:
                    continue
                place = self._rules.place(section.name)
                if place not in self._kept:
                    continue  # discarded, or in a section without bytes in the file
                if section.merged and section.entry_size:
                    self._held += section.size
                    if self._held > _MERGED_LIMIT:
                        raise ValueError("it has more merged data than a kernel")
                    group = _SectionGroup(
                        place, section.entry_size, section.alignment, section.strings
                    )
                    self._merged[group].append((directory, read_content(file, section)))
                else:
                    self._sizes[place][directory] += section.size

    def by_directory(self) -> Counter[str]:
        """The bytes of each directory, in the sections that the objects fit into."""
        for group, pieces in self._merged.items():
            self._sizes[group.section] += merge(pieces, group.width, strings=group.strings)
        directories: Counter[str] = Counter()
        for place, sizes in self._sizes.items():
            if sum(sizes.values()) <= self._kept[place].size:
                directories += sizes
        return directories


def _objects(build: _BuildTree) -> set[str]:
    """The objects that the kernel is linked from, as paths below the build directory.

    Members of libraries are linked only if they are needed. Before 6.1 the objects at the kernel's
    start are not in an archive.
    """
    whole: set[str] = set()
    perhaps: set[str] = set()
    head = f"arch/{build.arch}/kernel"
    for found in build.outputs.walk(most=_MOST_FILES):
        directory, _, base = found.name.rpartition("/")
        if directory == head and base.endswith(".o"):
            perhaps.add(found.name)
        if base not in (*_WHOLE, _LIBRARY) or not found.is_file:
            continue
        with contextlib.suppress(OSError, ThinArchiveError, UnsafeFileError):
            archive = build.outputs.read(found.name, _OBJECT_LIMIT)
            names = {
                posixpath.normpath(posixpath.join(directory, name)) for name in members(archive)
            }
            (perhaps if base == _LIBRARY else whole).update(names)
    if not whole:
        return set()
    if len(whole | perhaps) > _MOST_OBJECTS:
        raise ValueError("no kernel is linked from so many objects")
    found_there = {name for name in whole | perhaps if is_name(name) and _is_there(build, name)}
    return (found_there & whole) | set(_linked(build, found_there - whole))


def _is_there(build: _BuildTree, name: str) -> bool:
    """Whether it is the name of a file in the build directory."""
    with contextlib.suppress(UnsafeFileError):
        found = build.outputs.find(name)
        return found is not None and found.is_file
    return False


def _linked(build: _BuildTree, names: Iterable[str]) -> Iterator[str]:
    """The objects of which all global symbols are in the kernel, with the same size."""
    kernel: set[tuple[str, int]] = set()
    for name in sorted(names):
        with contextlib.suppress(*_UNREADABLE):
            if not kernel:
                with build.linked.open("rb") as file:
                    kernel = {symbol[:2] for symbol in _symbols(file)}
            with build.outputs.open(name, _OBJECT_LIMIT) as file:
                own = {symbol[:2] for symbol in _symbols(file) if symbol.strong}
            if own and own <= kernel:
                yield name


def _symbols(file: BinaryIO) -> list[ElfSymbol]:
    return list(defined_symbols(file, read_sections(file)))
