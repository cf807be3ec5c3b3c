"""`ingot update`: the newest release of each series."""

from __future__ import annotations

import datetime
import json
from typing import Annotated

import typer

from ingot import new_versions
from ingot.cli import add
from ingot.cli.shared.common_options import CacheFolder, CatalogFolder, DryRun, Json, make_setting
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document, print_error
from ingot.errors import IngotError
from ingot.new_versions import Addition, Outlook


def update(
    series: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIES",
            help="Series, such as 6.1. Default: all series of the catalog.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Add the newest release of each series.

    Reads the release lists of the catalog's origins, such as kernel.org and the Debian archive.
    Adds each new release as `ingot add` does, and keeps the versions that the catalog has. Warns
    about series that are no longer maintained.
    """
    errors = Terminal(stderr=True)
    progress = make_progress(errors)
    today = datetime.date.today()
    setting = make_setting(catalog, cache)
    outlooks = new_versions.look_out(setting.project, series or [], today, progress)
    added: list[Addition] = []
    failed: list[IngotError] = []
    for outlook in outlooks:
        _print_series(errors, outlook)
        if outlook.newer is None:
            continue
        try:
            # the addition before this one may have changed the catalog
            setting = make_setting(catalog, cache)
            addition = new_versions.plan_first(setting, outlook.listed, progress)
        except IngotError as error:
            print_error(errors, error)
            failed.append(error)
            continue
        if not dry_run:
            addition.proposal.write()
        added.append(addition)
        if not as_json:
            add.print_addition(make_console(), addition, dry_run=dry_run)
    if as_json:
        print_document(json.dumps(_document(outlooks, added, dry_run=dry_run), indent=2))
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _print_series(console: Terminal, outlook: Outlook) -> None:
    newer = f"{outlook.newer.version} is new" if outlook.newer else "no newer release"
    console.say(f"{outlook.series}: the catalog has {outlook.have}, {newer}")
    if outlook.ended:
        end = f" since {outlook.end_of_life}" if outlook.end_of_life else ""
        text = f" {outlook.series} is no longer maintained{end}: it gets no more fixes"
        console.say(("warning:", "yellow"), text)


def _document(
    outlooks: list[Outlook], added: list[Addition], *, dry_run: bool
) -> dict[str, object]:
    return {
        "series": [
            {
                "series": str(outlook.series),
                "have": str(outlook.have),
                "newer": str(outlook.newer.version) if outlook.newer else None,
                "end_of_life": str(outlook.end_of_life) if outlook.end_of_life else None,
                "ended": outlook.ended,
            }
            for outlook in outlooks
        ],
        "added": [add.document(addition, dry_run=dry_run) for addition in added],
    }
