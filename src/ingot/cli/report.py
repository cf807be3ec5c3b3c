"""`ingot report`: one page about all kernels of the store or of a registry."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from ingot import report as reports
from ingot.cli.report_document import report_document
from ingot.cli.shared.common_options import CatalogDirectory, Insecure, make_setting
from ingot.cli.shared.cve_records import known_cves
from ingot.cli.shared.output_file import (
    is_standard_output,
    require_output_file,
    write_output,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_json, print_line
from ingot.errors import UserError
from ingot.report import Report
from ingot.setting import Project
from ingot.units import size_text


def report(
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[/PATH]",
            help="Report the kernels of this registry instead of the store. Only manifests and boot"
            " profiles are read.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file to write, or - for standard output. Default: ingot-report.html.",
            show_default=False,
        ),
    ] = None,
    catalog: CatalogDirectory = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the data of the page as JSON instead.")
    ] = False,
) -> None:
    """Write a page about the kernels of the store, or of a registry.

    For each kernel: its sizes, by source directory too; its boot cost, by phase and initcall; the
    VMMs and features of the catalog that its config supports; and the end of life of its series.
    After `ingot cves --update`, also the CVEs in files that it was compiled from.
    The page is one HTML file that loads nothing from elsewhere.
    """
    if as_json and to:
        raise UserError(
            "--to cannot be used with --json",
            why="the JSON is printed to standard output",
            hint=f"redirect it: ingot report --json > {to}",
        )
    to = to or Path("ingot-report.html")
    if not as_json:
        require_output_file(to)
    setting = make_setting(catalog, None)
    found = _gather(setting.project, registry, insecure)
    today = datetime.date.today()
    if as_json:
        print_json(report_document(found, today))
        return
    # labels of images may contain surrogates, which UTF-8 cannot encode
    data = reports.render_page(found, today).encode("utf-8", "replace")
    write_output(to, data)
    if is_standard_output(to):
        return
    count = len(found.entries)
    kernels = "1 kernel" if count == 1 else f"{count} kernels"
    print_line(f"{to}  ({kernels}, {size_text(len(data))})")


def _gather(project: Project, registry: str | None, insecure: bool) -> Report:
    console = Terminal(stderr=True)
    progress = make_progress(console)
    cves = known_cves(project, progress)
    if registry is None:
        images, omissions = reports.kernels_of_store(project.layout)
        if cves:
            images = reports.with_cves_of_store(cves, images)
    else:
        images, omissions = reports.kernels_of_registry(registry, progress, insecure=insecure)
        if cves:
            images = reports.with_cves_of_registry(cves, registry, images, insecure=insecure)
    found = reports.gather(project.catalog, registry or "", images, omissions)
    for omission in found.omissions:
        console.say(f"left out: {omission.name}: {omission.why}")
    if not found.entries:
        raise UserError(
            f"{registry} has no kernel that Ingot made"
            if registry
            else f"the store {project.layout.root} has no kernel to report",
            hint=f"push one first: ingot push --registry {registry}"
            if registry
            else "build one first: ingot build 6.1",
        )
    return found
