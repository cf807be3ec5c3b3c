"""`ingot prune`: free disk space by removing unused images, sources and builders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import housekeeping
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import print_json, print_line
from ingot.housekeeping import RemovedItem
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import PruneDocument


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

    These are earlier builds of kernels, and the builders and cached sources that the catalog does
    not name. The newest build of each kernel is always kept.
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


def _document(removed: Sequence[RemovedItem], *, dry_run: bool) -> PruneDocument:
    return {
        "dry_run": dry_run,
        "size": sum(item.size for item in removed),
        "removed": [{"text": item.what, "size": item.size} for item in removed],
    }
