"""`ingot prune`: free disk space by removing unused images, sources and builders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import housekeeping
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import Terminal, Verbosity, print_json, print_line, verbosity
from ingot.housekeeping import RemovedItem, RemovedKind
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import PruneDocument

_HOW_LONG: Mapping[RemovedKind, str] = {
    RemovedKind.IMAGE: "images: the space stays free until a build with the same inputs is compiled"
    " again",
    RemovedKind.BUILDER: "builders: the space stays free until a kernel is built in one; unpacking"
    " it from its image in the store takes seconds, making it from packages takes minutes",
    RemovedKind.SOURCE: "sources: the space stays free until that version is built again, which"
    " downloads it",
    RemovedKind.CACHE: "caches: the space stays free until the next build, which takes longer"
    " without them",
    RemovedKind.LEFTOVER: "unfinished files: the space stays free",
}
"""How long the space of each kind stays free, and what it costs to have the kind back."""


def prune(
    everything: Annotated[
        bool, typer.Option("--all", help="Remove all caches too: sources, builders, ccache.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be removed.")
    ] = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Remove unused images, sources and builders.

    These are earlier builds of kernels, what `ingot rm` removed, and the builders and cached
    sources that the catalog does not name. The newest build of each kernel is always kept.

    What the store loses stays free. What the caches lose with --all comes back with the next build
    that needs it: a source is downloaded again, a builder is unpacked from its image in the store,
    and configs and objects are made again.
    """
    setting = make_setting(catalog, cache)
    removed = housekeeping.prune(setting.project, everything=everything, dry_run=dry_run)
    if as_json:
        print_json(_document(removed, dry_run=dry_run))
        return
    for item in removed:
        print_line(f"{size_text(item.size) if item.size else '':>10}  {item.what}")
    verb = "would free" if dry_run else "freed"
    print_line(f"{verb} {size_text(sum(item.size for item in removed))}")
    if verbosity() > Verbosity.QUIET:
        notes = Terminal(stderr=True)
        for kind in dict.fromkeys(item.kind for item in removed):
            notes.say(("note:", "bold"), f" {_HOW_LONG[kind]}")


def _document(removed: Sequence[RemovedItem], *, dry_run: bool) -> PruneDocument:
    return {
        "dry_run": dry_run,
        "size": sum(item.size for item in removed),
        "removed": [{"text": item.what, "size": item.size} for item in removed],
    }
