"""`ingot inspect`: show and verify an image of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from ingot.cli.documents.verbs import FilePart, InspectDocument
from ingot.cli.shared.common_options import CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import make_console, print_json
from ingot.errors import UserError, VerificationError
from ingot.image_lookup import find_image_named
from ingot.images import layers_of, read_packages
from ingot.oci import FileInfo, Image, Layer, list_files, validate_image
from ingot.units import size_text


def inspect(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE",
            help="An image of the store (kernel-bin:6.1.176, kernel-bin:6.1), or a kernel (6.1) for"
            " its image flintlock-kernel.",
        ),
    ],
    files: Annotated[bool, typer.Option("--files", help="List the files of the image.")] = False,
    packages: Annotated[
        bool, typer.Option("--packages", help="List the packages of the kernel's builder.")
    ] = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Show and verify an image of the store.

    Prints digests, layers and labels; with --files, the files too; with --packages, the packages
    that the kernel was compiled with.

    Reads every blob and layer, and exits with 4 if one does not match its digest.
    """
    setting = make_setting(catalog, None)
    tag, found = find_image_named(setting.project, image)
    problems = [
        str(problem) for problem in validate_image(setting.project.layout, found.descriptor)
    ]
    held = list_files(setting.project.layout, found) if files and not problems else []
    made_of = _packages(tag, found) if packages else ()
    if as_json:
        print_json(
            {
                **_document(tag, found),
                "files": [_file_part(info) for info in held] if files else None,
                "packages": list(made_of) if packages else None,
                "problems": problems,
            }
        )
    else:
        _print(tag, found, made_of, held)
    if problems:
        raise VerificationError(
            f"{tag} is damaged",
            why="\n".join(problems),
            hint=f"remove the files of these digests from {setting.project.layout.blobs.directory},"
            " and build the image again",
        )


def _print(tag: str, found: Image, made_of: Sequence[str], held: Sequence[FileInfo]) -> None:
    console = make_console()
    console.say((tag, "bold"), f"  {found.platform}  {size_text(found.size)}")
    console.say(f"manifest  {found.descriptor.digest}")
    console.print()
    for name, layer in _named(found):
        size = size_text(layer.descriptor.size)
        console.say(f"layer  {layer.descriptor.digest}  {size}" + (f"  {name}" if name else ""))
    console.print()
    table = Table.grid(padding=(0, 2))
    for name, value in sorted(found.labels.items()):
        table.add_row(name, value)
    console.print(table)
    if made_of:
        console.print()
    for line in made_of:
        console.say(line)
    if held:
        console.print()
    for info in held:
        target = f" -> {info.target}" if info.target else ""
        line = f"{info.mode:04o} {info.size:>12,} {info.name}{target}"
        console.say(line)


def _named(image: Image) -> list[tuple[str | None, Layer]]:
    """The layers, the lowest first, with their names; None where the image does not name them."""
    try:
        return list(layers_of(image).items())
    except UserError:
        return [(None, layer) for layer in image.layers]


def _packages(tag: str, image: Image) -> tuple[str, ...]:
    packages = read_packages(image.annotations)
    if packages is None:
        raise UserError(
            f"{tag} has no list of builder packages",
            hint="kernel-bin, kernel-modules and flintlock-kernel have one; for a builder, run"
            " `ingot builder show`",
        )
    return packages


def _document(tag: str, image: Image) -> InspectDocument:
    return {
        "image": tag,
        "digest": str(image.descriptor.digest),
        "size": image.size,
        "platform": str(image.platform),
        "layers": [
            {
                "name": name,
                "digest": str(layer.descriptor.digest),
                "diff_id": str(layer.diff_id),
                "size": layer.descriptor.size,
            }
            for name, layer in _named(image)
        ],
        "labels": dict(image.labels),
        "annotations": dict(image.annotations),
        "files": None,
        "packages": None,
        "problems": [],
    }


def _file_part(info: FileInfo) -> FilePart:
    return {
        "name": info.name,
        "kind": info.kind.value,
        "size": info.size,
        "mode": f"{info.mode:04o}",
        "target": info.target or None,
    }
