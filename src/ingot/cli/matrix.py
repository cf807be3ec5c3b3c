"""`ingot matrix`: the kernels to build, as a job matrix for GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import changes
from ingot.catalog import Kernel
from ingot.catalog.kernel_selection import ALL
from ingot.catalog.ownership import require_own_repository
from ingot.changes import KernelChange
from ingot.cli.documents.parts import kernel_part
from ingot.cli.shared.common_options import (
    Arches,
    CatalogDirectory,
    Flavors,
    choose,
    make_setting,
    users_trusted,
)
from ingot.cli.shared.completion import complete_kernels
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_document
from ingot.setting import Setting

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import MatrixDocument

_MOST_JOBS = 256
"""The most jobs that GitHub runs from one matrix (GitHub's documentation, "Actions limits")."""


def matrix(
    kernels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KERNEL",
            help="Versions (6.1.176), series (6.1: its newest) or kernels (6.1-minimal-arm64)."
            " Without any: every version of every series that is maintained.",
            show_default=False,
            autocompletion=complete_kernels,
        ),
    ] = None,
    changed_since: Annotated[
        str | None,
        typer.Option(
            "--changed-since",
            metavar="COMMIT",
            help="Only kernels that changed since this commit of the catalog's git repository. A"
            " new comment in a fragment changes no kernel. If the repository contains Ingot, a"
            " change of Ingot's code changes every kernel.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample",
            help="Only a sample: of the newest version of each series, the smallest kernel of each"
            " arch, and the largest of the default arch.",
        ),
    ] = False,
    arches: Arches = None,
    flavors: Flavors = None,
    why: Annotated[
        bool, typer.Option("--why", help="Print to standard error why each kernel is included.")
    ] = False,
    catalog: CatalogDirectory = None,
) -> None:
    """Print the kernels to build as a GitHub Actions matrix (JSON).

    The output is one line.
    Includes every arch and flavor, unless a name or an option selects some. Each row has `kernel`
    (the name to pass to `ingot build`), `version`, `series`, `arch` and `flavor`.
    """
    setting = make_setting(catalog, None)
    errors = Terminal(stderr=True)
    chosen = [
        KernelChange(kernel, "it is in the catalog")
        for kernel in _select(setting, kernels, arches, flavors)
    ]
    if changed_since is not None:
        selected = [change.kernel for change in chosen]
        if catalog is None:
            require_own_repository(setting.project.catalog.root, users_trusted())
        chosen = changes.changed_since(
            changed_since, setting.project.catalog, selected, make_progress(errors)
        )
    if sample:
        kept = set(changes.sample(setting.project.catalog, [change.kernel for change in chosen]))
        chosen = [change for change in chosen if change.kernel in kept]
    print_document(
        json.dumps(_document([change.kernel for change in chosen]), separators=(",", ":"))
    )
    for change in chosen if why else ():
        errors.say(f"{change.kernel.tag}: {change.reason}")
    if len(chosen) > _MOST_JOBS:
        errors.say(
            ("warning:", "yellow"),
            f" the matrix has {len(chosen)} jobs, but GitHub runs at most {_MOST_JOBS} of one"
            " matrix: name fewer kernels",
        )


def _select(
    setting: Setting,
    names: Sequence[str] | None,
    arches: Sequence[str] | None,
    flavors: Sequence[str] | None,
) -> list[Kernel]:
    """The selected kernels: the named ones, or all versions of the maintained series."""
    found = choose(setting, names, arches or [ALL], flavors or [ALL], maintained=True)
    if names:
        return found
    kinds = {(kernel.version.series, kernel.arch, kernel.flavor.name) for kernel in found}
    return [
        kernel
        for kernel in setting.project.catalog.kernels
        if (kernel.version.series, kernel.arch, kernel.flavor.name) in kinds
    ]


def _document(kernels: Sequence[Kernel]) -> MatrixDocument:
    return {"include": [kernel_part(kernel) for kernel in kernels]}
