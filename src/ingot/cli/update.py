"""`ingot update`: the newest release of each series."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import new_versions
from ingot.cli import add
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    DryRun,
    Json,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_error, print_json
from ingot.errors import IngotError
from ingot.new_versions import Addition, SeriesStatus
from ingot.source.candidates import NoneServedError

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import UpdateDocument


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
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Add the newest release of each series.

    Reads the release lists of the catalog's origins, such as kernel.org and the Debian archive.
    Adds each new release as `ingot add` does, and keeps the versions that the catalog has. If the
    origins do not serve a release that they list, an older one is added if the catalog has none
    that is newer. Warns about series that are no longer maintained.
    """
    errors = Terminal(stderr=True)
    progress = make_progress(errors)
    today = datetime.date.today()
    setting = make_setting(catalog, cache)
    if not dry_run:
        setting.project.catalog.require_writable()
    statuses = new_versions.find_newer(setting.project, series or [], today, progress)
    added: list[Addition] = []
    failed: list[IngotError] = []
    for status in statuses:
        _print_series(errors, status)
        if not status.newer:
            continue
        try:
            # the addition before this one may have changed the catalog
            setting = make_setting(catalog, cache)
            addition = new_versions.plan_newer(setting, status.have, status.newer, progress)
        except NoneServedError as error:
            _print_not_served(errors, error)
            continue
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
        print_json(_document(statuses, added, dry_run=dry_run))
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _print_not_served(console: Terminal, error: NoneServedError) -> None:
    """Lists are ahead of archives for some days: that is not a failure of an update."""
    console.say(("note:", "bold"), f" {error.what}")
    console.say_lines(error.why, indent="  ")


def _print_series(console: Terminal, status: SeriesStatus) -> None:
    newer = f"{status.newest.version} is new" if status.newest else "no newer release"
    console.say(f"{status.series}: the catalog has {status.have}, {newer}")
    if status.ended:
        end = f" since {status.end_of_life}" if status.end_of_life else ""
        text = f" {status.series} is no longer maintained{end}: it gets no more fixes"
        console.say(("warning:", "yellow"), text)


def _document(
    statuses: list[SeriesStatus], added: list[Addition], *, dry_run: bool
) -> UpdateDocument:
    return {
        "checked": [
            {
                "series": str(status.series),
                "version": str(status.have),
                "newer": str(status.newest.version) if status.newest else None,
                "end_of_life": str(status.end_of_life) if status.end_of_life else None,
                "ended": status.ended,
            }
            for status in statuses
        ],
        "added": [add.document(addition, dry_run=dry_run) for addition in added],
    }
