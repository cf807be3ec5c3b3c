"""`ingot config show`: print a kernel's config, or the options that its fragments ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from ingot import pipeline
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    KernelName,
    choose_one,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, print_document, print_line
from ingot.kconfig import OptionRequest


def show(
    kernel: KernelName,
    asked: Annotated[
        bool,
        typer.Option(
            "--asked", help="Print only the options that the fragments ask for, each with its line."
        ),
    ] = False,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Print a kernel's config.

    This is the full `.config`, as Kconfig resolved it; with --asked, the merged lines of the
    fragments, each with its file and line number.
    """
    setting = make_setting(
        catalog, cache, source=source, keyring=keyring, patches=patches, offline=offline
    )
    wanted = choose_one(setting, kernel)
    if asked:
        for option, request in setting.project.catalog.requests(wanted).items():
            print_line(f"CONFIG_{option}={request.value}  # {_origin(request)}")
        return
    (resolved,) = pipeline.resolve_all(setting, [wanted], make_progress(Terminal(stderr=True)))
    pipeline.require_sound(resolved)
    print_document(resolved.config.text)


def _origin(request: OptionRequest) -> str:
    """The line that requests an option, and the one it replaces."""
    if request.replaced is None:
        return str(request.place)
    return f"{request.place}, instead of {request.replaced.place} ({request.replaced.value})"
