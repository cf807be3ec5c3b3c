"""`ingot builder update`: make builders from the newest packages, and write their lock files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import pipeline, tools
from ingot.builder.builder_packages import changes, digest_of
from ingot.builder.rootfs_builder import Update
from ingot.catalog import BuilderSpec
from ingot.cli.builder.builder_names import Builders, builders_named
from ingot.cli.documents.parts import package_change_parts
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, Json, make_setting
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.setting import Project

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import BuilderUpdateDocument


def update(
    names: Builders = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the changes; write nothing.")
    ] = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Make builders from the newest packages, and write their lock files.

    Writes the package lists to lock files in the catalog's builders/, to review and commit. A
    builder that differs from its lock file is reported; with `locked = true` in its table, it is
    refused. A builder whose packages have not changed is kept.
    """
    setting = make_setting(catalog, cache)
    progress = make_progress(Terminal(stderr=True))
    specs = builders_named(setting, names)
    if not dry_run:
        setting.project.catalog.require_writable()
        setting.project.layout.require_writable()
    for kind in dict.fromkeys(spec.kind for spec in specs):
        tools.require_all(kind=kind)
    updates = {
        spec: pipeline.update_builder(setting.project, spec, progress, dry_run=dry_run)
        for spec in specs
    }
    if as_json:
        print_json(_document(setting.project, updates, dry_run=dry_run))
        return
    console = make_console()
    for spec, made in updates.items():
        _print(console, setting.project, spec, made, dry_run=dry_run)


def _print(
    console: Terminal, project: Project, spec: BuilderSpec, made: Update, *, dry_run: bool
) -> None:
    count = len(made.after)
    if made.before is None:
        lines = [f"{spec.name}: {count} packages; the earlier packages are not known"]
    else:
        found = changes(made.before, made.after)
        lines = [f"{spec.name}: {len(found) or 'none'} of {count} packages changed"]
        lines += [f"  {change.text}" for change in found]
    path = pipeline.site_of(project).lock_path(spec)
    lines.append(f"  {'would write' if dry_run else 'wrote'} {path}")
    for line in lines:
        console.say(line)


def _document(
    project: Project, updates: Mapping[BuilderSpec, Update], *, dry_run: bool
) -> BuilderUpdateDocument:
    return {
        "dry_run": dry_run,
        "builders": [
            {
                "builder": spec.name,
                "before": str(digest_of(made.before)) if made.before is not None else None,
                "after": str(digest_of(made.after)),
                "changes": package_change_parts(changes(made.before or (), made.after)),
                "lock": str(pipeline.site_of(project).lock_path(spec)),
            }
            for spec, made in updates.items()
        ],
    }
