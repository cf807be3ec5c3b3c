"""Compiling modules that are not of the kernel's own tree, and indexing them beside its own.

Their source is somebody's: all of its make runs in the sandbox, and of what that leaves nothing
is believed. In the build folder, which is a copy of the source:

    .installed/lib/modules/<release>/updates/   the stripped modules, as make installs them
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.compile.make import Counter, Make, jobs
from ingot.errors import BuildError
from ingot.files import disk_errors
from ingot.process import run
from ingot.progress import Progress

UPDATES = "updates"
"""Where in /lib/modules/<release> modules are that are not the kernel's own.

depmod prefers what is there to what has the same name elsewhere (depmod.d(5), "search").
"""

_INSTALL = ".installed"
_MODULE = re.compile(r"\w[\w.+-]*\.ko(?:\.(?:gz|xz|zst))?", re.ASCII)
_FOLDER = re.compile(r"\w[\w.+-]*", re.ASCII)
_VERMAGIC = re.compile(rb"\0vermagic=([^ \0]{0,255})")


def compile_module(
    sandbox: Sandbox, arch: Arch, release: str, epoch: int, log: Path, progress: Progress
) -> dict[str, Path]:
    """Compile the modules in the build folder; returns where each is, by its name below UPDATES.

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
        "M=/build",
        "the module",
        lambda line: line.replace("/build/", ""),
    )
    with progress.step("compile") as step:
        counter = Counter(step)
        make.run(jobs(), "modules", counter=counter)
        make.run(
            f"INSTALL_MOD_PATH=/build/{_INSTALL}", f"INSTALL_MOD_DIR={UPDATES}", "modules_install"
        )
        found = dict(_installed(sandbox.build, release))
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


def _installed(build: Path, release: str) -> Iterator[tuple[str, Path]]:
    """The modules that were installed, by their names below UPDATES.

    What compiled them could leave anything here: a link is not followed, wherever it is.
    """
    folder = build
    for part in (_INSTALL, "lib", "modules", release, UPDATES):
        folder /= part
        if folder.is_symlink() or not folder.is_dir():
            return
    with disk_errors(folder):
        yield from _modules_below(folder)


def _modules_below(top: Path) -> Iterator[tuple[str, Path]]:
    waiting = [(top, "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as items:
            for item in items:
                name = f"{prefix}{item.name}"
                if item.is_dir(follow_symlinks=False) and _FOLDER.fullmatch(item.name):
                    waiting.append((Path(item.path), f"{name}/"))
                elif item.is_file(follow_symlinks=False) and _MODULE.fullmatch(item.name):
                    yield name, Path(item.path)


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
