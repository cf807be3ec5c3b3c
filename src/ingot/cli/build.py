"""`ingot build`: from the catalog to booted, tagged images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot import pipeline
from ingot.cli.documents.parts import (
    failure_parts,
    image_parts,
    kernel_part,
    source_part,
    step_parts,
    total_seconds,
)
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    Arches,
    BootTimeout,
    BuildDirectory,
    BuilderName,
    CacheDirectory,
    CacheFrom,
    CatalogDirectory,
    Flavors,
    Insecure,
    Json,
    Kernels,
    Strict,
    With,
    Without,
    choose,
    make_setting,
)
from ingot.cli.shared.each_kernel import Failed, exit_if_failed, for_each
from ingot.cli.shared.progress_display import make_progress, seconds_text
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.errors import UserError
from ingot.pipeline import Built
from ingot.setting import Setting
from ingot.source.origin import Source
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import BuildDocument
    from ingot.registry import Registry


def build(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    with_: With = None,
    without: Without = None,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    strict: Strict = False,
    builder: BuilderName = None,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    cache_from: CacheFrom = None,
    insecure: Insecure = False,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="ENGINE",
            help="Build by jobs of this engine instead of in this command: local (processes of this"
            " machine), kubernetes or slurm. See docs/fleet.md.",
            show_default=False,
        ),
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[/PATH]",
            envvar="REGISTRY",
            help="With --on: the registry that the jobs push to. What it has is not built again.",
            show_default=False,
        ),
    ] = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="With --on: do not wait for the jobs; see `ingot jobs`."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only show what would be compiled, found or pulled, and which inputs differ from"
            " the newest build in the store.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Build kernels, boot them, tag their images.

    A kernel is not compiled again if the store has a build of the same recipe, or if
    --cache-from finds one in a registry. A kernel that fails does not stop the others; the exit
    code is then that of the first failure.

    With --with and --without the kernel is a variant that the catalog does not list; the tags of
    its images name the difference, such as 6.1.176-with-bpf. With --patch the tag is
    6.1.176-patched, whatever the patches are. With --source it ends in the source's name, such as
    6.1.176-from-linux_acme.

    With --dry-run, nothing is compiled, pulled or tagged. The config is resolved if the source and
    the builder are in the cache; otherwise only what is missing is shown.

    With --on, each kernel that the registry lacks is a job of the engine, which pushes its images
    there. The tags in the registry are set at the end. Ctrl-C cancels the jobs that this command
    has submitted; after any other end, the same command follows them again.
    """
    if detach and not on:
        raise UserError("--detach needs --on", hint="name an engine, such as --on kubernetes")
    if dry_run and on:
        raise UserError(
            "--dry-run cannot be used with --on",
            hint="`--dry-run --cache-from REGISTRY` shows what that registry has",
        )
    errors = Terminal(stderr=True)
    remote = _registry(cache_from, insecure) if cache_from else None
    setting = make_setting(
        catalog,
        cache,
        build_dir,
        source,
        boot_timeout,
        remote,
        keyring=keyring,
        patches=patches,
        offline=offline,
        strict=strict,
    )
    selected = choose(
        setting, kernels, arches, flavors, with_, without, builder=builder, maintained=True
    )
    if source and len({kernel.version for kernel in selected}) > 1:
        raise UserError(
            f"--source is one tree, but {len({kernel.version for kernel in selected})} versions"
            " are selected",
            hint="name only the version of that tree",
        )
    if dry_run:
        from ingot.cli.build_forecast import show_forecasts  # a build does not need it

        show_forecasts(setting, selected, as_json=as_json)
        return
    if on:
        from ingot.cli.fleet.build_on import build_on  # engines and their libraries are large

        built, failed = build_on(
            on, setting, selected, errors, registry=registry, insecure=insecure, detach=detach
        )
    else:
        progress = make_progress(errors)
        built, failed = for_each(
            selected, lambda kernel: pipeline.build(setting, kernel, progress), errors
        )
    if as_json:
        print_json(_document(setting, built, failed))
    else:
        _print_summary(make_console(), built, failed)
    exit_if_failed(errors, failed, single=len(selected) == 1)


def _registry(reference: str, insecure: bool) -> Registry:
    """The registry used as a cache. Its code is imported when there is one."""
    from ingot.registry import Registry, check_registry

    return Registry(check_registry(reference), insecure)


def _print_summary(console: Terminal, built: Sequence[Built], failed: Sequence[Failed]) -> None:
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
        console.say(f"{kernel.tag}: failed")


def _timing_table(built: Sequence[Built]) -> Table:
    """The time of each step: one row per step, one column per kernel."""
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


def _document(setting: Setting, built: Sequence[Built], failed: Sequence[Failed]) -> BuildDocument:
    own = setting.options.local
    return {
        "source": source_part(own) if isinstance(own, Source) else None,
        "built": [
            {
                **kernel_part(one.kernel),
                "patched": one.kernel.patched,
                "recipe_key": str(one.recipe_key),
                "found_in_store": one.found,
                "pulled": one.pulled,
                "boot": {"verdict": one.boot.verdict.value, "machine": one.boot.machine}
                if one.boot
                else None,
                "proofs": [
                    {"vmm": each.vmm, "proof": each.proof.value, "machine": each.machine or None}
                    for each in one.proofs
                ],
                "images": image_parts(one.images),
                "seconds": total_seconds(one.timings),
                "steps": step_parts(one.timings),
            }
            for one in built
        ],
        "failed": failure_parts(failed),
    }
