"""`ingot fleet job`: what a job of a fleet runs on its machine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ingot.arch import arch_called
from ingot.cli.fleet.fleet_options import JobRegistry
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    BootTimeout,
    BuildDirectory,
    BuilderName,
    CacheDirectory,
    Insecure,
    KernelName,
    choose,
    default_cache,
)
from ingot.cli.shared.terminal import Terminal
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.fleet.catalog_image import fetch_catalog
from ingot.fleet.job_lines import JobProgress
from ingot.fleet.job_run import forget_images, run_job
from ingot.oci import Layout
from ingot.operands import RegistryImage, parse_operand
from ingot.registry import Registry, check_registry
from ingot.setting import RunOptions, Setting, in_use, open_project
from ingot.workspace import Workspace


def job(
    kernel: KernelName,
    recipe: Annotated[
        str, typer.Option(metavar="KEY", help="The recipe key: 64 hexadecimal digits.")
    ],
    catalog_image: Annotated[
        str,
        typer.Option(
            metavar="IMAGE", help="The catalog, as an image of the registry, by its digest."
        ),
    ],
    registry: JobRegistry,
    builder: BuilderName = None,
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The image store. Default: one below the cache that keeps only builders.",
            show_default=False,
        ),
    ] = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    jobserver: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="READ WRITE",
            help="The descriptors of a jobserver of make that jobs on one machine share.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
) -> None:
    """Build the kernel of one recipe and push it; a fleet's machines run this.

    Pushes only the recipe's immutable tag. Fails if the kernel has another recipe on this machine.

    The exit code says whose fault a failure is: 2 the request's, 3 this machine's, 4 a
    verification, 5 the kernel's compile, 6 its boot. Only after 3 can another attempt succeed.
    """
    errors = Terminal(stderr=True)
    progress = JobProgress(errors.say)
    target = Registry(check_registry(registry), insecure)
    workspace = Workspace((cache or default_cache()).absolute())
    workspace.prepare()
    catalog = fetch_catalog(
        _reference(catalog_image),
        workspace.fleet / "catalogs",
        arch_called(os.uname().machine).oci,
        progress,
        insecure=insecure,
    )
    project = open_project(catalog, cache=workspace.root, build_dir=build_dir)
    project = replace(project, layout=Layout((store or workspace.fleet / "images").absolute()))
    setting = Setting(
        project, RunOptions(cache=target, boot_seconds=boot_timeout, jobserver=jobserver)
    )
    (selected,) = choose(setting, [kernel], builder=builder)
    key = Digest.parse(recipe)
    with in_use(project, progress):
        run_job(setting, selected, key, target, progress)
        if store is None:
            forget_images(setting, selected, key)


def _reference(image: str) -> str:
    """The reference of the catalog; a UserError unless it is an image of a registry by digest."""
    operand = parse_operand(image)
    if not isinstance(operand, RegistryImage) or "@sha256:" not in operand.reference:
        raise UserError(
            f"'{image}' is not a catalog in a registry",
            why="jobs name their catalog by its digest, so that all of them use the same",
            hint="`ingot fleet manifest` prints the whole command",
        )
    return operand.reference
