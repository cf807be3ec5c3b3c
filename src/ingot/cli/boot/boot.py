"""`ingot boot`: boot kernels, and show what their guests reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot.boot.boot_report import BootReport
from ingot.catalog import Kernel
from ingot.cli.boot.boot_all import BootRow, boot_all, documents, print_rows, suites
from ingot.cli.boot.boot_operand import Meant, boot_subject, find_subject
from ingot.cli.boot.boot_options import DEFAULT_VMM, Append, Console, Junit, MachineName, Vmm
from ingot.cli.boot.boot_result import end_boot
from ingot.cli.boot.junit import write_junit
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    Arches,
    BootTimeout,
    BuildFolder,
    CacheFolder,
    CatalogFolder,
    Flavors,
    Json,
    choose,
    complete_kernels,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document
from ingot.errors import BootError, MachineError, UserError
from ingot.lab import BootRequest
from ingot.setting import Setting, in_use


def boot(
    kernel: Annotated[
        str | None,
        typer.Argument(
            metavar="KERNEL",
            help="A version, a series (its newest), an image of the store that has a kernel, or"
            " a kernel file (./vmlinux, a bzImage, an arm64 Image).",
            show_default=False,
            autocompletion=complete_kernels,
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Boot every kernel of the store, or those that KERNEL, --arch and --flavor select,"
            " in each machine that stands in for one of its VMMs, or in those that --vmm and"
            " --machine select.",
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
            help="Only these checks, or all of these features or VMMs; none: only the release, a"
            " module and a clean end; root-on-disk or modules-volume: in a guest whose root, or"
            " modules as well, are on disks. Default: all that the kernel promises.",
            show_default=False,
        ),
    ] = None,
    append: Append = "",
    junit: Junit = None,
    show_console: Console = False,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    build_dir: BuildFolder = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Boot a kernel in a virtual machine and check what it promises.

    The guest reports its release, loads a module of the image, makes the checks of the kernel's
    VMMs and features, and shuts down; each check is a line. What the machine or the arch cannot
    run is skipped, with the reason. Exits with 6 if anything fails.
    """
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    names = _split(checks)
    if every:
        kernels = _kernels(setting, kernel, arches, flavors)
        wish = BootRequest(vmm=vmm or "", machine=machine, append=append)
        rows = boot_all(setting, kernels, wish, names, make_progress(Terminal(stderr=True)))
        _end_all(rows, junit, as_json=as_json, show_console=show_console)
        return
    if kernel is None:
        raise UserError("nothing to boot", hint="name a kernel, an image or a file; or say --all")
    meant = Meant(kernel, _one(arches, "arch"), _one(flavors, "flavor"))
    wish = BootRequest(vmm=vmm or DEFAULT_VMM, machine=machine, append=append)
    report = _boot_one(setting, meant, wish, names)
    end_boot(*report, junit, as_json=as_json, show_console=show_console)


def _kernels(
    setting: Setting,
    name: str | None,
    arches: Sequence[str] | None,
    flavors: Sequence[str] | None,
) -> list[Kernel]:
    """The kernels that the options mean: all of them where none is named."""
    if name:
        return choose(setting, [name], arches, flavors)
    versions = dict.fromkeys(str(kernel.version) for kernel in setting.project.catalog.kernels)
    return choose(setting, list(versions), arches or ["all"], flavors or ["all"])


def _boot_one(
    setting: Setting, meant: Meant, wish: BootRequest, checks: Sequence[str]
) -> tuple[str, BootReport]:
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        subject = find_subject(setting, meant)
        return subject.name, boot_subject(setting, subject, wish, checks, progress)


def _end_all(
    rows: Sequence[BootRow], junit: Path | None, *, as_json: bool, show_console: bool
) -> None:
    """Show what came of all boots.

    BootError if one did not pass; MachineError if this machine could boot none of them.
    """
    if as_json:
        print_document(json.dumps({"boots": documents(rows)}, indent=2))
    else:
        print_rows(make_console(), rows, show_console=show_console)
    if junit:
        write_junit(junit, suites(rows))
    if failed := [row for row in rows if not row.passed]:
        raise BootError(
            f"{len(failed)} of {len(rows)} did not pass",
            why="\n".join(f"{row.label}: {row.verdict}" for row in failed),
        )
    if all(row.skipped for row in rows):
        raise MachineError(
            "nothing was booted: this machine can boot none of these kernels",
            why="\n".join(f"{row.label}: {row.skipped}" for row in rows)
            or "no machine that was asked for stands in for one of their VMMs",
            hint="`ingot doctor` says what is missing here",
        )


def _split(names: Sequence[str] | None) -> list[str]:
    """The names in lists that are separated by commas."""
    return [name for text in names or () for name in map(str.strip, text.split(",")) if name]


def _one(names: Sequence[str] | None, kind: str) -> str | None:
    """The one name that is given, if one is; a UserError for more, which only --all takes."""
    if names and len(names) > 1:
        raise UserError(f"one kernel has one {kind}", hint=f"name one --{kind}, or say --all")
    return names[0] if names else None
