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

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ingot.arch import Arch

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


def devel_files(source: Path, build: Path, arch: Arch) -> Devel:
    """What is in the tree of the kernel that was built of `source` in `build`.

    Links are left out: none leads to what modules are made of, and those of scripts/dtc lead out
    of the tree.
    """
    of_arch = f"arch/{arch.make}"
    own = dict(_files(source, _matching(source, of_arch, _SOURCE_OF_ARCH)))
    own |= _files(build, _BUILD)
    own |= _files(build, _matching(build, of_arch, _BUILD_OF_ARCH))
    return Devel(dict(_files(source, _SOURCE)), own)


def _matching(root: Path, folder: str, patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        for path in (root / folder).glob(pattern):
            yield str(path.relative_to(root))


def _files(root: Path, names: Iterator[str] | tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """The regular files that `names` are, or that are in folders of these names."""
    for name in names:
        path = root / name
        if path.is_symlink():
            continue
        if path.is_file():
            yield name, path
        elif path.is_dir() and name not in _UNNEEDED:
            inside = (f"{name}/{inner}" for inner in os.listdir(path) if not _is_left_out(inner))  # noqa: PTH208
            yield from _files(root, tuple(inside))


def _is_left_out(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _LEFT_OUT)
