"""`ingot profile`: what a kernel costs to boot, in instructions."""

from __future__ import annotations

import json

from ingot import lab
from ingot.cli.boot.boot_operand import Meant, any_builder, find_subject
from ingot.cli.boot.boot_options import BootedKernel, OneArch, OneFlavor
from ingot.cli.boot.profile_table import print_profile
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    BootTimeout,
    BuildFolder,
    CacheFolder,
    CatalogFolder,
    Json,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_document
from ingot.errors import UserError
from ingot.images import BASE
from ingot.setting import in_use


def profile(
    kernel: BootedKernel,
    arch: OneArch = None,
    flavor: OneFlavor = None,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    build_dir: BuildFolder = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Count the instructions that a kernel takes until init starts.

    Shows what they are spent on, and the memory in use then. The figures are the same on every run
    and machine with the same QEMU. They are kept beside the image, for ingot diff and ingot report.

    Exits with 6 if the kernel costs more than its budget in the catalog.
    """
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        subject = find_subject(setting, Meant(kernel, arch, flavor))
        if subject.image is None or not subject.has_modules:
            raise UserError(
                f"{subject.name} cannot be measured",
                why=f"a profile is kept beside the {BASE} image that it is of",
                hint=f"run: ingot profile {BASE}:{subject.name.partition(':')[2] or 'VERSION'}",
            )
        builder = any_builder(setting, subject, progress)
        found = lab.profile_image(setting, subject.image, builder, progress)
    if as_json:
        values = {"image": subject.name, "seconds": found.seconds, **found.to_json()}
        print_document(json.dumps(values, indent=2))
    else:
        print_profile(Terminal(), subject.name, found)
    if subject.kernel:
        lab.require_affordable(setting.project, subject.kernel, subject.image, found, progress)
