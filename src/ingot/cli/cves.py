"""`ingot cves`: the CVEs that concern a kernel."""

from __future__ import annotations

import datetime
import enum
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ingot import compiled_artifact, registry
from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    Insecure,
    Json,
    make_setting,
)
from ingot.cli.shared.cve_document import cves_document
from ingot.cli.shared.cve_table import print_answer
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_document, print_json
from ingot.compiled_files import CompiledFiles
from ingot.cves import (
    CNA_REPOSITORY,
    DECISIONS_FILE,
    Answer,
    Subject,
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
from ingot.image_lookup import find_image
from ingot.images import KernelLabels, read_facts
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.setting import Project, Setting
from ingot.version import KernelVersion


class _Format(enum.StrEnum):
    TEXT = "text"
    OPENVEX = "openvex"
    CYCLONEDX = "cyclonedx"


class _FailOn(enum.StrEnum):
    AFFECTED = "affected"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class _Kernel:
    """The kernel of an operand; `compiled` is None if its image has no list of compiled files."""

    subject: Subject
    version: KernelVersion
    tag: str
    compiled: CompiledFiles | None


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
            help="Exit with 1 if a CVE is affected; with undecided, also if one is undecided.",
            show_default=False,
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="List the CVEs that do not affect the kernel as well.")
    ] = False,
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH",
            help="The arch to read from multi-arch images of a registry: x86_64 or arm64. Default:"
            " the arch of this machine.",
            show_default=False,
        ),
    ] = None,
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
    found = _find(setting, kernel, arch_called(arch or os.uname().machine), insecure)
    place = data or cloned_records(project.workspace.cves)
    records = load_records(place, project.workspace.cves, progress)
    decisions = load_decisions(
        project.catalog.root / DECISIONS_FILE, lambda name: _tags(project, name)
    )
    answer, stale = decide(
        judge(records, found.version, found.compiled), decisions, found.tag, datetime.date.today()
    )
    versions = [each.version for each in project.catalog.kernels]
    if as_json:
        print_json(cves_document(answer, found.subject, versions, stale))
    elif form is _Format.OPENVEX:
        print_document(json.dumps(openvex_document(answer, found.subject), indent=2))
    elif form is _Format.CYCLONEDX:
        print_document(json.dumps(cyclonedx_document(answer, found.subject), indent=2))
    else:
        print_answer(make_console(), answer, found.subject.name, versions, show_all=show_all)
    _print_warnings(answer, found, stale)
    if fail_on and _fails(answer, fail_on, found.compiled):
        raise typer.Exit(1)


def _fails(answer: Answer, fail_on: _FailOn, compiled: CompiledFiles | None) -> bool:
    """Whether the answer is a failure; without compiled files it is, since nothing is known."""
    if answer.affected or (compiled is None and answer.undecided):
        return True
    return fail_on is _FailOn.UNDECIDED and bool(answer.undecided or answer.unreadable)


def _tags(project: Project, name: str) -> list[str]:
    return [kernel.tag for kernel in project.catalog.select([name])]


def _find(setting: Setting, name: str, platform: Arch, insecure: bool) -> _Kernel:
    match parse_operand(name):
        case RegistryImage(reference):
            return _in_registry(reference, platform, insecure=insecure)
        case StoreImage() | KernelName() as wanted:
            layout = setting.project.layout
            tag, image = find_image(setting.project, wanted)
            facts = _require_kernel(name, read_facts(image))
            compiled = compiled_artifact.read_compiled_files(layout, image)
            subject = Subject(tag, str(image.descriptor.digest))
            return _Kernel(
                subject, KernelVersion.parse(facts.version), tag.rpartition(":")[2], compiled
            )
        case other:
            raise not_taken(
                name,
                other,
                "a kernel, or an image of the store or of a registry",
                "name the image; a file does not say what it was compiled from",
            )


def _in_registry(reference: str, platform: Arch, *, insecure: bool) -> _Kernel:
    content = registry.read_manifest(reference, platform.oci, insecure=insecure)
    annotations = registry.manifest_of(content, reference).annotations or {}
    facts = _require_kernel(reference, KernelLabels.from_labels(annotations))
    repository = registry.repository_of(reference)
    compiled = compiled_artifact.fetch_compiled_files(repository, facts, insecure=insecure)
    digest = registry.find_digest(reference, insecure=insecure)
    subject = Subject(reference, str(digest) if digest else "", repository)
    tag = reference.removeprefix(repository).partition("@")[0].removeprefix(":")
    return _Kernel(subject, KernelVersion.parse(facts.version), tag, compiled)


def _require_kernel(name: str, facts: KernelLabels | None) -> KernelLabels:
    if facts is None:
        raise UserError(
            f"{name} does not say which kernel it contains",
            why="it has no labels dev.ingot.*",
            hint="name an image that Ingot built, such as kernel-bin:6.1",
        )
    return facts


def _print_warnings(answer: Answer, found: _Kernel, stale: Sequence[str]) -> None:
    errors = Terminal(stderr=True)
    warning = ("warning:", "yellow")
    if found.compiled is None:
        errors.say(
            warning,
            f" {found.subject.name} has no list of the files that it was compiled from, so every"
            " CVE is undecided: build it with this version of Ingot",
        )
    for each in answer.unreadable:
        errors.say(warning, f" {each}")
    for line in stale:
        errors.say(warning, f" {line}")
