"""`ingot report`: one page of what there is."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ingot import report as reports
from ingot.cli.shared.common_options import CatalogFolder, Insecure, make_setting
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_document, print_line
from ingot.errors import UserError
from ingot.files import write_atomic
from ingot.report import Report
from ingot.setting import Project
from ingot.units import size_text

STANDARD_OUTPUT = Path("-")


def report(
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[/PATH]",
            help="Report what this registry has, instead of the store. Of each image only the"
            " manifest is read.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
    to: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The file to write; - is standard output."),
    ] = Path("ingot-report.html"),
    catalog: CatalogFolder = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the data behind the page instead, as JSON.")
    ] = False,
) -> None:
    """Write a page about the kernels of the store, or of a registry.

    For each kernel: sizes, where its bytes go, boot figures and where its boot time goes, which
    VMMs and features of the catalog it serves, until when its series is maintained. The page is
    one HTML file that loads nothing else.
    """
    if to.is_dir() and not as_json:
        raise UserError(f"{to} is a folder", hint=f"name a file, such as {to / 'report.html'}")
    setting = make_setting(catalog, None)
    found = _gather(setting.project, registry, insecure)
    today = datetime.date.today()
    if as_json:
        print_document(json.dumps(reports.to_document(found, today), indent=2))
        return
    # what images say of themselves need not be text that can be written
    data = reports.render_page(found, today).encode("utf-8", "replace")
    if to == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        return
    write_atomic(to.absolute(), data)
    count = len(found.entries)
    kernels = "1 kernel" if count == 1 else f"{count} kernels"
    print_line(f"{to}  ({kernels}, {size_text(len(data))})")


def _gather(project: Project, registry: str | None, insecure: bool) -> Report:
    console = Terminal(stderr=True)
    if registry is None:
        images, omissions = reports.kernels_of_store(project.layout)
    else:
        progress = make_progress(console)
        images, omissions = reports.kernels_of_registry(registry, progress, insecure=insecure)
    found = reports.gather(project.catalog, registry or "", images, omissions)
    for omission in found.omissions:
        console.say(f"left out: {omission.name}: {omission.why}")
    if not found.entries:
        raise UserError(
            f"there is no kernel of Ingot's in {registry}"
            if registry
            else f"the store {project.layout.root} has no kernel to report",
            hint=f"push one first: ingot push --registry {registry}"
            if registry
            else "build one first: ingot build 6.1",
        )
    return found
