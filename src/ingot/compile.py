"""Compiling a configured kernel: make, its progress, and the artifacts it leaves.

In the build folder:

    .config                       the resolved config
    vmlinux, System.map, ...      what make writes (out of tree, `O=`)
    install/boot/vmlinux          the kernel as VMMs load it: no symbols, no debug information
    install/lib/modules/<release> the stripped modules, with depmod's indexes

This module knows no images and no store.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.builder.toolchain import make_words
from ingot.elf import is_elf, write_loadable
from ingot.errors import BuildError, MachineError
from ingot.files import disk_errors, free_bytes, remove_tree
from ingot.makeup import Makeup, measure
from ingot.process import CommandFailedError, run
from ingot.progress import Progress, Step

_OBJECT_LINE = re.compile(r"  (?:CC|AS|LD|AR|HOSTCC)(?: \[M\])? +(\S+)")
_ERROR_LINE = re.compile(r"error:|Error \d+$|undefined reference|No space left|Killed|\*\*\*")
_ERRORS_SHOWN = 15
_LARGEST_OBJECT = 8 << 20


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What a compile leaves, as paths in its build folder.

    `kernel` is what VMMs load, `symbols` the vmlinux that debuggers read: with its symbol
    table, and with debug information if the config asks for it. `modules` is the folder to
    be known as /lib/modules/<release>; `release` is what `uname -r` will print; `epoch` is
    the time, in seconds, that every file is given; `makeup` says where their bytes go.
    """

    release: str
    kernel: Path
    symbols: Path
    config: Path
    system_map: Path
    modules: Path
    epoch: int
    makeup: Makeup


def make_flags(arch: Arch, *, llvm: bool = False) -> tuple[str, ...]:
    """The arguments of make that decide what comes out: they are part of the recipe.

    The user, host and version names replace those of this machine (kernel:
    Documentation/kbuild/reproducible-builds.rst).
    """
    return (
        *make_words(arch, llvm=llvm),
        "KBUILD_BUILD_HOST=ingot",
        "KBUILD_BUILD_USER=ingot",
        "KBUILD_BUILD_VERSION=1",
        "LOCALVERSION=",
        "INSTALL_MOD_STRIP=1",
    )


def compile_kernel(
    sandbox: Sandbox, arch: Arch, config: str, epoch: int, log: Path, progress: Progress
) -> Artifacts:
    """Compile the kernel and its modules, and install the modules in the build folder.

    `config` is the resolved `.config`; `epoch` the source's time (SOURCE_DATE_EPOCH, in
    seconds). Output goes to `log`. A BuildError shows the compiler's own words.
    """
    values = kconfig.parse_config(config)
    with_modules = values.get("MODULES") == "y"
    with disk_errors(sandbox.build):
        (sandbox.build / ".config").write_text(config, encoding="utf-8")
    make = _Make(sandbox, arch, epoch, log)
    targets = [arch.target, *(["modules"] if with_modules else [])]
    with progress.step("compile") as step:
        counter = _Counter(step, _expected_objects(values))
        make.run(f"-j{len(os.sched_getaffinity(0))}", *targets, counter=counter)
        step.result(f"{counter.done:,} objects")
    _require_same_config(sandbox, values, log)
    with progress.step("install modules") as step:
        modules = _install_modules(make, sandbox.build, with_modules=with_modules)
        step.result(f"{sum(1 for _ in modules.rglob('*.ko'))} modules")
    kernel = _install_kernel(sandbox.build, arch)
    with progress.step("measure") as step:
        makeup = measure(sandbox.build, arch.make, kernel, modules)
        step.result(_told(makeup))
    return Artifacts(
        release=modules.name,
        kernel=kernel,
        symbols=sandbox.build / "vmlinux",
        config=sandbox.build / ".config",
        system_map=sandbox.build / "System.map",
        modules=modules,
        epoch=epoch,
        makeup=makeup,
    )


def _told(makeup: Makeup) -> str:
    """How much of the kernel is known to come from some folder of its source."""
    share = 1 - makeup.kernel[""] / max(makeup.kernel_size, 1)
    return f"{share:.0%} of the kernel comes from {len(makeup.kernel) - 1} folders of its source"


class _Counter:
    """Counts the objects make has made, against how many it is likely to make."""

    def __init__(self, step: Step, expected: int) -> None:
        self._step = step
        self._expected = expected
        self.done = 0

    def __call__(self, line: str) -> None:
        if match := _OBJECT_LINE.match(line):
            self.done += 1
            total = self._expected if self.done < self._expected else None
            self._step.advance(self.done, total, match[1])


@dataclass(frozen=True, slots=True)
class _Make:
    """make in the sandbox, with the flags that every call of one build shares."""

    sandbox: Sandbox
    arch: Arch
    epoch: int
    log: Path

    def run(self, *words: str, counter: _Counter | None = None) -> None:
        timestamp = datetime.fromtimestamp(self.epoch, UTC).strftime("%a %b %e %H:%M:%S UTC %Y")
        argv = [
            *("make", "-C", "/src", "O=/build"),
            *make_flags(self.arch, llvm=self.sandbox.builder.llvm),
            f"KBUILD_BUILD_TIMESTAMP={timestamp}",
            *words,
        ]
        try:
            run(
                self.sandbox.command(argv),
                log=self.log,
                on_line=counter,
                keep_output=False,
            )
        except CommandFailedError as error:
            raise self._explain(error) from error

    def _explain(self, error: CommandFailedError) -> BuildError | MachineError:
        """The compiler's own complaint, picked from the log; a full disk is told apart."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        picked = [line for line in lines if _ERROR_LINE.search(line)] or error.tail
        hint = f"the whole output is in {self.log}; {error.hint}"
        told = any("No space left on device" in line for line in picked)
        if told or _is_nearly_full(self.sandbox.build):
            return MachineError(
                f"no space left in the build folder {self.sandbox.build}",
                why="\n".join(picked[-3:]),
                hint="free some space or name another folder with --build-dir",
            )
        return BuildError(
            "the kernel did not compile", why="\n".join(picked[:_ERRORS_SHOWN]), hint=hint
        )


def _is_nearly_full(folder: Path) -> bool:
    """Whether the disk has no room for another object of a kernel.

    ccache ends without a word when a file does not fit, and make then deletes that file.
    """
    return free_bytes(folder) < _LARGEST_OBJECT


def _expected_objects(values: Mapping[str, str]) -> int:
    """About how many objects a config compiles to, as measured on a few configs of 6.1.

    A built-in option is two objects on average; a module is one more, its `.mod.o` and its link.
    """
    states = Counter(values.values())
    return 350 + 2 * states["y"] + 5 * states["m"]


def _require_same_config(sandbox: Sandbox, values: Mapping[str, str], log: Path) -> None:
    """Refuse a compile that changed its config on the way: the recipe would be a lie."""
    used = kconfig.parse_config((sandbox.build / ".config").read_text(encoding="utf-8"))
    changed = sorted(
        option for option in {*used, *values} if used.get(option) != values.get(option)
    )
    if changed:
        raise BuildError(
            "the kernel's build changed its config",
            why=f"options that differ afterwards: {', '.join(changed[:10])}",
            hint=f"resolve the config again in this builder; the output is in {log}",
        )


def _install_kernel(build: Path, arch: Arch) -> Path:
    """The kernel as it ships: an ELF file loses all that no VMM loads, another stays as it is."""
    made = build / arch.image
    target = build / "install/boot/vmlinux"
    with disk_errors(build):
        target.parent.mkdir(parents=True)
        if is_elf(made):
            write_loadable(made, target)
        else:
            shutil.copyfile(made, target)
    return target


def _install_modules(make: _Make, build: Path, *, with_modules: bool) -> Path:
    """Install stripped modules and run depmod; returns the folder named by the release.

    A kernel without modules gets an empty folder of that name.
    """
    release = (build / "include/config/kernel.release").read_text(encoding="utf-8").strip()
    install = build / "install"
    modules = install / "lib/modules" / release
    with disk_errors(build):
        remove_tree(install)
        modules.mkdir(parents=True)
    if with_modules:
        make.run("INSTALL_MOD_PATH=/build/install", "modules_install")
    for link in ("build", "source"):
        # they point at folders of the sandbox, which exist nowhere else
        (modules / link).unlink(missing_ok=True)
    return modules
