"""`ingot profile`: the boot cost of a kernel, in instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingot import lab
from ingot.boot.cost.boot_profile import Profile
from ingot.cli.boot.boot_operand import KernelRequest, any_builder, find_boot_operand
from ingot.cli.boot.boot_options import OneArch, OneFlavor
from ingot.cli.boot.profile_table import print_profile
from ingot.cli.documents.parts import profile_part
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    BootTimeout,
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    Json,
    make_setting,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_json
from ingot.errors import UserError
from ingot.images import BASE
from ingot.setting import in_use

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ProfileDocument


def profile(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL",
            help="A kernel of the store: 6.1, 6.1.176-minimal, or flintlock-kernel:6.1.176.",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    arch: OneArch = None,
    flavor: OneFlavor = None,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Count the instructions that a kernel runs until init starts.

    Shows them by phase and initcall, and the memory in use when init starts. The figures are the
    same on every run and machine with the same QEMU. They are saved with the image, for
    `ingot diff` and `ingot report`.

    Exits with 6 if the kernel costs more than its budget in the catalog.
    """
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        booted = find_boot_operand(setting, KernelRequest(kernel, arch, flavor))
        if booted.image is None or not booted.has_modules:
            raise UserError(
                f"{booted.name} cannot be profiled",
                why=f"a profile is saved with a {BASE} image of the store, and this is not one",
                hint=f"run: ingot profile {BASE}:{booted.name.partition(':')[2] or 'VERSION'}",
            )
        builder = any_builder(setting, booted, progress)
        found = lab.profile_image(setting, booted.image, builder, progress)
    if as_json:
        print_json(_document(booted.name, found))
    else:
        print_profile(Terminal(), booted.name, found)
    if booted.kernel:
        lab.require_affordable(setting.project, booted.kernel, booted.image, found, progress)


def _document(image: str, profile: Profile) -> ProfileDocument:
    return {"image": image, **profile_part(profile)}
