"""`ingot build`: from the catalog to booted, tagged images."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from ingot import pipeline
from ingot.catalog import Kernel
from ingot.cli.options import (
    DEFAULT_BOOT_SECONDS,
    Arches,
    BootTimeout,
    BuildFolder,
    CacheFolder,
    CatalogFolder,
    Flavors,
    Json,
    Kernels,
    LocalSource,
    With,
    Without,
    choose,
    make_setting,
)
from ingot.cli.render import (
    kernel_label,
    make_console,
    make_progress,
    print_error,
    seconds_text,
    size_text,
)
from ingot.errors import IngotError, UserError, told_by_the_system
from ingot.pipeline import Built

Failed = tuple[Kernel, IngotError]


def build(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    with_: With = None,
    without: Without = None,
    source: LocalSource = None,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    build_dir: BuildFolder = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Build kernels, boot them, tag their images.

    A kernel whose recipe is in the store already is not compiled again. One that fails does
    not stop the others; the exit code is then that of the first failure.

    With --with and --without the kernel is a variant that the catalog does not list; its
    images are tagged after what is different, such as 6.1.176-with-bpf.
    """
    errors = Console(stderr=True)
    setting = make_setting(catalog, cache, build_dir, source, boot_timeout)
    selected = choose(setting, kernels, arches, flavors, with_, without, maintained=True)
    if source and len({kernel.version for kernel in selected}) > 1:
        raise UserError(
            f"--source gives one tree for {len(selected)} kernels",
            hint="name the one version it is",
        )
    built: list[Built] = []
    failed: list[Failed] = []
    progress = make_progress(errors)
    for kernel in selected:
        if len(selected) > 1:
            errors.rule(kernel_label(kernel), align="left")
        try:
            built.append(pipeline.build(setting, kernel, progress))
        except (IngotError, OSError) as error:
            told = told_by_the_system(error) if isinstance(error, OSError) else error
            failed.append((kernel, told))
            if len(selected) > 1:
                print_error(errors, told)
    if as_json:
        print(json.dumps(_document(built, failed), indent=2))
    else:
        _print_summary(make_console(), built, failed)
    if failed:
        _end_badly(errors, failed, alone=len(selected) == 1)


def _end_badly(errors: Console, failed: Sequence[Failed], *, alone: bool) -> None:
    first = failed[0][1]
    if alone:
        raise first
    names = ", ".join(kernel.tag for kernel, _ in failed)
    errors.print(f"[bold red]failed:[/] {names} (each error is above)", highlight=False)
    raise typer.Exit(first.exit_code)


def _print_summary(console: Console, built: Sequence[Built], failed: Sequence[Failed]) -> None:
    if not built:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    images = [image for one in built for image in one.images]
    table.add_column("image", no_wrap=True, min_width=max(len(image.tag) for image in images))
    table.add_column("digest", no_wrap=True, overflow="ellipsis")
    table.add_column("size", justify="right", no_wrap=True, min_width=len("1000.0 MiB"))
    for image in images:
        table.add_row(image.tag, str(image.digest), size_text(image.size))
    console.print()
    console.print(table)
    if any(one.timings for one in built):
        console.print()
        console.print(_timing_table(built))
    for kernel, _ in failed:
        console.print(f"{kernel.tag}: failed", highlight=False)


def _timing_table(built: Sequence[Built]) -> Table:
    """Time per step: a row a step, a column a kernel."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("step", no_wrap=True)
    titles: dict[str, None] = {}
    for one in built:
        table.add_column(one.kernel.tag, justify="right", no_wrap=True)
        titles |= dict.fromkeys(timing.title for timing in one.timings)
    for title in titles:
        row = [
            next((seconds_text(t.seconds) for t in one.timings if t.title == title), "")
            for one in built
        ]
        table.add_row(title, *row)
    totals = [seconds_text(sum(timing.seconds for timing in one.timings)) for one in built]
    table.add_row("total", *totals, style="bold")
    return table


def _document(built: Sequence[Built], failed: Sequence[Failed]) -> object:
    return {
        "built": [
            {
                "version": str(one.kernel.version),
                "arch": one.kernel.arch.name,
                "flavor": one.kernel.flavor.name,
                "recipe_key": str(one.recipe_key),
                "found_in_store": one.found,
                "boot": one.boot
                and {"verdict": one.boot.verdict.value, "machine": one.boot.machine},
                "images": [
                    {"tag": image.tag, "digest": str(image.digest), "size": image.size}
                    for image in one.images
                ],
                "seconds": {timing.title: round(timing.seconds, 3) for timing in one.timings},
            }
            for one in built
        ],
        "failed": [
            {
                "version": str(kernel.version),
                "arch": kernel.arch.name,
                "flavor": kernel.flavor.name,
                "error": str(error),
            }
            for kernel, error in failed
        ],
    }
