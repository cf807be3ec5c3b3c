"""`ingot diff`: compare two images."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot import comparison as comparisons
from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import CatalogDirectory, Insecure, Json, make_setting
from ingot.cli.shared.config_differences import option_documents
from ingot.cli.shared.image_differences import print_comparison
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document
from ingot.comparison import Changes, Comparison, ImageSummary, SizeChange
from ingot.image_lookup import find_image
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.progress import Progress

_SHOWN = 15


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="An image of the store (6.1, 6.1-minimal, kernel-bin:6.1.176) or of a registry"
            " (docker.io/foobar/kernel-bin:6.1.176).",
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The image to compare with; same forms.")],
    arch: Annotated[
        str | None,
        typer.Option(
            help="The arch to read from multi-arch images of a registry: x86_64 or arm64. Default:"
            " the arch of this machine.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
    show_all: Annotated[
        bool, typer.Option("--all", help=f"Do not cut lists after {_SHOWN} lines.")
    ] = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Compare two images.

    Shows source, builder and recipe; the sizes of kernel, modules and image; the boot cost, if
    `ingot profile` measured it; the size of the kernel by source directory; added and removed
    modules; and the config options that differ.

    For an image in a registry, the manifest is enough if a recent Ingot made it; any other image
    is fetched. To compare configs only, grouped by menu: `ingot config diff`.
    """
    platform = arch_called(arch or os.uname().machine)
    progress = make_progress(Terminal(stderr=True))
    before, after = (_read_summary(name, platform, insecure, catalog, progress) for name in (a, b))
    comparison = comparisons.compare(before, after)
    if as_json:
        print_document(json.dumps(_document(comparison), indent=2))
    else:
        print_comparison(make_console(), comparison, None if show_all else _SHOWN)


def _read_summary(
    name: str, platform: Arch, insecure: bool, catalog: Path | None, progress: Progress
) -> ImageSummary:
    match parse_operand(name):
        case RegistryImage(reference):
            return comparisons.summary_of_reference(
                reference, platform, progress, insecure=insecure
            )
        case StoreImage() | KernelName() as wanted:
            setting = make_setting(catalog, None)
            tag, image = find_image(setting.project, wanted)
            return comparisons.summary_of_image(setting.project.layout, image, tag)
        case other:
            raise not_taken(
                name,
                other,
                "an image of the store or of a registry",
                "compare configs and kernel files with: ingot config diff",
            )


def _document(comparison: Comparison) -> dict[str, object]:
    options = comparison.options
    return {
        "a": _summary_document(comparison.before),
        "b": _summary_document(comparison.after),
        "same": comparison.same,
        "kernel": _changes_document(comparison.directories),
        "modules": _changes_document(comparison.modules),
        "files": _changes_document(comparison.files),
        "options": None if options is None else option_documents(options),
    }


def _summary_document(image: ImageSummary) -> dict[str, object]:
    facts, profile = image.facts, image.profile
    return {
        "name": image.name,
        "platform": image.platform,
        "layers": [str(layer) for layer in image.layers],
        "size": image.size,
        "kernel_size": image.kernel_size,
        "modules_size": image.modules_size,
        "modules": None if image.modules is None else len(image.modules),
        "facts": facts
        and {
            "version": facts.version,
            "release": facts.release,
            "arch": facts.arch,
            "recipe_key": str(facts.recipe_key),
            "source_digest": str(facts.source_digest),
            "builder_digest": str(facts.builder_digest),
            "config_digest": str(facts.config_digest),
        },
        "boot": profile
        and {
            "machine": profile.machine,
            "emulator": profile.emulator,
            "instructions": profile.instructions,
            "memory_used": profile.memory_used,
        },
    }


def _changes_document(changes: Changes | None) -> dict[str, object] | None:
    if changes is None:
        return None

    def rows(some: Sequence[SizeChange]) -> list[dict[str, object]]:
        return [{"name": each.name, "a": each.before, "b": each.after} for each in some]

    return {
        "gained": rows(changes.gained),
        "lost": rows(changes.lost),
        "resized": rows(changes.resized),
    }
