"""Compiling modules that are not of the kernel's own tree, and indexing them beside its own.

Their source is somebody's: all of its make runs in the sandbox, and of what that leaves nothing
is believed. In the build directory, which is a copy of the source:

    .installed/lib/modules/<release>/updates/   the stripped modules, as make installs them

In the sandbox's results:

    updates/                                    those of them that are taken
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
"""Where in /lib/modules/<release> modules are that are not the kernel's own.

depmod prefers what is there to what has the same name elsewhere (depmod.d(5), "search").
"""

_INSTALL = ".installed"
_MODULE = re.compile(r"\w[\w.+-]*\.ko(?:\.(?:gz|xz|zst))?", re.ASCII)
_FOLDER = re.compile(r"\w[\w.+-]*", re.ASCII)
_MOST_MODULES = 10_000
_LARGEST_MODULE = 1 << 30
_VERMAGIC = re.compile(rb"\0vermagic=([^ \0]{0,255})")


def compile_module(
    sandbox: Sandbox, arch: Arch, release: str, epoch: int, log: Path, progress: Progress
) -> dict[str, Path]:
    """Compile the modules in the build directory; returns where each is taken to, by its name below
    UPDATES.

    The sandbox's source is the kernel's devel tree. `release` is what the modules must be for;
    `epoch` the kernel's time, in seconds. Output goes to `log`. A BuildError shows the words of
    the compiler, or of modpost for a symbol that the kernel does not export.
    """
    # names within the folder are those a person knows
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
        make.run(jobs(), "modules", counter=counter)
        make.run(
            f"INSTALL_MOD_PATH=/build/{_INSTALL}", f"INSTALL_MOD_DIR={UPDATES}", "modules_install"
        )
        found = _installed(sandbox, release)
        step.result(f"{counter.done:,} objects, {', '.join(sorted(found)) or 'no module'}")
    if not found:
        raise BuildError(
            "what was compiled is no module",
            why=f"make installed nothing that is a module of {release}",
            hint="its Kbuild or Makefile names modules so: obj-m += NAME.o",
        )
    for name, path in found.items():
        _require_release(name, path, release)
    return found


def index_modules(sandbox: Sandbox, release: str, log: Path) -> None:
    """Have depmod write its indexes of all that is in lib/modules/<release> of the build folder.

    depmod has no say in what it reads, and modules are what somebody compiled: it runs in the
    sandbox too.
    """
    run(sandbox.command(["depmod", "-b", "/build", release]), log=log)


def _installed(sandbox: Sandbox, release: str) -> dict[str, Path]:
    """The modules that were installed, by their names below UPDATES: where each was copied to.

    What compiled them could leave anything here: what is not named like a module is passed over.
    """
    folder = f"{_INSTALL}/lib/modules/{release}/{UPDATES}"
    there = sandbox.outputs.find(folder)
    if there is None:
        return {}
    names = [
        found.name.removeprefix(f"{folder}/")
        for found in sandbox.outputs.walk(folder, most=_MOST_MODULES)
        if found.is_file
    ]
    return {
        name: sandbox.copy_out(f"{folder}/{name}", _LARGEST_MODULE, f"{UPDATES}/{name}")
        for name in names
        if _is_module(name)
    }


def _is_module(name: str) -> bool:
    *folders, last = name.split("/")
    return all(map(_FOLDER.fullmatch, folders)) and _MODULE.fullmatch(last) is not None


def _require_release(name: str, path: Path, release: str) -> None:
    """Raise a BuildError for a module that another kernel's would be: it would not load.

    The first word of `vermagic` is the release (kernel: include/linux/vermagic.h).
    """
    if path.suffix != ".ko":
        return  # compressed by the kernel's own rules, from one that was right
    told = None
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                match = _VERMAGIC.search(data)
                told = match and match[1].decode("ascii", "replace")
    if told != release:
        raise BuildError(
            f"{name} is no module for {release}",
            why=f"it is for {told}" if told else "it does not say what kernel it is for (vermagic)",
            hint="it must be made by the kernel's own rules, for this kernel",
        )
