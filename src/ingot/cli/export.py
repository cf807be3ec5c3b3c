"""`ingot export` and `ingot pull`: write images as plain files, without a container engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingot.cli.shared.common_options import (
    CatalogDirectory,
    ImageArch,
    Insecure,
    make_setting,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.output_file import require_output_directory
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.registry_images import fetched_image, require_trusted_image
from ingot.cli.shared.terminal import Terminal, print_line
from ingot.image_lookup import find_image_named, find_kernel_image
from ingot.oci import EntryKind, Image, Layout, extract, list_files
from ingot.operands import KernelName, RegistryImage, not_taken, parse_operand
from ingot.progress import Progress
from ingot.units import size_text

Target = Annotated[
    Path, typer.Option("--to", metavar="DIR", help="The directory to make; it must not exist yet.")
]


def export(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL|IMAGE",
            help="A kernel (6.1, 6.1.176-minimal), a kernel with out-of-tree modules"
            " (6.1-plus-NAME), or an image of the store (kernel-bin:6.1).",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    to: Target,
    catalog: CatalogDirectory = None,
) -> None:
    """Write a kernel's files to a new directory.

    These are `boot/vmlinux`, `boot/config-<release>` and `lib/modules/<release>`.

    Every byte is checked against the image's digests. If a check fails, no directory is made.
    """
    require_output_directory(to, "--to")
    setting = make_setting(catalog, None)
    operand = parse_operand(kernel)
    tag, image = (
        find_kernel_image(setting.project, operand)
        if isinstance(operand, KernelName)
        else find_image_named(setting.project, kernel)
    )
    _write(setting.project.layout, image, f"export {tag}", to, make_progress(Terminal(stderr=True)))


def pull(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE",
            help="An image of a registry: docker.io/foobar/kernel-bin:6.1, or ...@sha256:...",
        ),
    ],
    to: Target,
    arch: ImageArch = None,
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
) -> None:
    """Write the files of an image in a registry to a new directory.

    Works for any image, and needs neither a catalog nor a container engine. Credentials are
    those of docker or skopeo.

    Every byte is checked against the image's digests. If there is a catalog here with a trust.toml,
    the signature that this file asks for is checked as well; otherwise, a line says that no one
    vouches for the image. If a check fails, no directory is made.
    """
    operand = parse_operand(image)
    if not isinstance(operand, RegistryImage):
        hint = f"write HOST/PATH/{image}; for an image of the store: ingot export {image} --to DIR"
        raise not_taken(image, operand, "an image of a registry", hint)
    reference = operand.reference
    require_output_directory(to, "--to")  # before anything is fetched
    progress = make_progress(Terminal(stderr=True))
    with fetched_image(reference, arch, progress, insecure=insecure) as (layout, found):
        require_trusted_image(reference, found, catalog, progress, insecure=insecure)
        _write(layout, found, "unpack", to, progress)


def _write(layout: Layout, image: Image, title: str, to: Path, progress: Progress) -> None:
    """Unpack an image to the new directory `to`, and print the files of its boot/."""
    target = to.absolute()
    with progress.step(title) as step:
        extract(layout, image, target, step)
        step.result(f"to {to}")
    files = [info for info in list_files(layout, image) if info.kind == EntryKind.FILE]
    booted = [info for info in files if info.name.startswith("boot/")]
    for info in booted:
        print_line(f"{target / info.name}  ({size_text(info.size)})")
    if not booted:
        print_line(f"{target}  ({len(files)} files, {size_text(sum(info.size for info in files))})")
