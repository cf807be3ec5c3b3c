"""`ingot config show`: print the config of a kernel, an image or a file."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ingot import pipeline
from ingot.arch import arch_called
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    ImageArch,
    Insecure,
    choose_one,
    make_setting,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.config_operands import read_config, read_foreign_config
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.registry_images import refuse_arch
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, print_document, print_line
from ingot.errors import UserError
from ingot.operands import KernelName, RegistryImage, parse_operand


def show(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL|IMAGE|FILE",
            help="A kernel of the catalog (6.1, 6.1-minimal), an image of the store"
            " (kernel-bin:6.1.176) or of a registry (docker.io/foobar/kernel-bin:6.1), a kernel"
            " file or a .config.",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    asked: Annotated[
        bool,
        typer.Option(
            "--asked",
            help="Print only the options that the fragments of a kernel ask for, each with its"
            " line.",
        ),
    ] = False,
    arch: ImageArch = None,
    insecure: Insecure = False,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Print the config of a kernel, an image or a file.

    For a kernel of the catalog, this is the full `.config`, as Kconfig resolved it; with --asked,
    the merged lines of the fragments, each with its file and line number.

    Images of Ingot have only the options that are on in their annotations. For other images, the
    config is read from their files: `/boot/config-*`, or the one embedded in the kernel.
    """
    operand = parse_operand(kernel)
    if not isinstance(operand, KernelName):
        if asked or source or patches:
            raise UserError(
                "--asked, --source and --patch need a kernel of the catalog",
                why=f"{kernel} is {operand.kind}",
                hint="name a kernel, such as 6.1",
            )
        if not isinstance(operand, RegistryImage):
            refuse_arch(kernel, operand, arch)
        platform = arch_called(arch or os.uname().machine)
        found = read_foreign_config(
            kernel, operand, platform, insecure=insecure, offline=offline
        ) or read_config(make_setting(catalog, cache), kernel, platform)
        print_document(found.config.text)
        return
    setting = make_setting(
        catalog, cache, source=source, keyring=keyring, patches=patches, offline=offline
    )
    wanted = choose_one(setting, kernel)
    if asked:
        for option, request in setting.project.catalog.requests(wanted).items():
            print_line(f"CONFIG_{option}={request.value}  # {request.place}")
        return
    (resolved,) = pipeline.resolve_all(setting, [wanted], make_progress(Terminal(stderr=True)))
    pipeline.require_sound(resolved)
    print_document(resolved.config.text)
