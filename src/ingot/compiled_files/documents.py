"""Compiled files as two JSON documents: the files of a kernel, and those of its source tree.

    {"files": {"0,2-3": {"net/bridge": ["br.c", "br_private.h"]}, ...},
     "modules": ["kernel/net/bridge/bridge.ko", ...],
     "left_out": {"net/bridge": ["br_netlink.c"], ...},
     "switched_off": [["", 7], ["TUN", 1], ...]}
    {"net/bridge": ["Kconfig", "Makefile", "br.c", ...], ...}

In the first, files are grouped by what they were compiled into: 0 is vmlinux, 1 the first of
`modules`. Directories are relative to the top of the source tree, which is "". `switched_off` has
the options of the C and assembly files that no group and `left_out` have, in the order of their
paths: each row is for so many files, and "" if no option is known. That takes a third of the bytes
of a list with names. The second document is the same for all kernels of a source, so it is stored
only once.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ingot.compiled_files.compiled_files import CompiledFiles

_REQUIRED = frozenset({"files", "modules"})
_MEMBERS = _REQUIRED | {"left_out", "switched_off"}
"""The last two are not in what the first versions with compiled files wrote."""
_MOST_MODULES = 100_000
_MOST_FILES = 1_000_000
"""The most files of a source tree; the tree of 2026 has 90,000."""
_MOST_USES = 100_000_000
"""The most files of all modules together; a kernel with all modules has 10 million."""
_LONGEST = 4095
_PART = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f-\x9f]{1,255}")
_MODULE = re.compile(r"kernel/(?:[\w+.,-]{1,255}/)*[\w+.,-]{1,255}\.ko", re.ASCII)
_OPTION = re.compile(r"\w{0,255}", re.ASCII)
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
    document: dict[str, object] = {
        "files": {numbers: _by_directory(paths) for numbers, paths in groups.items()},
        "modules": modules,
        "left_out": _by_directory(compiled.left_out),
        "switched_off": _runs(compiled),
    }
    return document, _by_directory(compiled.tree)


def from_json(document: object, tree: object) -> CompiledFiles:
    """Read what `to_json` returned; ValueError, which says why, for anything else."""
    if not isinstance(document, dict) or not _REQUIRED <= document.keys() <= _MEMBERS:
        raise ValueError("it does not have exactly the members of compiled files")
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
        frozenset(_paths(document.get("left_out", {}))),
    )
    if not compiled.built_in:
        raise ValueError("it has no files of vmlinux")
    if stray := compiled.left_out.union(*users) - compiled.tree:
        raise ValueError(f"it has the file {min(stray)!r}, which the source tree does not have")
    if "switched_off" in document:
        off = _options(document["switched_off"], _not_compiled(compiled))
        compiled = dataclasses.replace(compiled, switched_off=off)
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


def _not_compiled(compiled: CompiledFiles) -> list[str]:
    """The C and assembly files of the tree that were not compiled, in order."""
    used = compiled.all | compiled.left_out
    return sorted(file for file in compiled.tree - used if file.endswith((".c", ".S")))


def _runs(compiled: CompiledFiles) -> list[list[str | int]]:
    """The options of the files that were not compiled: each with the number of files in a row."""
    options = (compiled.switched_off.get(file, "") for file in _not_compiled(compiled))
    return [[option, sum(1 for _ in files)] for option, files in itertools.groupby(options)]


def _options(runs: object, files: Sequence[str]) -> dict[str, str]:
    """The options of `_runs`, by file; ValueError if they are not those of exactly these files."""
    if not isinstance(runs, list):
        raise ValueError("its options are not a list")
    found: dict[str, str] = {}
    done = 0
    for run in runs:
        match run:
            case [str(option), int(count)] if _OPTION.fullmatch(option) and count > 0:
                found |= dict.fromkeys(files[done : done + count], option) if option else {}
                done += count
            case _:
                raise ValueError(f"its options have the row {run!r:.100}")
    if done != len(files):
        raise ValueError(f"it has options of {done:,} files; {len(files):,} were not compiled")
    return found


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
