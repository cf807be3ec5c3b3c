"""Compiles out-of-tree modules, and indexes them together with the kernel's own.

Their source is not trusted: its make runs in the sandbox, and its output is checked. In the build
directory, which is a copy of the source:

    .installed/lib/modules/<release>/updates/   the stripped modules, as make installs them

In the sandbox's results:

    updates/                                    the modules that were accepted
"""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.compile.run_make import Counter, Make, jobs
from ingot.errors import BuildError
from ingot.process import run
from ingot.progress import Progress

UPDATES = "updates"
"""The directory in /lib/modules/<release> for modules that are not the kernel's own.

depmod prefers it to modules of the same name elsewhere (depmod.d(5), "search").
"""

_INSTALL = ".installed"
_MODULE = re.compile(r"\w[\w.+-]*\.ko(?:\.(?:gz|xz|zst))?", re.ASCII)
_DIRECTORY = re.compile(r"\w[\w.+-]*", re.ASCII)
_MOST_MODULES = 10_000
_LARGEST_MODULE = 1 << 30
_VERMAGIC = re.compile(rb"\0vermagic=([^ \0]{0,255})")


def compile_module(
    sandbox: Sandbox, arch: Arch, release: str, epoch: int, log: Path, progress: Progress
) -> dict[str, Path]:
    """Compile the modules in the build directory; returns the copy of each, by its name below
    UPDATES.

    The sandbox's source is the kernel's devel tree. `release` is that of the kernel, which the
    modules must match; `epoch` is the kernel's time, in seconds. Output goes to `log`. A BuildError
    has the messages of the compiler, or of modpost for a symbol that the kernel does not export.
    """
    # show paths as the user knows them, relative to the source directory
    make = Make(
        sandbox,
        arch,
        epoch,
        log,
        place="M=/build",
        what="the module",
        readable=lambda line: line.replace("/build/", ""),
    )
    with progress.step("compile") as step:
        counter = Counter(step)
        make.run(*jobs(sandbox), "modules", counter=counter)
        make.run(
            f"INSTALL_MOD_PATH=/build/{_INSTALL}", f"INSTALL_MOD_DIR={UPDATES}", "modules_install"
        )
        found = _installed(sandbox, release)
        step.result(f"{counter.done:,} objects, {', '.join(sorted(found)) or 'no module'}")
    if not found:
        raise BuildError(
            "the source has no module for this kernel",
            why=f"make installed no module for {release}",
            hint="list modules in its Kbuild or Makefile: obj-m += NAME.o",
        )
    for name, path in found.items():
        _require_release(name, path, release)
    return found


def index_modules(sandbox: Sandbox, release: str, log: Path) -> None:
    """Run depmod for lib/modules/<release> of the build directory.

    depmod runs in the sandbox too, since it parses modules, which are not trusted.
    """
    run(sandbox.command(["depmod", "-b", "/build", release]), log=log)


def _installed(sandbox: Sandbox, release: str) -> dict[str, Path]:
    """The installed modules: the copy of each, by its name below UPDATES.

    Their make could put anything here: files without the name of a module are ignored.
    """
    directory = f"{_INSTALL}/lib/modules/{release}/{UPDATES}"
    there = sandbox.outputs.find(directory)
    if there is None:
        return {}
    names = [
        found.name.removeprefix(f"{directory}/")
        for found in sandbox.outputs.walk(directory, most=_MOST_MODULES)
        if found.is_file
    ]
    return {
        name: sandbox.copy_out(f"{directory}/{name}", _LARGEST_MODULE, f"{UPDATES}/{name}")
        for name in names
        if _is_module(name)
    }


def _is_module(name: str) -> bool:
    *directories, last = name.split("/")
    return all(map(_DIRECTORY.fullmatch, directories)) and _MODULE.fullmatch(last) is not None


def _require_release(name: str, path: Path, release: str) -> None:
    """Raise a BuildError for a module of another kernel, which would not load.

    The first word of `vermagic` is the release (kernel: include/linux/vermagic.h).
    """
    if path.suffix != ".ko":
        return  # compressed by the kernel's own rules
    found = None
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                match = _VERMAGIC.search(data)
                found = match and match[1].decode("ascii", "replace")
    if found != release:
        raise BuildError(
            f"{name} is not a module for {release}",
            why=f"it is for {found}" if found else "it does not name its kernel (vermagic)",
            hint="compile it for this kernel, with the kernel's own make rules",
        )
