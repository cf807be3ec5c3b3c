"""What can be removed: images no `<version>` tag stands for, and caches of what is not built.

Kept are the images of every moving tag, the builders of the catalog, and the sources whose
digest the catalog pins. Nothing is touched while a build runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.builder import rootfs
from ingot.errors import MachineError
from ingot.files import STAGING_PREFIX, locked_if_free, remove_tree, tree_size
from ingot.images import read_facts
from ingot.oci import Layout, collect_garbage, read_image
from ingot.pipeline import Setting
from ingot.source.cache import SourceCache
from ingot.workspace import Workspace, remove_stale_builds


@dataclass(frozen=True, slots=True)
class Removed:
    """One thing removed, or that would be: what it was, and its bytes on disk."""

    what: str
    size: int


def prune(setting: Setting, *, everything: bool, dry_run: bool) -> list[Removed]:
    """Remove what is unused; with `everything`, all caches as well (images stay).

    Raises MachineError while a build runs: what it uses cannot be told apart.
    """
    workspace = setting.workspace
    with locked_if_free(workspace.lock("use")) as free:
        if not free:
            raise MachineError(
                "a build is running", hint="let it end, then run `ingot prune` again"
            )
        return [
            *_images(setting.layout, dry_run=dry_run),
            *_builders(setting, everything=everything, dry_run=dry_run),
            *_sources(setting, everything=everything, dry_run=dry_run),
            *_leftovers(workspace, dry_run=dry_run),
            *_caches(setting, everything=everything, dry_run=dry_run),
        ]


def _images(layout: Layout, *, dry_run: bool) -> list[Removed]:
    """Immutable tags that no moving tag shares its image with, then what nothing reaches."""
    tags = layout.tags()
    moving, immutable = set(), {}
    for tag, descriptor in tags.items():
        facts = read_facts(read_image(layout, descriptor))
        if facts and tag.endswith(f"-{facts.recipe_key.short}"):
            immutable[tag] = descriptor
        else:
            moving.add(descriptor.digest)
    stale = [tag for tag, descriptor in immutable.items() if descriptor.digest not in moving]
    removed = [Removed(f"image {tag}", 0) for tag in stale]
    if not dry_run:
        layout.untag(stale)
    garbage = collect_garbage(layout, dry_run=dry_run)
    if garbage.blobs:
        removed.append(Removed(f"{garbage.blobs} blobs of the store", garbage.bytes))
    return removed


def _builders(setting: Setting, *, everything: bool, dry_run: bool) -> list[Removed]:
    specs = {kernel.builder for kernel in setting.catalog.kernels}
    found = [rootfs.find(spec, setting.layout) for spec in specs]
    keep = set() if everything else {descriptor.digest.hex for descriptor in found if descriptor}
    root = setting.workspace.builders
    removed = []
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_dir() and folder.name not in keep and not _unfinished(folder):
            removed.append(Removed(f"unpacked builder {folder.name[:12]}", tree_size(folder)))
            if not dry_run:
                remove_tree(folder)
    return removed


def _sources(setting: Setting, *, everything: bool, dry_run: bool) -> list[Removed]:
    keep = {pin for kernel in setting.catalog.kernels for pin in kernel.pins.values()}
    workspace = setting.workspace
    removed = SourceCache(workspace.sources).remove_unused(
        set() if everything else keep, dry_run, workspace.downloads
    )
    return [Removed(f"source {item.what}", item.size) for item in removed]


def _unfinished(path: Path) -> bool:
    return path.name.startswith(STAGING_PREFIX)


def _leftovers(workspace: Workspace, *, dry_run: bool) -> list[Removed]:
    """What killed runs left unfinished: builders and patched trees under way, build folders."""
    removed = []
    for parent in (workspace.builders, workspace.sources):
        for folder in sorted(parent.glob(f"{STAGING_PREFIX}*/")):
            removed.append(Removed("what a killed run left", tree_size(folder)))
            if not dry_run:
                remove_tree(folder)
    if not dry_run:
        for root in workspace.build_roots():
            remove_stale_builds(root)
    return removed


def _caches(setting: Setting, *, everything: bool, dry_run: bool) -> list[Removed]:
    if not everything:
        return []
    workspace = setting.workspace
    removed = []
    for folder in (workspace.ccache, workspace.configs):
        if folder.is_dir():
            removed.append(Removed(f"cache {folder.name}", tree_size(folder)))
            if not dry_run:
                remove_tree(folder)
    return removed
