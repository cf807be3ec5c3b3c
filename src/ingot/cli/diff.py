"""`ingot diff`: two images side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot import comparison as comparisons
from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import CatalogFolder, Insecure, Json, make_setting
from ingot.cli.shared.config_differences import option_documents
from ingot.cli.shared.image_differences import print_comparison
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document
from ingot.comparison import Changes, Comparison, ImageSummary, SizeChange
from ingot.image_lookup import find_image
from ingot.operands import (
    KernelName,
    RegistryImage,
    StoreImage,
    not_taken,
    parse_operand,
)
from ingot.progress import Progress

_SHOWN = 15


def diff(
    a: Annotated[
        str,
        typer.Argument(
            help="An image of the store (6.1, 6.1-minimal, kernel-bin:6.1.176) or of a registry"
            " (docker.io/foobar/kernel-bin:6.1.176)."
        ),
    ],
    b: Annotated[str, typer.Argument(help="The same, to compare with.")],
    arch: Annotated[
        str | None,
        typer.Option(
            help="Which platform of a registry's images, as in x86_64, arm64. Default: this"
            " machine's.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
    show_all: Annotated[
        bool, typer.Option("--all", help=f"Show lists of more than {_SHOWN} lines whole.")
    ] = False,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Compare two images.

    Shows what they were made from, what their kernels, modules and layers weigh, what they cost
    to boot if that was measured (ingot profile), where in its source the kernel grew,
    which modules came and went, and the config options that differ.

    An image of a registry is only fetched where its manifest does not tell all this: if it is
    not Ingot's, or older. For configs alone, and with their menus: ingot config diff.
    """
    platform = arch_called(arch or os.uname().machine)
    progress = make_progress(Terminal(stderr=True))
    before, after = (_subject(name, platform, insecure, catalog, progress) for name in (a, b))
    comparison = comparisons.compare(before, after)
    if as_json:
        print_document(json.dumps(_document(comparison), indent=2))
    else:
        print_comparison(make_console(), comparison, None if show_all else _SHOWN)


def _subject(
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
        "a": _subject_document(comparison.before),
        "b": _subject_document(comparison.after),
        "same": comparison.same,
        "kernel": _changes_document(comparison.folders),
        "modules": _changes_document(comparison.modules),
        "files": _changes_document(comparison.files),
        "options": None if options is None else option_documents(options),
    }


def _subject_document(subject: ImageSummary) -> dict[str, object]:
    facts, profile = subject.facts, subject.profile
    return {
        "name": subject.name,
        "platform": subject.platform,
        "layers": [str(layer) for layer in subject.layers],
        "size": subject.size,
        "kernel_size": subject.kernel_size,
        "modules_size": subject.modules_size,
        "modules": None if subject.modules is None else len(subject.modules),
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
