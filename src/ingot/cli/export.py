"""`ingot export`: a kernel as plain files, for those without a container stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingot.cli.lookup import find_image
from ingot.cli.options import CatalogFolder, complete_kernels, make_setting
from ingot.cli.render import make_progress, size_text
from ingot.oci import Kind, extract, list_files


def export(
    kernel: Annotated[
        str,
        typer.Argument(
            help="A version, a series (its newest), or an image of the store.",
            autocompletion=complete_kernels,
        ),
    ],
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to make; it must not exist yet.")
    ],
    catalog: CatalogFolder = None,
) -> None:
    """Write a kernel's files to a new folder.

    These are boot/vmlinux, boot/config-<release> and lib/modules/<release>.

    Every byte is checked against the image's digests; the folder appears when all is well.
    """
    setting = make_setting(catalog, None)
    tag, image = find_image(setting, kernel)
    target = to.absolute()
    with make_progress(Console(stderr=True)).step(f"export {tag}") as step:
        extract(setting.layout, image, target, step)
        step.result(f"to {to}")
    for info in list_files(setting.layout, image):
        if info.kind == Kind.FILE and info.name.startswith("boot/"):
            print(f"{target / info.name}  ({size_text(info.size)})")
