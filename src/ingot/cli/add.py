"""`ingot add`: add a version to the catalog with one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot import new_versions
from ingot.cli.documents.parts import kernel_part, source_part
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    DryRun,
    Json,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document, print_json
from ingot.new_versions import Addition, NewOption

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import AddDocument

_HIDDEN_SHOWN = 8


def add(
    kernel: Annotated[
        str, typer.Argument(metavar="VERSION|SERIES", help="6.1.180, or 6.1: its newest release.")
    ],
    dry_run: DryRun = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Add a version to the catalog.

    Finds and verifies its source, resolves and checks the configs of every arch and flavor,
    lists the options that are new in it, and writes the version with the digest of its source
    to kernels.toml and to the tables in README and docs. Nothing is written if a step fails or
    a config has findings.
    """
    setting = make_setting(catalog, cache)
    if not dry_run:
        setting.project.catalog.require_writable()
    progress = make_progress(Terminal(stderr=True))
    addition = new_versions.plan_addition(setting, kernel, progress)
    if not dry_run:
        addition.proposal.write()
    if as_json:
        print_json(document(addition, dry_run=dry_run))
        return
    print_addition(make_console(), addition, dry_run=dry_run)
    if not dry_run:
        Terminal(stderr=True).say(("next:", "bold"), f" ingot build {addition.release.version}")


def print_addition(console: Terminal, addition: Addition, *, dry_run: bool) -> None:
    """Print the source, the configs and the new options of a version, for a person to review."""
    source = addition.source
    verb = "would add" if dry_run else "added"
    console.say(f"{verb} ", (f"linux {source.version}", "bold"))
    console.say(f"source: {source.origin}, {source.digest}")
    console.say(f"        {source.evidence}")
    console.say(f"configs: {len(addition.configs)} resolved, all as requested")
    if new_options := addition.new_options:
        count = len(new_options.options)
        console.say(f"options: {count} that are not in {new_options.before}")
        if new_options.options:
            console.print(_option_table(new_options.options))
        if new_options.hidden:
            some = ", ".join(new_options.hidden[:_HIDDEN_SHOWN])
            more = ", ..." if len(new_options.hidden) > _HIDDEN_SHOWN else ""
            count = len(new_options.hidden)
            console.say(f"         and {count} that depend on disabled options: {some}{more}")
    if dry_run:
        print_document(addition.proposal.diff())
        return
    for path in addition.proposal.files:
        console.say(f"wrote {path}")


def _option_table(options: tuple[NewOption, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("option", "type", "default", "here", "arches", "prompt"):
        table.add_column(title, no_wrap=title != "prompt")
    for new in options:
        option = new.option
        arches = " ".join(new.arches)
        prompt = option.prompts[0]
        table.add_row(option.name, option.type, new.fallback, new.value, arches, prompt)
    return table


def document(addition: Addition, *, dry_run: bool) -> AddDocument:
    """The same, as a JSON document."""
    source = addition.source
    return {
        "version": str(source.version),
        "series": str(source.version.series),
        "source": source_part(source),
        "dry_run": dry_run,
        "paths": [str(path) for path in addition.proposal.files],
        "configs": [kernel_part(one.kernel) for one in addition.configs],
        "compared_with": str(addition.new_options.before) if addition.new_options else None,
        "hidden_options": list(addition.new_options.hidden) if addition.new_options else [],
        "new_options": [
            {
                "option": new.option.name,
                "type": new.option.type,
                "default": new.fallback,
                "value": new.value,
                "arches": list(new.arches),
                "prompt": new.option.prompts[0],
            }
            for new in (addition.new_options.options if addition.new_options else ())
        ],
    }
