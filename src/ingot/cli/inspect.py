"""`ingot inspect`: show and verify an image of the store or of a registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot.cli.shared.common_options import (
    CatalogDirectory,
    ImageArch,
    Insecure,
    Json,
    make_setting,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.registry_images import fetched_image, refuse_arch
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.errors import UserError, VerificationError
from ingot.image_lookup import find_image_named
from ingot.images import layers_of, read_packages
from ingot.oci import FileInfo, Image, Layer, Layout, list_files, validate_image
from ingot.operands import RegistryImage, parse_operand
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import FilePart, InspectDocument

_PULLED_HINT = "do not use this image; its publisher can build and push it again"


def inspect(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE",
            help="An image of the store (kernel-bin:6.1.176, kernel-bin:6.1), a kernel (6.1) for"
            " its image flintlock-kernel, or an image of a registry"
            " (docker.io/foobar/kernel-bin:6.1).",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    files: Annotated[bool, typer.Option("--files", help="List the files of the image.")] = False,
    packages: Annotated[
        bool, typer.Option("--packages", help="List the packages of the kernel's builder.")
    ] = False,
    arch: ImageArch = None,
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Show and verify an image of the store or of a registry.

    Prints digests, layers and labels; with --files, the files too; with --packages, the packages
    that the kernel was compiled with.

    Reads every blob and layer, and exits with 4 if one does not match its digest.
    """
    operand = parse_operand(image)
    if isinstance(operand, RegistryImage):
        progress = make_progress(Terminal(stderr=True))
        reference = operand.reference
        with fetched_image(reference, arch, progress, insecure=insecure) as (layout, pulled):
            shown = _Shown(reference, pulled, layout)
            _show(shown, files=files, packages=packages, as_json=as_json, hint=_PULLED_HINT)
        return
    refuse_arch(image, operand, arch)
    project = make_setting(catalog, None).project
    tag, found = find_image_named(project, image)
    hint = (
        f"remove the files of these digests from {project.layout.blobs.directory}, and build the"
        " image again"
    )
    shown = _Shown(tag, found, project.layout)
    _show(shown, files=files, packages=packages, as_json=as_json, hint=hint)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The image to show: its name, and the layout that has it."""

    name: str
    image: Image
    layout: Layout


def _show(shown: _Shown, *, files: bool, packages: bool, as_json: bool, hint: str) -> None:
    """Print an image; VerificationError, with the hint, if a part does not match its digest."""
    name, found, layout = shown.name, shown.image, shown.layout
    problems = [str(problem) for problem in validate_image(layout, found.descriptor)]
    held = list_files(layout, found) if files and not problems else []
    made_of = _packages(name, found) if packages else ()
    if as_json:
        print_json(
            {
                **_document(name, found),
                "files": [_file_part(info) for info in held] if files else None,
                "packages": list(made_of) if packages else None,
                "problems": problems,
            }
        )
    else:
        _print(name, found, made_of, held)
    if problems:
        raise VerificationError(f"{name} is damaged", why="\n".join(problems), hint=hint)


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
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a digest on a narrow terminal: in two lines, never cut
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
