"""Finds the source files of a kernel that was compiled, from the build directory.

vmlinux is linked from these files of the build (kernel: scripts/link-vmlinux.sh, Makefile,
scripts/Makefile.vmlinux_o):

    vmlinux.o                   if there is a record of its link (6.0 and later): what it names
    **/built-in.a, **/lib.a     otherwise
    arch/*/kernel/*.o           head objects, before 6.1 outside of the archives
    init/version-timestamp.o, .vmlinux.export.o, .builtin-dtbs.o      linked in the last step
    arch/*/kernel/vmlinux.lds   the linker script
    **/*.s                      C files whose constants become generated headers (asm-offsets)

Each module is linked from the objects that `<module>.mod` and its record name. Programs that run
during the build, and the boot stubs of bzImage, are not part of vmlinux.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping

from ingot.compiled_files.build_records import recorded_name
from ingot.compiled_files.compiled_files import CompiledFiles
from ingot.compiled_files.source_trace import (
    ARCHIVES,
    BuildTree,
    DamagedRecordError,
    module_objects,
)
from ingot.compiled_files.switched_off import files_switched_off
from ingot.confined_files import ConfinedDirectory, UnsafeFileError
from ingot.errors import BuildError

_MOST_FILES = 1_000_000
"""The most files of a build or source directory; kernels have up to 150,000."""
_ORDER = "modules.order"
_ORDER_LIMIT = 16 << 20
_LINK = "vmlinux.o"
_LAST_OBJECTS = ("init/version-timestamp.o", ".vmlinux.export.o", ".builtin-dtbs.o")
_SCRIPT = "vmlinux.lds"


def find_compiled_files(
    build: ConfinedDirectory,
    source: ConfinedDirectory,
    installed: Iterable[str],
    options: Mapping[str, str],
) -> CompiledFiles:
    """The source files of the kernel that was compiled in the directory `build`.

    `installed` are the modules of the kernel, by their paths below /lib/modules/<release>;
    `options` are those of its config, without CONFIG_. BuildError if a record that is needed is
    missing or damaged: the result never lacks files without an error.
    """
    files = {found.name for found in build.walk(most=_MOST_FILES) if found.is_file}
    tree = frozenset(_source_files(source))
    trees = BuildTree(build, source, files, tree)
    try:
        modules = _modules(build) if _ORDER in files else {}
        built_in = trees.sources_of(_vmlinux(files, modules))
        if not built_in:
            raise DamagedRecordError("there are no records of the objects of vmlinux")
        found = {name: trees.sources_of(_module(name, modules)) for name in sorted(installed)}
        stems = {_stem(name) for name in found}
        others = [name for stem, names in modules.items() if stem not in stems for name in names]
        used = built_in.union(*found.values())
        left_out = trees.sources_of(others) - used
    except (DamagedRecordError, OSError) as error:
        raise BuildError(
            "the source files that the kernel was compiled from are not known",
            why=f"kbuild's records in the build directory are damaged: {error}",
            hint="build the kernel again; if it fails again, report it with the version of the"
            " kernel",
        ) from None
    off = files_switched_off(options, source, tree)
    off = {file: option for file, option in off.items() if file not in used | left_out}
    return CompiledFiles(built_in, found, tree, left_out, off)


def _source_files(source: ConfinedDirectory) -> Iterator[str]:
    """The files and links of the source tree, without the data of a git repository in it."""
    for found in source.walk(most=_MOST_FILES):
        if found.is_directory or found.name.startswith(".git/") or not found.name.isprintable():
            continue
        yield found.name


def _vmlinux(files: Collection[str], modules: dict[str, list[str]]) -> Iterator[str]:
    """The files of the build that vmlinux is made from."""
    recorded = {name for name in map(recorded_name, files) if name}
    if _LINK in recorded:
        yield _LINK
    else:
        yield from _without_record_of_link(files, recorded, modules)
    for name in recorded:
        if name in _LAST_OBJECTS or _is_script(name) or _is_offsets(name):
            yield name


def _without_record_of_link(
    files: Collection[str], recorded: Collection[str], modules: dict[str, list[str]]
) -> Iterator[str]:
    """All archives, and the head objects: the other objects in their directory."""
    archives = [name for name in files if posixpath.basename(name) in ARCHIVES]
    yield from archives
    taken = {name for objects in modules.values() for name in objects}
    for name in recorded:
        if _is_head(name) and name not in taken:
            yield name


def _is_head(name: str) -> bool:
    """Whether it is an object of arch/<arch>/kernel: all of them are part of vmlinux or modules."""
    parts = name.split("/")
    return len(parts) == 4 and parts[::2] == ["arch", "kernel"] and name.endswith(".o")


def _is_script(name: str) -> bool:
    return name.startswith("arch/") and name.endswith(f"/kernel/{_SCRIPT}")


def _is_offsets(name: str) -> bool:
    """Whether it is a C file that was compiled only to make a header of its constants."""
    return name.endswith(".s") and not name.startswith(("scripts/", "tools/"))


def _modules(build: ConfinedDirectory) -> dict[str, list[str]]:
    """The files of the build that each module is made from, by its path without the suffix.

    Since 6.3 the list has the suffix .o.
    """
    text = build.read(_ORDER, _ORDER_LIMIT).decode("utf-8", "replace")
    found = {}
    for line in text.split():
        stem, suffix = posixpath.splitext(line)
        if suffix not in (".ko", ".o"):
            raise DamagedRecordError(f"{_ORDER} has the line {line!r:.100}")
        found[stem] = [f"{stem}.ko", f"{stem}.o", f"{stem}.mod.o", *_objects(build, stem)]
    return found


def _objects(build: ConfinedDirectory, stem: str) -> list[str]:
    try:
        return module_objects(build, f"{stem}.mod")
    except (OSError, ValueError, UnsafeFileError) as error:
        raise DamagedRecordError(f"{stem}.mod: {error}") from None


def _module(name: str, modules: dict[str, list[str]]) -> list[str]:
    """The files of the build that an installed module is made from."""
    stem = _stem(name)
    if stem not in modules:
        raise DamagedRecordError(f"{_ORDER} does not list the installed module {name!r:.200}")
    return modules[stem]


def _stem(name: str) -> str:
    """The path of an installed module in the build directory, without its suffix."""
    return name.removeprefix("kernel/").removesuffix(".ko")
