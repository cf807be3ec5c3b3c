"""`ingot diff`: compare two images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import comparison as comparisons
from ingot import registry
from ingot.arch import Arch, arch_called
from ingot.cli.documents.parts import option_change_parts, profile_part
from ingot.cli.shared.common_options import (
    CatalogDirectory,
    ImageArch,
    Insecure,
    Json,
    make_setting,
)
from ingot.cli.shared.completion import complete_images
from ingot.cli.shared.cve_records import known_cves
from ingot.cli.shared.image_differences import print_comparison, print_cve_changes
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.comparison import Changes, Comparison, ImageSummary
from ingot.errors import UserError
from ingot.image_lookup import find_image
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.progress import Progress

if TYPE_CHECKING:
    from ingot.cli.documents.part_shapes import SizeChangePart
    from ingot.cli.documents.verbs import DiffDocument, SummaryPart
    from ingot.cves import Answer
    from ingot.kernel_cves import CveChanges, KernelCves

_SHOWN = 15


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="An image of the store (6.1, 6.1-minimal, kernel-bin:6.1.176) or of a registry"
            " (docker.io/foobar/kernel-bin:6.1.176).",
            autocompletion=complete_images,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="The image to compare with; same forms.",
            autocompletion=complete_images,
        ),
    ],
    arch: ImageArch = None,
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
    modules; and the config options that differ. After `ingot cves --update`, also the CVEs in
    compiled files that only one of the two has.

    For an image in a registry, the manifest is enough if a recent Ingot made it; any other image
    is fetched. To compare configs only, grouped by menu: `ingot config diff`.
    """
    platform = arch_called(arch or os.uname().machine)
    progress = make_progress(Terminal(stderr=True))
    before, after = (_read_summary(name, platform, insecure, catalog, progress) for name in (a, b))
    comparison = comparisons.compare(before, after)
    cves = _cve_changes(before, after, catalog, progress, insecure=insecure)
    if as_json:
        print_json(_document(comparison, cves))
    else:
        limit = None if show_all else _SHOWN
        print_comparison(make_console(), comparison, limit)
        if cves:
            print_cve_changes(make_console(), cves, limit)


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


def _cve_changes(
    before: ImageSummary,
    after: ImageSummary,
    catalog: Path | None,
    progress: Progress,
    *,
    insecure: bool,
) -> CveChanges | None:
    """The CVEs that only one of the images has; None without CVE records or compiled files."""
    try:
        project = make_setting(catalog, None).project
    except UserError:  # images of a registry can be compared without a catalog
        return None
    cves = known_cves(project, progress)
    if cves is None:
        return None
    one, two = (_answer(cves, image, insecure=insecure) for image in (before, after))
    from ingot.kernel_cves import changes_between  # late: only with records

    return changes_between(one, two) if one and two else None


def _answer(cves: KernelCves, image: ImageSummary, *, insecure: bool) -> Answer | None:
    """The CVEs of an image, by the compiled files next to it in its store or registry."""
    if image.facts is None:
        return None
    tag = image.name.rpartition(":")[2]
    match parse_operand(image.name):
        case RegistryImage(reference):
            repository = registry.repository_of(reference)
            return cves.answer_in_registry(repository, image.facts, tag, insecure=insecure)
        case _:
            return cves.answer_in_store(image.facts, tag)


def _document(comparison: Comparison, cves: CveChanges | None) -> DiffDocument:
    options = comparison.options
    return {
        "a": _summary_part(comparison.before),
        "b": _summary_part(comparison.after),
        "identical": comparison.same,
        "directory_changes": _change_parts(comparison.directories),
        "module_changes": _change_parts(comparison.modules),
        "file_changes": _change_parts(comparison.files),
        "options": None if options is None else option_change_parts(options),
        "cve_changes": {"closed": list(cves.closed), "opened": list(cves.opened)} if cves else None,
    }


def _summary_part(image: ImageSummary) -> SummaryPart:
    facts = image.facts
    return {
        "image": image.name,
        "platform": image.platform,
        "size": image.size,
        "layer_digests": [str(layer) for layer in image.layers],
        "kernel_size": image.kernel_size,
        "modules_size": image.modules_size,
        "module_count": None if image.modules is None else len(image.modules),
        "version": facts.version if facts else None,
        "release": facts.release if facts else None,
        "arch": facts.arch if facts else None,
        "recipe_key": str(facts.recipe_key) if facts else None,
        "source_digest": str(facts.source_digest) if facts else None,
        "builder_digest": str(facts.builder_digest) if facts else None,
        "config_digest": str(facts.config_digest) if facts else None,
        "profile": profile_part(image.profile) if image.profile else None,
    }


def _change_parts(changes: Changes | None) -> list[SizeChangePart] | None:
    if changes is None:
        return None
    return [{"name": each.name, "before": each.before, "after": each.after} for each in changes.all]
