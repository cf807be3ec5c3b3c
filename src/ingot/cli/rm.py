"""`ingot rm`: remove images from the store, by their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingot import inventory
from ingot.cli.shared.common_options import CatalogDirectory, Json, make_setting
from ingot.cli.shared.completion import complete_images
from ingot.cli.shared.terminal import print_json, print_line
from ingot.inventory import Removal
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import RemoveDocument


def rm(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="KERNEL|IMAGE",
            help="A kernel (6.1.176-minimal) for all its images, a kernel with modules"
            " (6.1.176-plus-NAME) for the images of these modules, or an image of the store"
            " (kernel-bin:6.1.176).",
            autocompletion=complete_images,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed.")
    ] = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Remove images from the store.

    Removes their tags at once, all or none, with the tags of their recipes and boot profiles. The
    disk space is freed by the next `ingot prune`, which removes the data that no tag needs. Other
    images keep the layers that they share with a removed image.

    Refused are a builder of the catalog, a kernel while the store has modules for it, and a name
    that can mean several images. A removed kernel is compiled again by the next `ingot build`.
    """
    project = make_setting(catalog, None).project
    removed = inventory.remove_images(project, images, dry_run=dry_run)
    if as_json:
        print_json(_document(removed, dry_run=dry_run))
        return
    for tag in removed.tags:
        print_line(tag)
    size = "what no other image needs" if removed.freed is None else size_text(removed.freed)
    count = f"{len(removed.tags)} tags"
    if dry_run:
        print_line(f"would remove {count}; `ingot prune` would then free {size}")
    else:
        print_line(f"removed {count}; `ingot prune` frees {size}")


def _document(removed: Removal, *, dry_run: bool) -> RemoveDocument:
    return {
        "dry_run": dry_run,
        "size": removed.freed,
        "tags": [{"image": tag, "digest": str(each)} for tag, each in removed.tags.items()],
    }
