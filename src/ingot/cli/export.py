"""`ingot export` and `ingot pull`: images as plain files, for those without a container stack."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ingot import registry
from ingot.arch import arch_called
from ingot.cli.shared.common_options import CatalogFolder, Insecure, complete_kernels, make_setting
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_line
from ingot.errors import UserError
from ingot.image_lookup import find_image_named
from ingot.oci import EntryKind, Image, Layout, extract, list_files, read_image, require_new
from ingot.operands import RegistryImage, not_taken, parse_operand
from ingot.progress import Progress
from ingot.units import size_text

Target = Annotated[
    Path, typer.Option("--to", metavar="DIR", help="The folder to make; it must not exist yet.")
]


def export(
    kernel: Annotated[
        str,
        typer.Argument(
            help="A version, a series (its newest), or an image of the store.",
            autocompletion=complete_kernels,
        ),
    ],
    to: Target,
    catalog: CatalogFolder = None,
) -> None:
    """Write a kernel's files to a new folder.

    These are boot/vmlinux, boot/config-<release> and lib/modules/<release>.

    Every byte is checked against the image's digests; the folder appears when all is well.
    """
    setting = make_setting(catalog, None)
    tag, image = find_image_named(setting.project, kernel)
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
    arch: Annotated[
        str | None,
        typer.Option(
            help="Which of the image's platforms, as in x86_64, arm64. Default: this machine's.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
) -> None:
    """Write the files of an image in a registry to a new folder.

    Works for any image; needs no catalog and no container stack. Credentials are those of
    docker or skopeo.

    Every byte is checked against the image's digests; the folder appears when all is well.
    """
    operand = parse_operand(image)
    if not isinstance(operand, RegistryImage):
        hint = f"write HOST/PATH/{image}; what is in the store: ingot export {image}"
        raise not_taken(image, operand, "an image of a registry", hint)
    reference = operand.reference
    require_new(to)  # before anything is fetched
    platform = arch_called(arch or os.uname().machine)
    progress = make_progress(Terminal(stderr=True))
    with tempfile.TemporaryDirectory(prefix="ingot-pull-") as folder:
        with progress.step(f"pull {reference}") as step:
            layout = registry.fetch_image(
                reference, platform.oci, Path(folder) / "layout", insecure=insecure
            )
            found = _image(layout, reference)
            if arch and found.platform.architecture != platform.oci:
                raise UserError(
                    f"{reference} is for {found.platform}, not for {platform.name}",
                    hint="leave out --arch, or name the image of that arch",
                )
            step.result(f"{found.platform}, {size_text(found.size)}, {found.descriptor.digest}")
        _write(layout, found, "unpack", to, progress)


def _image(layout: Layout, reference: str) -> Image:
    """What was fetched; a UserError if it holds no files: signatures have tags as images do."""
    try:
        return read_image(layout, layout.tags()[registry.FETCHED])
    except UserError as error:
        raise UserError(
            f"{reference} is no image with files",
            why="it may be an artifact that tells of an image, such as a signature or a boot"
            f" profile ({error.what})",
            hint="name an image, such as kernel-bin:6.1",
        ) from error


def _write(layout: Layout, image: Image, title: str, to: Path, progress: Progress) -> None:
    """Unpack an image to the new folder `to`; what is in its boot/ is told on standard output."""
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
