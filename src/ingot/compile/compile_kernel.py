"""Compiles a configured kernel, and copies the artifacts out of the sandbox.

In the build directory, where make runs (out of tree, `O=`):

    .config                       the resolved config
    vmlinux, System.map, ...      make's output
    install/lib/modules/<release> the stripped modules, with depmod's indexes

The kernel's own Makefiles could put anything there. The artifacts are copied to the sandbox's
results, a directory that no command in the sandbox can access:

    vmlinux, System.map, .config  as above
    boot/vmlinux                  the kernel as VMMs load it: no symbols, no debug information
    modules/<release>             the modules
    devel/                        files of the devel tree (see `devel`)
"""

from __future__ import annotations

import collections
import shutil
from dataclasses import dataclass
from pathlib import Path

from ingot import kconfig
from ingot.arch import Arch
from ingot.builder import dot_config
from ingot.builder.dot_config import made_config, put_config
from ingot.builder.sandbox import Sandbox
from ingot.compile.devel_tree import Devel, devel_files
from ingot.compile.run_make import Counter, Make, jobs
from ingot.compiled_files import CompiledFiles, find_compiled_files
from ingot.confined_files import ConfinedDirectory
from ingot.elf import is_elf, write_loadable
from ingot.errors import BuildError
from ingot.files import disk_errors, remove_tree
from ingot.kconfig import Config
from ingot.progress import Progress
from ingot.size_map import SizeMap
from ingot.size_map.size_attribution import measure
from ingot.version import is_release

LARGEST_FILE = 4 << 30
"""The most bytes of one file of a compile's output, and of all modules together.

The vmlinux of a distribution with its debug information has less than 1 GiB.
"""
_MOST_MODULES = 100_000
"""The most modules, indexes and directories; a distribution has 7,000."""
_LARGEST_RELEASE = 4096
_SYMBOLS = "vmlinux"
_LINKS = ("build", "source")
"""Links that make adds to the modules. They point to directories of the sandbox."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The results of a compile, as paths in the sandbox's results.

    `kernel` is the file for VMMs, `symbols` the vmlinux for debuggers: with its symbol
    table, and with debug information if the config enables it. `modules` is the directory for
    /lib/modules/<release>; `release` is what `uname -r` will print; `epoch` is
    the time of every file, in seconds; `size_map` is the size map of kernel and modules. `devel`
    has the files for compiling modules for this kernel. `compiled_files` are the files of the
    source that kernel and modules were compiled from.
    """

    release: str
    kernel: Path
    symbols: Path
    config: Path
    system_map: Path
    modules: Path
    epoch: int
    size_map: SizeMap
    devel: Devel
    compiled_files: CompiledFiles


def compile_kernel(
    sandbox: Sandbox, arch: Arch, config: Config, epoch: int, log: Path, progress: Progress
) -> Artifacts:
    """Compile the kernel and its modules, and install the modules in the build directory.

    `config` is the resolved `.config`; `epoch` the source's time (SOURCE_DATE_EPOCH, in
    seconds). Output goes to `log`. A BuildError has the compiler's messages.
    """
    with_modules = config.value("MODULES") == "y"
    put_config(sandbox, config)
    make = Make(sandbox, arch, epoch, log)
    targets = [arch.target, *(["modules"] if with_modules else [])]
    with progress.step("compile") as step:
        counter = Counter(step, expected_objects(config))
        make.run(*jobs(sandbox), *targets, counter=counter)
        step.result(f"{counter.done:,} objects")
    _require_same_config(sandbox, config, log)
    with progress.step("install modules") as step:
        modules = _install_modules(make, with_modules=with_modules)
        step.result(f"{sum(1 for _ in modules.rglob('*.ko*'))} modules")
    symbols = sandbox.copy_out(_SYMBOLS, LARGEST_FILE)
    made = symbols if arch.image == _SYMBOLS else sandbox.copy_out(arch.image, LARGEST_FILE)
    kernel = install_kernel(made, sandbox.results)
    with progress.step("measure") as step:
        size_map = measure(sandbox.outputs, symbols, arch.make, kernel, modules)
        step.result(_summary(size_map))
    with progress.step("list compiled files") as step:
        compiled_files = _compiled_files(sandbox, modules, config)
        step.result(f"{len(compiled_files.all):,} of {len(compiled_files.tree):,} source files")
    return Artifacts(
        release=modules.name,
        kernel=kernel,
        symbols=symbols,
        config=sandbox.copy_out(dot_config.NAME, dot_config.LARGEST),
        system_map=sandbox.copy_out("System.map", LARGEST_FILE),
        modules=modules,
        epoch=epoch,
        size_map=size_map,
        devel=devel_files(sandbox, arch),
        compiled_files=compiled_files,
    )


def _compiled_files(sandbox: Sandbox, modules: Path, config: Config) -> CompiledFiles:
    """The source files of the kernel and of the modules installed in the directory `modules`."""
    installed = {
        f"{path.relative_to(modules).as_posix().rpartition('.ko')[0]}.ko"
        for path in modules.rglob("*.ko*")
        if path.is_file()
    }
    source = ConfinedDirectory(sandbox.source)
    return find_compiled_files(sandbox.outputs, source, installed, config.options)


def _summary(size_map: SizeMap) -> str:
    """The share of the kernel whose source directory is known."""
    share = 1 - size_map.kernel[""] / max(size_map.kernel_size, 1)
    return f"{share:.0%} of the kernel comes from {len(size_map.kernel) - 1} source directories"


def expected_objects(config: Config) -> int:
    """An estimate of the number of objects to compile, measured on a few configs of 6.1.

    A built-in option has two objects on average; a module also has its `.mod.o` and its link.
    """
    states = collections.Counter(config.options.values())
    return 350 + 2 * states["y"] + 5 * states["m"]


def _require_same_config(sandbox: Sandbox, config: Config, log: Path) -> None:
    """Refuse a compile that changed its config: the recipe would not match the kernel."""
    changed = [each.option for each in kconfig.diff(config, made_config(sandbox))]
    if changed:
        raise BuildError(
            "the kernel's build changed its config",
            why=f"options that changed: {', '.join(changed[:10])}",
            hint=f"resolve the config again in this builder; the output is in {log}",
        )


def install_kernel(made: Path, results: Path) -> Path:
    """The kernel file of the image: an ELF file without what no VMM loads, any other unchanged.

    `made` is the copy from the build directory. The next call replaces the file.
    """
    target = results / "boot/vmlinux"
    with disk_errors(results):
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_elf(made):
            write_loadable(made, target)
        else:
            shutil.copyfile(made, target)
    return target


def _install_modules(make: Make, *, with_modules: bool) -> Path:
    """Install stripped modules and run depmod; returns the directory named by the release.

    A kernel without modules gets an empty directory of that name.
    """
    sandbox = make.sandbox
    release = _release(sandbox)
    target = sandbox.results / "modules" / release
    with disk_errors(sandbox.results):
        remove_tree(target.parent)
        target.parent.mkdir(parents=True)
    if not with_modules:
        target.mkdir()
        return target
    make.run("INSTALL_MOD_PATH=/build/install", "modules_install")
    made = f"install/lib/modules/{release}"
    sandbox.copy_tree_out(made, target, most=_MOST_MODULES, limit=LARGEST_FILE, leave=_LINKS)
    return target


def _release(sandbox: Sandbox) -> str:
    """The kernel's release; a BuildError if it is not a valid one."""
    text = sandbox.read("include/config/kernel.release", _LARGEST_RELEASE)
    release = text.decode("utf-8", "replace").strip()
    if not is_release(release):
        raise BuildError(
            f"the kernel's release {release!r} is not valid",
            why="it is part of directory names: it must have up to 64 letters, digits, . _ + ~ -,"
            " and begin with a digit",
            hint="check EXTRAVERSION, localversion files and CONFIG_LOCALVERSION of this kernel",
        )
    return release
