"""`ingot boot`: boot a kernel of the store again, and show what its guest reported."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from ingot import pipeline
from ingot.boot.report import BootReport
from ingot.builder.sandbox import Builder
from ingot.cli.lookup import find_image
from ingot.cli.options import (
    DEFAULT_BOOT_SECONDS,
    BootTimeout,
    BuildFolder,
    CacheFolder,
    CatalogFolder,
    Json,
    complete_kernels,
    make_setting,
)
from ingot.cli.profile_table import print_profile
from ingot.cli.render import make_progress, seconds_text
from ingot.errors import BootError, UserError
from ingot.images import BASE
from ingot.oci import Image
from ingot.pipeline import Setting
from ingot.progress import Progress

T = TypeVar("T")
Work = Callable[[Setting, Image, Builder, Progress], T]


def boot(
    kernel: Annotated[
        str,
        typer.Argument(
            help="A version, a series (its newest), or a base image of the store.",
            autocompletion=complete_kernels,
        ),
    ],
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    build_dir: BuildFolder = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    show_console: Annotated[
        bool, typer.Option("--console", help="Print all that the guest printed.")
    ] = False,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Count the instructions to init instead, and what they are spent on; the same"
            " figure on every run and machine with the same QEMU. It is kept beside the image.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Boot a kernel of the store in QEMU.

    The guest reports its release, loads a module of the modules image and shuts down; each
    check is a line. Exits with 6 if one fails.
    """
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    if profile:
        if show_console:
            raise UserError("--profile boots twice and shows neither console", hint="leave one out")
        _profile(setting, kernel, as_json=as_json)
        return
    tag, report = _work_on(setting, kernel, pipeline.boot_image)
    if as_json:
        print(json.dumps(_document(tag, report), indent=2))
    else:
        _print(Console(), report, show_console=show_console)
    if not report.passed:
        raise BootError(f"{tag} did not pass: {report.verdict.value}", why=report.explain())


def _profile(setting: Setting, kernel: str, *, as_json: bool) -> None:
    tag, profile = _work_on(setting, kernel, pipeline.profile_image)
    if as_json:
        document = {"image": tag, "seconds": profile.seconds, **profile.to_json()}
        print(json.dumps(document, indent=2))
    else:
        print_profile(Console(), tag, profile)


def _work_on(setting: Setting, kernel: str, work: Work[T]) -> tuple[str, T]:
    """Work on what a person calls `kernel`; returns its tag too. A UserError if it is no base."""
    progress = make_progress(Console(stderr=True))
    with pipeline.in_use(setting, progress):
        tag, image = find_image(setting, kernel)
        if not tag.startswith(f"{BASE}:"):
            raise UserError(
                f"{tag} cannot be booted by itself",
                why="a boot test needs kernel and modules",
                hint=f"boot {BASE}:{tag.partition(':')[2]}",
            )
        # any builder compiles the guest's init; that of the newest kernel is most likely there
        spec = setting.catalog.kernels[-1].builder
        builder = pipeline.ensure_builder(setting, spec, progress)
        return tag, work(setting, image, builder, progress)


def _print(console: Console, report: BootReport, *, show_console: bool) -> None:
    if show_console:
        for line in report.console:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    for check in report.checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        console.print(f"{mark} {escape(check.name)}: {escape(check.detail)}", highlight=False)
    where = f"{report.machine}, {report.accelerator}, {seconds_text(report.seconds)}"
    console.print(f"{report.verdict.value} ({where})", highlight=False)


def _document(tag: str, report: BootReport) -> dict[str, object]:
    return {
        "image": tag,
        "verdict": report.verdict.value,
        "machine": report.machine,
        "accelerator": report.accelerator,
        "seconds": round(report.seconds, 3),
        "checks": [
            {"name": check.name, "ok": check.ok, "detail": check.detail} for check in report.checks
        ],
        "console": list(report.console),
        "command": shlex.join(report.command),
    }
