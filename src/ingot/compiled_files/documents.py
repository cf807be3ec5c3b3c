"""Compiled files as two JSON documents: the files of a kernel, and those of its source tree.

    {"files": {"0,2-3": {"net/bridge": ["br.c", "br_private.h"]}, ...},
     "modules": ["kernel/net/bridge/bridge.ko", ...]}
    {"net/bridge": ["Kconfig", "Makefile", "br.c", ...], ...}

In the first, files are grouped by what they were compiled into: 0 is vmlinux, 1 the first of
`modules`. Directories are relative to the top of the source tree, which is "". The second document
is the same for all kernels of a source, so it is stored only once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from ingot.compiled_files.compiled_files import CompiledFiles

_MOST_MODULES = 100_000
_MOST_FILES = 1_000_000
"""The most files of a source tree; the tree of 2026 has 90,000."""
_MOST_USES = 100_000_000
"""The most files of all modules together; a kernel with all modules has 10 million."""
_LONGEST = 4095
_PART = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f-\x9f]{1,255}")
_MODULE = re.compile(r"kernel/(?:[\w+.,-]{1,255}/)*[\w+.,-]{1,255}\.ko", re.ASCII)
_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


def to_json(compiled: CompiledFiles) -> tuple[dict[str, object], dict[str, list[str]]]:
    """The two documents."""
    modules = sorted(compiled.modules)
    users: defaultdict[str, list[int]] = defaultdict(list)
    for number, used in enumerate([compiled.built_in, *(compiled.modules[m] for m in modules)]):
        for path in used:
            users[path].append(number)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path, numbers in users.items():
        groups[_ranges(numbers)].append(path)
    files = {numbers: _by_directory(paths) for numbers, paths in groups.items()}
    return {"files": files, "modules": modules}, _by_directory(compiled.tree)


def from_json(document: object, tree: object) -> CompiledFiles:
    """Read what `to_json` returned; ValueError, which says why, for anything else."""
    if not isinstance(document, dict) or document.keys() != {"files", "modules"}:
        raise ValueError("it does not have exactly the members 'files' and 'modules'")
    modules, groups = document["modules"], document["files"]
    if not isinstance(modules, list) or not isinstance(groups, dict):
        raise ValueError("its modules are not a list, or its files are not an object")
    if len(modules) > _MOST_MODULES or not all(map(_is_module, modules)):
        raise ValueError("its list of modules has a name that is not a module's")
    if modules != sorted(set(modules)):
        raise ValueError("its list of modules is not sorted, or has a module twice")
    users = _users(groups, len(modules))
    compiled = CompiledFiles(
        frozenset(users[0]),
        {module: frozenset(users[number]) for number, module in enumerate(modules, start=1)},
        frozenset(_paths(tree)),
    )
    if not compiled.built_in:
        raise ValueError("it has no files of vmlinux")
    if stray := set().union(*users) - compiled.tree:
        raise ValueError(f"it has the file {min(stray)!r}, which the source tree does not have")
    return compiled


def _users(groups: Mapping[str, object], modules: int) -> list[set[str]]:
    """The files of vmlinux and of each module, by number."""
    users: list[set[str]] = [set() for _ in range(modules + 1)]
    seen: set[str] = set()
    uses = 0
    for numbers, directories in groups.items():
        paths = set(_paths(directories))
        if seen & paths:
            raise ValueError(f"it has the file {min(seen & paths)!r} twice")
        seen |= paths
        for number in _numbers(numbers, modules):
            uses += len(paths)
            if uses > _MOST_USES:
                raise ValueError("it has more files than the modules of a kernel")
            users[number] |= paths
    return users


def _by_directory(paths: Iterable[str]) -> dict[str, list[str]]:
    directories: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        directory, _, name = path.rpartition("/")
        directories[directory].append(name)
    return dict(directories)


def _paths(directories: object) -> Iterator[str]:
    """The paths in a document's object of directories; ValueError if it is not one."""
    if not isinstance(directories, dict):
        raise ValueError("its directories are not a JSON object")
    count = 0
    for directory, names in directories.items():
        if not isinstance(names, list) or not names:
            raise ValueError(f"its directory {directory!r:.100} has no list of names")
        count += len(names)
        if count > _MOST_FILES:
            raise ValueError("it has more files than a source tree")
        if directory and not (
            len(directory) <= _LONGEST and all(map(_is_part, directory.split("/")))
        ):
            raise ValueError(f"it has the directory {directory!r:.100}")
        for name in names:
            if not _is_part(name):
                raise ValueError(f"it has the file name {name!r:.100}")
            yield f"{directory}/{name}" if directory else name


def _is_part(name: object) -> bool:
    """Whether it is a valid part of a path."""
    return isinstance(name, str) and _PART.fullmatch(name) is not None


def _is_module(name: object) -> bool:
    return (
        isinstance(name, str)
        and len(name) <= _LONGEST
        and _MODULE.fullmatch(name) is not None
        and all(map(_is_part, name.split("/")))
    )


def _ranges(numbers: list[int]) -> str:
    """Ascending numbers as text: `0,2-3`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def _numbers(text: str, most: int) -> list[int]:
    """The numbers of `_ranges`; ValueError for another form, or a number above `most`."""
    numbers: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"it groups files by {text!r:.100}")
        low, high = int(match[1]), int(match[2] or match[1])
        if high > most or low > high or (numbers and low <= numbers[-1]):
            raise ValueError(f"it groups files by {text!r:.100}, but has {most} modules")
        numbers += range(low, high + 1)
    return numbers
