"""`ingot update`: the newest release of each series."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import new_versions
from ingot.cli import add
from ingot.cli.documents.parts import kernel_part
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    DryRun,
    Insecure,
    Json,
    make_setting,
)
from ingot.cli.shared.cve_records import known_cves
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_error, print_json
from ingot.errors import IngotError, UserError
from ingot.fixed_cves import CveReader, KernelFixes, closes_any
from ingot.new_versions import Addition, SeriesStatus
from ingot.progress import Progress
from ingot.registry import Registry, check_registry
from ingot.setting import Project
from ingot.source.candidates import NoneServedError

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import FixesPart, UpdateDocument

_NAMED = 20
"""How many CVEs of a kernel are printed by name."""


def update(
    series: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIES",
            help="Series, such as 6.1. Default: all series of the catalog.",
            show_default=False,
        ),
    ] = None,
    if_cves: Annotated[
        bool,
        typer.Option(
            "--if-cves",
            help="Add a release only if it closes a CVE in a file that a kernel of the catalog was"
            " compiled from, or if no kernel of its series could be judged. Needs CVE records:"
            " ingot cves --update.",
        ),
    ] = False,
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[/PATH]",
            help="Read the compiled files of kernels that the store lacks from this registry.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
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

    After `ingot cves --update`, also prints the CVEs that each release closes in files that kernels
    of the catalog were compiled from, and those that no release will fix, as the series has ended.
    """
    errors = Terminal(stderr=True)
    progress = make_progress(errors)
    today = datetime.date.today()
    setting = make_setting(catalog, cache)
    if not dry_run:
        setting.project.catalog.require_writable()
    reader = _cve_reader(setting.project, registry, progress, insecure=insecure)
    if if_cves and reader is None:
        raise UserError(
            "there are no CVE records yet",
            why="--if-cves compares new releases with them",
            hint="get them with: ingot cves --update",
        )
    statuses = new_versions.find_newer(setting.project, series or [], today, progress)
    added: list[Addition] = []
    failed: list[IngotError] = []
    fixes = [_fixes(reader, status) for status in statuses]
    for status, found in zip(statuses, fixes, strict=True):
        _print_series(errors, status)
        if not as_json and found:
            print_fixes(make_console(), status, found)
        if not status.newer:
            continue
        if if_cves and status.newest and not closes_any(found or ()):
            errors.say(f"{status.series}: {status.newest.version} closes no CVE; not added")
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
        print_json(_document(statuses, fixes, added, dry_run=dry_run))
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _cve_reader(
    project: Project, registry: str | None, progress: Progress, *, insecure: bool
) -> CveReader | None:
    """What judges the kernels of the catalog; None without CVE records."""
    published = Registry(check_registry(registry), insecure) if registry else None
    cves = known_cves(project, progress)
    return CveReader(cves, project, published, progress) if cves else None


def _fixes(reader: CveReader | None, status: SeriesStatus) -> list[KernelFixes] | None:
    """What the newer release means for CVEs; None without CVE records."""
    if reader is None or not (status.newest or status.ended):
        return None
    newer = status.newest.version if status.newest else None
    return reader.fixes(status.have, newer, ended=status.ended)


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


def print_fixes(console: Terminal, status: SeriesStatus, found: Sequence[KernelFixes]) -> None:
    """Print a line per kernel; scripts/report-unfixed finds lines by their words."""
    for each in found:
        tag = each.kernel.tag
        if each.closed and status.newest:
            text = f"{status.newest.version} closes {len(each.closed)} of {each.affected} CVEs"
            console.say(f"{tag}: {text} in compiled files: {_named(each.closed)}")
        if each.unfixed:
            text = f"no release will fix {len(each.unfixed)} CVEs in compiled files"
            console.say(f"{tag}: {text}: {_named(each.unfixed)}")


def _named(cves: Sequence[str]) -> str:
    """The first CVEs of a list by name, and the number of the others."""
    more = len(cves) - _NAMED
    return ", ".join(cves[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _document(
    statuses: list[SeriesStatus],
    fixes: list[list[KernelFixes] | None],
    added: list[Addition],
    *,
    dry_run: bool,
) -> UpdateDocument:
    return {
        "checked": [
            {
                "series": str(status.series),
                "version": str(status.have),
                "newer": str(status.newest.version) if status.newest else None,
                "end_of_life": str(status.end_of_life) if status.end_of_life else None,
                "ended": status.ended,
                "cve_fixes": None if found is None else [_fixes_part(each) for each in found],
            }
            for status, found in zip(statuses, fixes, strict=True)
        ],
        "added": [add.document(addition, dry_run=dry_run) for addition in added],
    }


def _fixes_part(fixes: KernelFixes) -> FixesPart:
    return {
        **kernel_part(fixes.kernel),
        "affected": fixes.affected,
        "closed": list(fixes.closed),
        "unfixed": list(fixes.unfixed),
    }
