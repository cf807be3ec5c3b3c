"""`ingot cves`: the CVEs that concern a kernel."""

from __future__ import annotations

import datetime
import enum
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot.arch import arch_called
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    ImageArch,
    Insecure,
    Json,
    make_setting,
)
from ingot.cli.shared.cve_document import cves_document
from ingot.cli.shared.cve_table import print_answer
from ingot.cli.shared.judged_kernel import JudgedKernel, find_judged_kernel
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document, print_json
from ingot.compiled_files import CompiledFiles
from ingot.cves import (
    CNA_REPOSITORY,
    DECISIONS_FILE,
    Answer,
    cloned_records,
    cyclonedx_document,
    decide,
    judge,
    load_decisions,
    load_records,
    openvex_document,
    update_records,
)
from ingot.errors import UserError
from ingot.setting import Project


class _Format(enum.StrEnum):
    TEXT = "text"
    OPENVEX = "openvex"
    CYCLONEDX = "cyclonedx"


class _FailOn(enum.StrEnum):
    AFFECTED = "affected"
    UNDECIDED = "undecided"


def cves(
    kernel: Annotated[
        str | None,
        typer.Argument(
            metavar="KERNEL|IMAGE",
            help="A kernel of the catalog that is built (6.1, 6.1-minimal), an image of the store"
            " (kernel-bin:6.1.176) or of a registry (docker.io/foobar/kernel-bin:6.1.176).",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE",
            envvar="INGOT_CVE_DATA",
            help="The records of the kernel's CNA: a clone of its repository, a tarball of it, or a"
            " directory with CVE-*.json files. Default: what --update fetched.",
            show_default=False,
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Fetch the newest records into the cache first.")
    ] = False,
    repository: Annotated[
        str, typer.Option(metavar="URL", help="The git repository that --update fetches.")
    ] = CNA_REPOSITORY,
    form: Annotated[
        _Format,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="What to print: text, openvex or cyclonedx. The last two are JSON.",
        ),
    ] = _Format.TEXT,
    fail_on: Annotated[
        _FailOn | None,
        typer.Option(
            metavar="STATUS",
            help="Exit with 1 if a CVE affects the kernel, or if the files that it was compiled"
            " from are not known; with undecided, also if one is undecided.",
            show_default=False,
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="List the CVEs that do not affect the kernel as well.")
    ] = False,
    arch: ImageArch = None,
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """List the CVEs that concern a kernel.

    Prints three numbers: the CVEs that are open in the kernel's version, those in files that the
    kernel was compiled from, and those that are undecided, since files do not decide them. Then it
    prints a table of the CVEs, with the release of the series that fixes each (✓: the catalog has
    that release or a later one).

    Decisions by hand are in cves.toml of the catalog.
    """
    if as_json and form is not _Format.TEXT:
        raise UserError(
            f"--json cannot be used with --format {form.value}",
            why="each prints a JSON document of its own",
            hint="use one of the two",
        )
    setting = make_setting(catalog, cache)
    project = setting.project
    progress = make_progress(Terminal(stderr=True))
    project.workspace.prepare()
    if update:
        cloned = update_records(project.workspace.cves, repository, progress)
        if kernel is None:
            load_records(cloned, project.workspace.cves, progress)
            return
    if kernel is None:
        raise UserError("no kernel was named", hint="name one, such as: ingot cves 6.1")
    platform = arch_called(arch or os.uname().machine)
    found = find_judged_kernel(project, kernel, platform, insecure=insecure)
    place = data or cloned_records(project.workspace.cves)
    records = load_records(place, project.workspace.cves, progress)
    decisions = load_decisions(
        project.catalog.root / DECISIONS_FILE, lambda name: _tags(project, name)
    )
    verdicts = judge(records, found.version, found.compiled, found.config_says.switched_off)
    answer, stale = decide(verdicts, decisions, found.tag, datetime.date.today())
    versions = [each.version for each in project.catalog.kernels]
    try:
        if as_json:
            print_json(cves_document(answer, found.subject, versions, stale))
        elif form is _Format.OPENVEX:
            print_document(json.dumps(openvex_document(answer, found.subject), indent=2))
        elif form is _Format.CYCLONEDX:
            print_document(json.dumps(cyclonedx_document(answer, found.subject), indent=2))
        else:
            print_answer(make_console(), answer, found.subject.name, versions, show_all=show_all)
    finally:
        _print_warnings(answer, found, stale)
    if fail_on and (why := _failure(answer, fail_on, found.compiled)):
        Terminal(stderr=True).say(("error:", "bold red"), f" --fail-on {fail_on.value}: {why}")
        raise typer.Exit(1)


def _failure(answer: Answer, fail_on: _FailOn, compiled: CompiledFiles | None) -> str:
    """Why the answer is a failure; empty if it is not. Without compiled files nothing is known."""
    if answer.affected:
        return f"{len(answer.affected):,} open CVEs affect the kernel"
    if compiled is None and answer.undecided:
        return "it is not known which files the kernel was compiled from"
    if fail_on is _FailOn.UNDECIDED and (answer.undecided or answer.unreadable):
        unreadable = len(answer.unreadable)
        return f"{len(answer.undecided):,} CVEs are undecided, {unreadable:,} records unreadable"
    return ""


def _tags(project: Project, name: str) -> list[str]:
    return [kernel.tag for kernel in project.catalog.select([name])]


def _print_warnings(answer: Answer, found: JudgedKernel, stale: Sequence[str]) -> None:
    errors = Terminal(stderr=True)
    warning = ("warning:", "yellow")
    if found.compiled is None:
        errors.say(
            warning,
            f" every CVE is undecided, since {found.config_says.why}",
        )
        errors.say(
            ("next:", "bold"),
            f" remove the kernel and compile it with this version of Ingot: ingot rm {found.tag},"
            f" ingot prune, ingot build {found.tag}",
        )
    for each in answer.unreadable:
        errors.say(warning, f" {each}")
    for line in stale:
        errors.say(warning, f" {line}")
