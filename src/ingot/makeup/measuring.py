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
import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.elf import Section, Symbol, defined_symbols, read_content, read_sections
from ingot.makeup.archive import ArchiveError, members
from ingot.makeup.linker_script import LinkerScript
from ingot.makeup.merging import merge
from ingot.makeup.model import Makeup, is_name

_WHOLE = ("vmlinux.a", "built-in.a")
"""Archives of which the linker takes every member (the kernel's scripts/link-vmlinux.sh)."""

_LIBRARY = "lib.a"
"""An archive of which it takes what is needed; all of it if there are modules, to serve them."""

_SCRIPT_LIMIT = 1 << 20


def measure(build: Path, arch: str, kernel: Path, modules: Path) -> Makeup:
    """The makeup of the kernel that was compiled in the folder `build`.

    `arch` is the kernel's word for it (`x86`), `kernel` the file that ships, `modules` the
    folder known as `/lib/modules/<release>`. Where the build left no archives or no linker
    script, all of the kernel counts for "".
    """
    size = kernel.stat().st_size
    told = _folders(build, arch)
    del told[""]
    if sum(told.values()) > size:
        told = Counter()  # it ships compressed
    rest = size - sum(told.values())
    return Makeup({"": rest, **dict(sorted(told.items()))}, _modules(modules / "kernel"))


def _modules(root: Path) -> dict[str, int]:
    """The sizes of all modules below a folder, compressed as they may be."""
    files = (path for path in root.rglob("*.ko*") if path.is_file() and not path.is_symlink())
    named = ((path.relative_to(root).as_posix(), path) for path in sorted(files))
    return {name: path.stat().st_size for name, path in named if is_name(name)}


def _folders(build: Path, arch: str) -> Counter[str]:
    """Bytes of the kernel by the folder that they are known to come from."""
    script = build / "arch" / arch / "kernel" / "vmlinux.lds"
    try:
        with script.open(encoding="utf-8", errors="replace") as file:
            rules = LinkerScript(file.read(_SCRIPT_LIMIT))
        with (build / "vmlinux").open("rb") as file:
            linked = read_sections(file)
    except (OSError, ValueError):
        return Counter()  # no kernel that is linked as kernels are
    kept = {section.name: section for section in linked if section.loaded and not section.empty}
    contributions = _Contributions(rules, kept)
    for name in sorted(_objects(build, arch)):
        with contextlib.suppress(OSError, ValueError):  # it is not told, then
            contributions.add(build, name)
    return contributions.by_folder()


@dataclass(frozen=True, slots=True)
class _Group:
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
        self._sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._merged: defaultdict[_Group, list[tuple[str, bytes]]] = defaultdict(list)

    def add(self, build: Path, name: str) -> None:
        """Count an object; OSError or ValueError if it cannot be read."""
        folder = posixpath.dirname(name)
        with (build / name).open("rb") as file:
            for section in read_sections(file):
                if not section.loaded or not section.size:
                    continue
                place = self._rules.place(section.name)
                if place not in self._kept:
                    continue  # discarded, or of a section that takes no room in the file
                if section.merged and section.entry_size:
                    group = _Group(place, section.entry_size, section.alignment, section.strings)
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


def _objects(build: Path, arch: str) -> set[str]:
    """The objects that the kernel is linked from, as paths below the build folder.

    Besides the archives' there are those of libraries, of which the linker takes what is needed,
    and before 6.1 those at the kernel's head, which are in no archive.
    """
    whole: set[str] = set()
    perhaps: set[str] = set()
    for path in _archives(build):
        folder = path.parent.relative_to(build).as_posix()
        with contextlib.suppress(OSError, ArchiveError):
            names = {posixpath.normpath(posixpath.join(folder, name)) for name in members(path)}
            (perhaps if path.name == _LIBRARY else whole).update(names)
    if not whole:
        return set()
    head = build / "arch" / arch / "kernel"
    perhaps.update(path.relative_to(build).as_posix() for path in head.glob("*.o"))
    real = build.resolve()
    found = {name for name in whole | perhaps if is_name(name) and _is_within(real, name)}
    return (found & whole) | set(_linked(build, found - whole))


def _archives(build: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(build):
        yield from (Path(folder, name) for name in files if name in (*_WHOLE, _LIBRARY))


def _is_within(build: Path, name: str) -> bool:
    """Whether it names a file of the build folder, and none outside."""
    path = (build / name).resolve()
    return path.is_relative_to(build) and path.is_file()


def _linked(build: Path, names: Iterable[str]) -> Iterator[str]:
    """Those of the objects whose every global symbol is the kernel's, in name and size."""
    kernel: set[tuple[str, int]] = set()
    for name in sorted(names):
        with contextlib.suppress(OSError, ValueError):
            kernel = kernel or {symbol[:2] for symbol in _symbols(build / "vmlinux")}
            own = {symbol[:2] for symbol in _symbols(build / name) if symbol.strong}
            if own and own <= kernel:
                yield name


def _symbols(path: Path) -> list[Symbol]:
    with path.open("rb") as file:
        return list(defined_symbols(file, read_sections(file)))
