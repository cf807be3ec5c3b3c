"""`ingot prune`: free disk space by removing unused images, sources and builders."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ingot import housekeeping
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import print_document, print_line
from ingot.units import size_text


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
        rows = [{"what": item.what, "bytes": item.size} for item in removed]
        print_document(json.dumps({"dry_run": dry_run, "removed": rows}, indent=2))
        return
    for item in removed:
        print_line(f"{size_text(item.size) if item.size else '':>10}  {item.what}")
    verb = "would free" if dry_run else "freed"
    print_line(f"{verb} {size_text(sum(item.size for item in removed))}")
