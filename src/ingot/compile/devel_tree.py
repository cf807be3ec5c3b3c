"""What compiling a module against a kernel needs, and no more of the kernel than that.

One tree, merged from the source and the build folder, in which the kernel's own make builds
modules (kernel: Documentation/kbuild/modules.rst, "Building External Modules"):

    Makefile, scripts/                 how modules are made, with the programs that make them
    include/, arch/<arch>/include/     headers, those of the source and those of the config
    arch/<arch>/Makefile               the compiler's flags
    .config, include/config/           the options, as C and make read them
    Module.symvers                     what the kernel exports, with the checksums of MODVERSIONS
    tools/objtool/objtool              checks and annotates objects, if the config asks for it

It is a list of what may be there, not of what must not: the folder a kernel is built in also
holds the key that signs its modules (certs/).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.confined_files import ConfinedDirectory, FoundFile
from ingot.errors import BuildError

BUILD_LINK = "lib/modules/{release}/build"
"""Where builds of modules look for the kernel's tree (kernel: Makefile, modules_install)."""

_SOURCE = ("Makefile", "Kbuild", "COPYING", "scripts", "include")
_SOURCE_OF_ARCH = ("include", "Makefile*", "Kbuild*", "kernel/module.lds")
_BUILD = (".config", "Module.symvers", "scripts", "include", "tools/objtool/objtool")
_BUILD_OF_ARCH = ("include",)

_UNNEEDED = ("scripts/coccinelle", "scripts/kconfig", "scripts/package")
"""Folders of scripts/ that serve the making of a kernel, or of patches for one."""

_LEFT_OUT = (".*", "*.o", "*.s", "*.a", "*.so.dbg", "*.cmd", "*.tmp", "*.pem", "*.key", "*.priv")
"""Names of what make notes for itself, of parts of programs, and of what may be secret."""


_MOST_FILES = 100_000
"""The most entries of one directory; the largest of a kernel's have 600."""
_LARGEST_TREE = 2 << 30
"""The most bytes of one side's files; a kernel of 2026 has 120 MiB."""


def devel_folder(release: str) -> str:
    """Where the tree is in an image; distributions have theirs there too."""
    return f"usr/src/linux-{release}"


@dataclass(frozen=True, slots=True)
class Devel:
    """The files of the tree, by their names in it: where each is.

    `common` are those that every kernel of this source has, whatever its config and arch; `own`
    those of this one, which go over them.
    """

    common: Mapping[str, Path]
    own: Mapping[str, Path]


def devel_files(sandbox: Sandbox, arch: Arch) -> Devel:
    """What is in the tree of the kernel that was built in the sandbox.

    The build directory's files are copied to the results, the source's stay where they are. Links
    are left out: none leads to what modules are made of, and those of scripts/dtc lead out of the
    tree.
    """
    of_arch = f"arch/{arch.make}"
    source, made = ConfinedDirectory(sandbox.source), sandbox.outputs
    from_source = _names(source, _matching(source, of_arch, _SOURCE_OF_ARCH))
    own = {name: sandbox.source / name for name in from_source}
    for name in _names(made, (*_BUILD, *_matching(made, of_arch, _BUILD_OF_ARCH))):
        own[name] = sandbox.copy_out(name, _LARGEST_TREE, f"devel/{name}")
    return Devel({name: sandbox.source / name for name in _names(source, _SOURCE)}, own)


def _names(tree: ConfinedDirectory, names: Iterable[str]) -> list[str]:
    """The names of the files that these names stand for; a BuildError if they are too long."""
    found = list(_files(tree, names))
    size = sum(each.status.st_size for each in found)
    if size > _LARGEST_TREE:
        raise BuildError(
            f"what compiling modules needs has {size:,} bytes in {tree.root}",
            why=f"no kernel has more than {_LARGEST_TREE:,} there: a sparse file may be in it",
        )
    return [each.name for each in found]


def _matching(tree: ConfinedDirectory, folder: str, patterns: Iterable[str]) -> list[str]:
    """The names below `folder` that match one of the patterns, which may have several parts."""
    found = []
    for pattern in patterns:
        parent, _, last = f"{folder}/{pattern}".rpartition("/")
        if tree.find(parent):
            items = tree.list(parent, most=_MOST_FILES)
            found += [each.name for each in items if fnmatchcase(_base(each.name), last)]
    return found


def _files(tree: ConfinedDirectory, names: Iterable[str]) -> Iterator[FoundFile]:
    """The regular files that `names` are, or that are in directories of these names."""
    for name in names:
        found = tree.find(name)
        if found and found.is_file:
            yield found
        elif found and found.is_directory and name not in _UNNEEDED:
            items = tree.list(name, most=_MOST_FILES)
            yield from _files(tree, (i.name for i in items if not _is_left_out(_base(i.name))))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _is_left_out(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _LEFT_OUT)
