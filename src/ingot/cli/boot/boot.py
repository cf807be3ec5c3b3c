"""`ingot boot`: boot a kernel, and show what its guest reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot.boot.boot_report import BootReport
from ingot.catalog import Kernel
from ingot.cli.boot.boot_all import BootRow, boot_all, documents, print_rows, suites
from ingot.cli.boot.boot_cost import bisect_options, profile
from ingot.cli.boot.boot_modes import require_one_way
from ingot.cli.boot.boot_operand import Meant, boot_subject, find_subject
from ingot.cli.boot.boot_result import document, print_report
from ingot.cli.boot.boot_rootfs import boot_rootfs
from ingot.cli.boot.junit import JunitSuite, write_junit
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
from ingot.lab import BootWish
from ingot.setting import Setting, in_use


def boot(
    context: typer.Context,
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
    arches: Arches = None,
    vmm: Annotated[
        str,
        typer.Option(
            "--vmm",
            metavar="VMM",
            help="qemu; or firecracker or cloud-hypervisor themselves, where their program and a"
            " KVM that works are.",
        ),
    ] = "qemu",
    machine: Annotated[
        str,
        typer.Option(
            "--machine",
            metavar="MACHINE",
            help="QEMU's: microvm or q35, virt or virt-pci. Default: the first that is like one"
            " of the kernel's VMMs.",
            show_default=False,
        ),
    ] = "",
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
    append: Annotated[
        str,
        typer.Option(metavar="WORDS", help="Add to the kernel's command line.", show_default=False),
    ] = "",
    rootfs: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            help="Boot with the files of this image as the guest's root, and its own init instead"
            " of any check: host/path:tag, or oci:DIR:TAG.",
            show_default=False,
        ),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            "-i",
            help="Have this terminal as the console of the guest that --rootfs makes. Ctrl-A X ends"
            " it; there is no monitor.",
        ),
    ] = False,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Boot every kernel of the store, or those that KERNEL, --arch and --flavor mean,"
            " in each machine that is like one of its VMMs.",
        ),
    ] = False,
    flavors: Flavors = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write JUnit XML as well.", show_default=False),
    ] = None,
    show_console: Annotated[
        bool, typer.Option("--console", help="Print all that the guest printed.")
    ] = False,
    count: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Count the instructions to init instead, and what they are spent on; the same"
            " figure on every run and machine with the same QEMU. It is kept beside the image.",
        ),
    ] = False,
    bisect: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--bisect-options",
            metavar="A B",
            help="Find which option makes B cost more than A: kernels of the catalog, images or"
            " configs. Compiles and counts until it is found.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option("--by", metavar="COST", help="What to bisect: instructions, memory, size."),
    ] = "instructions",
    tries: Annotated[
        int, typer.Option("--tries", min=1, help="How many kernels a bisection may compile.")
    ] = 24,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    build_dir: BuildFolder = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Boot a kernel in a virtual machine and check what it promises.

    The guest reports its release, loads a module of the image, makes the checks of the kernel's
    VMMs and features, and shuts down; each check is a line. What the machine or the arch cannot
    run is skipped, and says why. Exits with 6 if anything fails.
    """
    require_one_way(context)
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    if bisect:
        bisect_options(setting, bisect, by, tries, as_json=as_json)
        return
    wish = BootWish(vmm=vmm, machine=machine, append=append)
    names = _split(checks)
    if every:
        kernels = _kernels(setting, kernel, arches, flavors)
        rows = boot_all(setting, kernels, wish, names, make_progress(Terminal(stderr=True)))
        _all_done(rows, junit, as_json=as_json)
        return
    if kernel is None:
        raise UserError("nothing to boot", hint="name a kernel, an image or a file; or say --all")
    meant = Meant(kernel, _one(arches, "arch"), _one(flavors, "flavor"))
    if count:
        profile(setting, meant, as_json=as_json)
    elif rootfs or interactive:
        done = boot_rootfs(setting, meant, wish, rootfs, interactive=interactive)
        if done:
            _one_done(*done, junit, as_json=as_json, show_console=show_console)
    else:
        report = _boot_one(setting, meant, wish, names)
        _one_done(*report, junit, as_json=as_json, show_console=show_console)


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
    setting: Setting, meant: Meant, wish: BootWish, checks: Sequence[str]
) -> tuple[str, BootReport]:
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        subject = find_subject(setting, meant)
        return subject.name, boot_subject(setting, subject, wish, checks, progress)


def _one_done(
    name: str, report: BootReport, junit: Path | None, *, as_json: bool, show_console: bool
) -> None:
    """Tell what came of one boot; BootError if it did not pass."""
    if as_json:
        print_document(json.dumps(document(name, report), indent=2))
    else:
        print_report(Terminal(), report, show_console=show_console)
    if junit:
        write_junit(junit, [JunitSuite(name, report)])
    if not report.passed:
        raise BootError(f"{name} did not pass: {report.verdict.value}", why=report.explain())


def _all_done(rows: Sequence[BootRow], junit: Path | None, *, as_json: bool) -> None:
    """Tell what came of all boots.

    BootError if one did not pass; MachineError if this machine could boot none of them.
    """
    if as_json:
        print_document(json.dumps({"boots": documents(rows)}, indent=2))
    else:
        print_rows(make_console(), rows)
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
            or "no machine is like one of their VMMs",
            hint="ingot doctor tells what is missing here",
        )


def _split(names: Sequence[str] | None) -> list[str]:
    """The names that lists parted by commas have."""
    return [name for text in names or () for name in map(str.strip, text.split(",")) if name]


def _one(names: Sequence[str] | None, kind: str) -> str | None:
    """The one name that is given, if one is; a UserError for more, which only --all takes."""
    if names and len(names) > 1:
        raise UserError(f"one kernel has one {kind}", hint=f"name one --{kind}, or say --all")
    return names[0] if names else None
