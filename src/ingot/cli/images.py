"""`ingot images`: the images of the store, their sizes and their recipes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot import inventory
from ingot.cli.shared.common_options import CatalogDirectory, Json, make_setting
from ingot.cli.shared.completion import complete_images
from ingot.cli.shared.terminal import Terminal, make_console, print_json, styled
from ingot.inventory import ListedImage
from ingot.oci import Layout
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ImagesDocument, ListedImagePart

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def images(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|TAG",
            help="Only images with this name (kernel-bin), this tag, or a tag that begins like this"
            " (6.1, 6.1.176-minimal).",
            show_default=False,
            autocompletion=complete_images,
        ),
    ] = None,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """List the images of the store.

    `size` is the size of an image in a registry. `unique` is the part of it that no other image of
    the store has: images share layers, so `ingot rm` and then `ingot prune` free only that. `age`
    is the time since the store got the image, and `recipe` identifies the inputs of the build.

    An earlier build is an image that no tag names except the tag of its recipe. `ingot prune`
    removes it.
    """
    layout = make_setting(catalog, None).project.layout
    found = inventory.list_images(layout, names or ())
    if as_json:
        print_json(_document(layout, found))
        return
    if not found:
        Terminal(stderr=True).say(f"the store {layout.root} has no images yet")
        return
    console = make_console()
    console.print(_table(found, datetime.datetime.now().timestamp()))
    if not names:
        console.print()
        size = size_text(inventory.total_size(layout))
        console.say(f"{len(found)} images, {size} in {layout.root}")


def _table(found: Sequence[ListedImage], now: float) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("image", overflow="fold")  # on a narrow terminal: in two lines, never cut
    for title in ("arch", "recipe"):
        table.add_column(title, no_wrap=True)
    for title in ("size", "unique", "age"):
        table.add_column(title, justify="right", no_wrap=True)
    notes = any(_note(image) for image in found)
    if notes:
        table.add_column("note")
    for image in found:
        cells = [
            styled(image.reference),
            styled(image.arch),
            styled(image.facts.recipe_key.short if image.facts else ""),
            styled(size_text(image.size)),
            styled(size_text(image.own_size)),
            styled(_age(now - image.written) if image.written is not None else ""),
        ]
        table.add_row(*cells, *([styled(_note(image), "yellow")] if notes else []))
    return table


def _note(image: ListedImage) -> str:
    return image.fault or ("an earlier build" if image.earlier else "")


def _age(seconds: float) -> str:
    """`5 min`, `3 h` or `12 days`."""
    if seconds < _HOUR:
        return f"{max(seconds, 0) // _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h"
    return f"{seconds // _DAY:.0f} days"


def _document(layout: Layout, found: Sequence[ListedImage]) -> ImagesDocument:
    return {"size": inventory.total_size(layout), "images": [_part(image) for image in found]}


def _part(image: ListedImage) -> ListedImagePart:
    facts, digest = image.facts, str(image.digest)
    written = image.written and datetime.datetime.fromtimestamp(image.written, datetime.UTC)
    return {
        "image": image.reference,
        "digest": digest,
        "size": image.size,
        "tags": [{"image": f"{image.name}:{tag}", "digest": digest} for tag in image.tags],
        "unique_size": image.own_size,
        "arch": image.arch or None,
        "version": facts.version if facts else None,
        "release": facts.release if facts else None,
        "recipe_key": str(facts.recipe_key) if facts else None,
        "written": written.isoformat(timespec="seconds") if written else None,
        "earlier_build": image.earlier,
        "problems": [image.fault] if image.fault else [],
    }
