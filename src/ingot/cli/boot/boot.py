"""`ingot boot`: boot kernels, run their checks, and show the results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot.boot.boot_report import BootReport
from ingot.catalog import Kernel
from ingot.cli.boot.boot_all import BootRow, boot_all, document, print_rows, suites
from ingot.cli.boot.boot_operand import (
    BootOperand,
    KernelRequest,
    boot_with_checks,
    find_boot_operand,
)
from ingot.cli.boot.boot_options import (
    DEFAULT_VMM,
    Append,
    Console,
    Cpus,
    Junit,
    MachineName,
    Memory,
    Vmm,
    parse_memory,
)
from ingot.cli.boot.boot_result import console_beside, end_boot
from ingot.cli.boot.junit import require_junit, write_junit
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    Arches,
    BootTimeout,
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    Flavors,
    Json,
    choose,
    make_setting,
)
from ingot.cli.shared.completion import complete_checks, complete_kernels_and_images
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_json
from ingot.errors import BootError, MachineError, UserError
from ingot.lab import BootRequest
from ingot.setting import Setting, in_use


def boot(
    kernel: Annotated[
        str | None,
        typer.Argument(
            metavar="KERNEL",
            help="A kernel (6.1, 6.1.176-minimal), an image of the store with a kernel, or a kernel"
            " file (./vmlinux, a bzImage, an arm64 Image).",
            show_default=False,
            autocompletion=complete_kernels_and_images,
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Boot every kernel of the store in each machine that represents one of its VMMs."
            " KERNEL, --arch and --flavor select kernels; --vmm and --machine select machines.",
        ),
    ] = False,
    arches: Arches = None,
    flavors: Flavors = None,
    vmm: Vmm = None,
    machine: MachineName = "",
    checks: Annotated[
        list[str] | None,
        typer.Option(
            "--checks",
            metavar="NAME,...",
            help="Run only these checks, given by the names of checks, features or VMMs. `none`:"
            " only the basic test (the release, a module, a clean shutdown). `root-on-disk`: put"
            " the root on a disk. `modules-volume`: also put the modules on a disk. Default: all"
            " checks of the kernel's VMMs and features.",
            show_default=False,
            autocompletion=complete_checks,
        ),
    ] = None,
    list_checks: Annotated[
        bool,
        typer.Option(
            "--list-checks",
            help="Boot nothing: only list the checks of KERNEL, or of the whole catalog, that"
            " --checks can name.",
        ),
    ] = False,
    append: Append = "",
    memory: Memory = None,
    cpus: Cpus = 1,
    junit: Junit = None,
    show_console: Console = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Boot a kernel in a virtual machine and run its checks.

    The guest reports its release, loads a module of the image, runs the checks of the kernel's
    VMMs and features, and shuts down. A check that the machine or the arch cannot run is skipped,
    with the reason. Prints the checks that failed and the number of the others; with -v, a line
    for each check.

    Exits with 6 if a check or the boot fails.
    """
    require_junit(junit, as_json=as_json)
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    names = _split(checks)
    if list_checks:
        from ingot.cli.boot.check_list import show_checks  # a boot does not need it

        one = (
            KernelRequest(kernel, _one(arches, "arch"), _one(flavors, "flavor")) if kernel else None
        )
        show_checks(setting, one, as_json=as_json)
        return
    if every:
        kernels = _kernels(setting, kernel, arches, flavors)
        request = BootRequest(
            vmm=vmm or "", machine=machine, append=append, memory=parse_memory(memory), cpus=cpus
        )
        rows = boot_all(setting, kernels, request, names, make_progress(Terminal(stderr=True)))
        _end_all(rows, junit, as_json=as_json, show_console=show_console)
        return
    if kernel is None:
        raise UserError(
            "no kernel is named", hint="name a kernel, an image or a file, or add --all"
        )
    kernel_request = KernelRequest(kernel, _one(arches, "arch"), _one(flavors, "flavor"))
    request = BootRequest(
        vmm=vmm or DEFAULT_VMM,
        machine=machine,
        append=append,
        memory=parse_memory(memory),
        cpus=cpus,
    )
    report = _boot_one(setting, kernel_request, request, names)
    end_boot(*report, junit, as_json=as_json, show_console=show_console)


def _kernels(
    setting: Setting,
    name: str | None,
    arches: Sequence[str] | None,
    flavors: Sequence[str] | None,
) -> list[Kernel]:
    """The kernels that the options select: all of the catalog if none is named."""
    if name:
        return choose(setting, [name], arches, flavors)
    versions = dict.fromkeys(str(kernel.version) for kernel in setting.project.catalog.kernels)
    return choose(setting, list(versions), arches or ["all"], flavors or ["all"])


def _boot_one(
    setting: Setting, kernel_request: KernelRequest, request: BootRequest, checks: Sequence[str]
) -> tuple[BootOperand, BootReport]:
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        booted = find_boot_operand(setting, kernel_request)
        return booted, boot_with_checks(setting, booted, request, checks, progress)


def _end_all(
    rows: Sequence[BootRow], junit: Path | None, *, as_json: bool, show_console: bool
) -> None:
    """Show the results of all boots.

    Raises BootError if one did not pass, and MachineError if this machine could boot none of them.
    """
    if as_json:
        print_json(document(rows))
    else:
        print_rows(console_beside(junit), rows, show_console=show_console)
    if junit:
        write_junit(junit, suites(rows))
    if failed := [row for row in rows if not row.passed]:
        raise BootError(
            f"{len(failed)} of {len(rows)} boots did not pass",
            why="\n".join(f"{row.label}: {row.verdict}" for row in failed),
        )
    if all(row.skipped for row in rows):
        raise MachineError(
            "nothing was booted: this machine can boot none of these kernels",
            why="\n".join(f"{row.label}: {row.skipped}" for row in rows)
            or "no machine represents one of their VMMs",
            hint="run `ingot doctor` to see what is missing",
        )


def _split(names: Sequence[str] | None) -> list[str]:
    """The names in comma-separated lists."""
    return [name for text in names or () for name in map(str.strip, text.split(",")) if name]


def _one(names: Sequence[str] | None, kind: str) -> str | None:
    """The only name, or None; a UserError for several names, which need --all."""
    if names and len(names) > 1:
        raise UserError(f"several --{kind} need --all", hint=f"pass one --{kind}, or add --all")
    return names[0] if names else None
