"""The devel tree: the files of a kernel that compiling modules for it needs, and no others.

The tree is merged from the source and the build directory. In it, the kernel's own make builds
modules (kernel: Documentation/kbuild/modules.rst, "Building External Modules"):

    Makefile, scripts/                 the rules and programs that build modules
    include/, arch/<arch>/include/     headers, those of the source and those of the config
    arch/<arch>/Makefile               the compiler's flags
    .config, include/config/           the options, as C and make read them
    Module.symvers                     exported symbols, with the checksums of MODVERSIONS
    tools/objtool/objtool              checks and annotates objects, if the config enables it

The files are selected by an allow list, because the build directory of a kernel also has the
key that signs its modules (certs/).
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
"""The link to the kernel's tree that builds of modules use (kernel: Makefile, modules_install)."""

_SOURCE = ("Makefile", "Kbuild", "COPYING", "scripts", "include")
_SOURCE_OF_ARCH = ("include", "Makefile*", "Kbuild*", "kernel/module.lds")
_BUILD = (".config", "Module.symvers", "scripts", "include", "tools/objtool/objtool")
_BUILD_OF_ARCH = ("include",)

_UNNEEDED = ("scripts/coccinelle", "scripts/kconfig", "scripts/package")
"""Directories of scripts/ that are only used to build kernels or to make patches."""

_LEFT_OUT = (".*", "*.o", "*.s", "*.a", "*.so.dbg", "*.cmd", "*.tmp", "*.pem", "*.key", "*.priv")
"""Files of make's own state, object files, and files that may be secret."""


_MOST_FILES = 100_000
"""The most entries of one directory; the largest of a kernel's have 600."""
_LARGEST_TREE = 2 << 30
"""The most bytes of one side's files; a kernel of 2026 has 120 MiB."""


def devel_directory(release: str) -> str:
    """The directory of the tree in an image, the same as in distributions."""
    return f"usr/src/linux-{release}"


@dataclass(frozen=True, slots=True)
class Devel:
    """The files of the tree: the path of each, by its name in the tree.

    `common` files are the same for every kernel of this source, config and arch aside; `own` files
    are those of this kernel, which replace common ones.
    """

    common: Mapping[str, Path]
    own: Mapping[str, Path]


def devel_files(sandbox: Sandbox, arch: Arch) -> Devel:
    """The tree of the kernel that was built in the sandbox.

    Files of the build directory are copied to the results, those of the source stay in place. Links
    are left out: building modules needs none, and those of scripts/dtc lead out of the tree.
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
    """The files of these names, or below them; a BuildError if their total size is too large."""
    found = list(_files(tree, names))
    size = sum(each.status.st_size for each in found)
    if size > _LARGEST_TREE:
        raise BuildError(
            f"the files for compiling modules have {size:,} bytes in {tree.root}",
            why=f"the limit is {_LARGEST_TREE:,}; one of them may be a sparse file",
        )
    return [each.name for each in found]


def _matching(tree: ConfinedDirectory, directory: str, patterns: Iterable[str]) -> list[str]:
    """The names below `directory` that match one of the patterns, which may have several parts."""
    found = []
    for pattern in patterns:
        parent, _, last = f"{directory}/{pattern}".rpartition("/")
        if tree.find(parent):
            items = tree.list(parent, most=_MOST_FILES)
            found += [each.name for each in items if fnmatchcase(_base(each.name), last)]
    return found


def _files(tree: ConfinedDirectory, names: Iterable[str]) -> Iterator[FoundFile]:
    """The regular files of these names, and those in directories of these names."""
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
