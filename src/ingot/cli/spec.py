"""`ingot spec`: a configuration snippet for a platform that uses the kernel."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Annotated

import typer

from ingot import specs
from ingot.cli.push import DEFAULT_REGISTRY
from ingot.cli.shared.common_options import CatalogDirectory, KernelName, choose_one, make_setting
from ingot.cli.shared.terminal import Terminal, Verbosity, print_document, verbosity
from ingot.images import split_modules
from ingot.images.module_images import check_module_name
from ingot.root_file_systems import ROOT_FILE_SYSTEMS, root_named

_NAMES = [platform.name for platform in specs.PLATFORMS]


def _complete(incomplete: str) -> list[str]:
    return [name for name in _NAMES if name.startswith(incomplete)]


def spec(
    kernel: KernelName,
    platform: Annotated[
        str,
        typer.Option(
            metavar="PLATFORM",
            help=f"The platform: {', '.join(_NAMES)}.",
            autocompletion=_complete,
        ),
    ],
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy",
            help="For Flintlock before 0.5.0 and CAPMVM before 0.8.0, which take kernel and modules"
            " from one image.",
        ),
    ] = False,
    registry: Annotated[
        str,
        typer.Option(envvar="REGISTRY", metavar="HOST[/PATH]", help="The registry of the images."),
    ] = DEFAULT_REGISTRY,
    rootfs: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE",
            help="The file system of the guest's root, for platforms that take a disk:"
            f" {', '.join(one.name for one in ROOT_FILE_SYSTEMS)}. Default: ext4. Refused if the"
            " kernel cannot mount it without an initramfs.",
            show_default=False,
        ),
    ] = None,
    pin: Annotated[
        bool,
        typer.Option("--pin", help="Refer to images by digest, as the store has them."),
    ] = False,
    catalog: CatalogDirectory = None,
) -> None:
    """Print a configuration snippet for a platform that uses the kernel.

    That is a create request for Flintlock, a part of a MicrovmMachineTemplate for CAPMVM, a config
    file for Firecracker, a command for Cloud Hypervisor, crosvm or vfkit (Apple's Virtualization
    framework), a .krun_vm.json for crun with libkrun, a domain for libvirt, or commands for
    containerd.

    6.1-plus-NAME is a kernel with the modules of `ingot module build`.

    The snippet goes to standard output; warnings, notes and next steps go to standard error.
    """
    row = specs.platform_named(platform, legacy=legacy)
    setting = make_setting(catalog, None)
    name, modules = split_modules(kernel)
    if modules:
        check_module_name(modules)
    project, selected = setting.project, choose_one(setting, name)
    requests = {each.option: each.value for each in project.catalog.requests(selected).values()}
    chosen = specs.find_spec_kernel(
        project.layout, selected, registry, pin=pin, modules=modules, requests=requests
    )
    root = root_named(rootfs) if rootfs else None
    made = specs.make_spec(row, chosen, datetime.date.today(), project.catalog.kernels, root)
    errors = Terminal(stderr=True)
    _print_lines(errors, ("warning:", "yellow"), made.warnings)
    if verbosity() > Verbosity.QUIET:
        _print_lines(errors, ("note:", "bold"), made.notes)
        _print_lines(errors, ("next:", "bold"), made.steps)
    print_document(made.snippet)


def _print_lines(console: Terminal, word: tuple[str, str], texts: Iterable[str]) -> None:
    for text in texts:
        console.say(word, f" {text}")
