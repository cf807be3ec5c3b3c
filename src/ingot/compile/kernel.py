"""Compiling a configured kernel: make, its progress, and the artifacts it leaves.

In the build folder:

    .config                       the resolved config
    vmlinux, System.map, ...      what make writes (out of tree, `O=`)
    install/boot/vmlinux          the kernel as VMMs load it: no symbols, no debug information
    install/lib/modules/<release> the stripped modules, with depmod's indexes
"""

from __future__ import annotations

import collections
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder.sandbox import Sandbox
from ingot.compile.devel import Devel, devel_files
from ingot.compile.make import Counter, Make, jobs
from ingot.elf import is_elf, write_loadable
from ingot.errors import BuildError
from ingot.files import disk_errors, remove_tree
from ingot.makeup import Makeup, measure
from ingot.progress import Progress


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What a compile leaves, as paths in its build folder.

    `kernel` is what VMMs load, `symbols` the vmlinux that debuggers read: with its symbol
    table, and with debug information if the config asks for it. `modules` is the folder to
    be known as /lib/modules/<release>; `release` is what `uname -r` will print; `epoch` is
    the time, in seconds, that every file is given; `makeup` says where their bytes go. `devel` is
    what compiling modules for this kernel needs.
    """

    release: str
    kernel: Path
    symbols: Path
    config: Path
    system_map: Path
    modules: Path
    epoch: int
    makeup: Makeup
    devel: Devel


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
    make = Make(sandbox, arch, epoch, log)
    targets = [arch.target, *(["modules"] if with_modules else [])]
    with progress.step("compile") as step:
        counter = Counter(step, expected_objects(values))
        make.run(jobs(), *targets, counter=counter)
        step.result(f"{counter.done:,} objects")
    _require_same_config(sandbox, values, log)
    with progress.step("install modules") as step:
        modules = _install_modules(make, sandbox.build, with_modules=with_modules)
        step.result(f"{sum(1 for _ in modules.rglob('*.ko'))} modules")
    kernel = install_kernel(sandbox.build, arch)
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
        devel=devel_files(sandbox.source, sandbox.build, arch),
    )


def _told(makeup: Makeup) -> str:
    """How much of the kernel is known to come from some folder of its source."""
    share = 1 - makeup.kernel[""] / max(makeup.kernel_size, 1)
    return f"{share:.0%} of the kernel comes from {len(makeup.kernel) - 1} folders of its source"


def expected_objects(values: Mapping[str, str]) -> int:
    """About how many objects a config compiles to, as measured on a few configs of 6.1.

    A built-in option is two objects on average; a module is one more, its `.mod.o` and its link.
    """
    states = collections.Counter(values.values())
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


def install_kernel(build: Path, arch: Arch) -> Path:
    """The kernel as it ships: an ELF file loses all that no VMM loads, another stays as it is."""
    made = build / arch.image
    target = build / "install/boot/vmlinux"
    with disk_errors(build):
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_elf(made):
            write_loadable(made, target)
        else:
            shutil.copyfile(made, target)
    return target


def _install_modules(make: Make, build: Path, *, with_modules: bool) -> Path:
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
