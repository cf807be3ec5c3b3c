"""Removes what is no longer used: images without a `<version>` tag, and unused cache entries.

Kept are the images of every moving tag with their boot profiles, the builders of the catalog, the
sources whose digest the catalog pins, and images that another tool put into the store. Nothing is
removed while a build runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.arch import all_arches
from ingot.boot.cost.boot_profile import PROFILE_TYPE
from ingot.builder.builder_image import SPEC_LABEL, find
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.files import STAGING_PREFIX, locked_if_free, remove_tree, tree_size
from ingot.images import read_facts
from ingot.lab import is_profile
from ingot.oci import (
    REF_NAME,
    Descriptor,
    Image,
    Layout,
    collect_garbage,
    read_artifact,
    read_image,
)
from ingot.oci.graph import reachable
from ingot.pipeline import site_of
from ingot.setting import Project
from ingot.source.trees.source_cache import SourceCache
from ingot.source.trees.source_record import digest_named
from ingot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RemovedItem:
    """An item that was or would be removed: what it is, and its size on disk in bytes."""

    what: str
    size: int


def prune(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    """Remove what is unused; with `everything`, all caches as well (images stay).

    Raises MachineError while a build runs, because it may use items that look unused. A dry run
    returns what would be removed, by the same rules, and removes nothing.
    """
    with _exclusive(project.workspace):
        return [
            *_images(project, dry_run=dry_run),
            *_builders(project, everything=everything, dry_run=dry_run),
            *_sources(project, everything=everything, dry_run=dry_run),
            *_leftovers(project.workspace, dry_run=dry_run),
            *_caches(project, everything=everything, dry_run=dry_run),
        ]


@contextlib.contextmanager
def _exclusive(workspace: Workspace) -> Iterator[None]:
    """Hold every lock on the caches; MachineError if another process holds one."""
    workspace.prepare()
    locks = [workspace.lock("use"), *sorted(workspace.builders.glob(".*.lock"))]
    with contextlib.ExitStack() as held:
        for lock in locks:
            if not held.enter_context(locked_if_free(lock)):
                raise MachineError(
                    "a build is running", hint="wait until it ends, then run `ingot prune` again"
                )
        yield


def _images(project: Project, *, dry_run: bool) -> list[RemovedItem]:
    """Remove the stale tags, then the blobs that no other tag references."""
    layout = project.layout
    before = collect_garbage(layout, dry_run=True)
    if before.skipped:
        raise _store_in_use(layout)
    stale = _stale_tags(project)
    if dry_run:
        blobs = _blobs_of_only(layout, stale)
        count = before.blobs + len(blobs)
        size = before.bytes + sum(path.stat().st_size for path in blobs)
    else:
        layout.untag(stale)
        garbage = collect_garbage(layout)
        if garbage.skipped:  # another process has just begun to write
            raise _store_in_use(layout)
        count, size = garbage.blobs, garbage.bytes
    removed = [
        RemovedItem(f"{'profile' if is_profile(tag) else 'image'} {tag}", 0) for tag in stale
    ]
    return [*removed, *([RemovedItem(f"{count} blobs of the store", size)] if count else [])]


def _store_in_use(layout: Layout) -> MachineError:
    return MachineError(
        f"the image store {layout.root} is in use",
        why="an image that is being written has no tag yet, and would look unused",
        hint="wait until the command that uses it ends, then run `ingot prune` again",
    )


def _stale_tags(project: Project) -> list[str]:
    """Immutable tags whose image has no moving tag, builders that are not of the catalog, and the
    boot profiles of images that go."""
    layout = project.layout
    tags = layout.tags()
    images = {tag: _image(layout, descriptor) for tag, descriptor in tags.items()}
    immutable = {tag for tag, image in images.items() if image and _is_immutable(tag, image)}
    moving = {tags[tag].digest for tag in tags if tag not in immutable}
    builders = _builders_of_catalog(project)
    stale = [
        tag
        for tag, image in images.items()
        if image
        and (
            (tag in immutable and tags[tag].digest not in moving)
            or (SPEC_LABEL in image.labels and tags[tag].digest not in builders)
        )
    ]
    kept = {tags[tag].digest for tag, image in images.items() if image and tag not in stale}
    profiled = {tag: _profiled_image(layout, tags[tag]) for tag in tags}
    return [*stale, *(tag for tag in tags if profiled[tag] not in {None, *kept})]


def _profiled_image(layout: Layout, descriptor: Descriptor) -> Digest | None:
    """The image that a boot profile belongs to; None if the artifact is not a boot profile."""
    try:
        artifact = read_artifact(layout, descriptor)
    except (UserError, VerificationError):  # the command that reads it reports the damage
        return None
    return artifact.subject.digest if artifact.artifact_type == PROFILE_TYPE else None


def _image(layout: Layout, descriptor: Descriptor) -> Image | None:
    """The image; None if Ingot cannot read it: another tool's image, which is kept."""
    try:
        return read_image(layout, descriptor)
    except UserError:
        return None


def _is_immutable(tag: str, image: Image) -> bool:
    """Whether a tag ends in its kernel's recipe key: see `images.tags_for`."""
    try:
        facts = read_facts(image)
    except UserError:  # the command that uses the image reports what is wrong
        return False
    return facts is not None and tag.endswith(f"-{facts.recipe_key.short}")


def _blobs_of_only(layout: Layout, tags: Collection[str]) -> list[Path]:
    """Blobs that only these tags reference."""
    kept: set[Digest] = set()
    going: set[Digest] = set()
    for root in layout.roots():
        side = going if root.annotations.get(REF_NAME) in tags else kept
        side.update(descriptor.digest for descriptor in reachable(layout.blobs, root))
    paths = [layout.blobs.path(digest) for digest in going - kept]
    return [path for path in paths if path.exists()]


def _builders_of_catalog(project: Project) -> set[Digest]:
    """The builders of the current catalog that the store has, for hosts of every arch."""
    site = site_of(project)
    sites = [replace(site, host=arch) for arch in all_arches()]
    found = [find(spec, each) for spec in project.catalog.builders.values() for each in sites]
    return {descriptor.digest for descriptor in found if descriptor}


def _builders(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    keep = set() if everything else {digest.hex for digest in _builders_of_catalog(project)}
    root = project.workspace.builders
    removed = []
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_dir() and folder.name not in keep and not _unfinished(folder):
            removed.append(RemovedItem(f"unpacked builder {folder.name[:12]}", tree_size(folder)))
            if not dry_run:
                remove_tree(folder)
    return removed


def _sources(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    keep = {pin for kernel in project.catalog.kernels for pin in kernel.pins.values()}
    workspace = project.workspace
    removed = SourceCache(workspace.sources).remove_unused(
        set() if everything else keep, dry_run, workspace.downloads
    )
    return [RemovedItem(f"source {item.what}", item.size) for item in removed]


def _unfinished(path: Path) -> bool:
    return path.name.startswith(STAGING_PREFIX)


def _leftovers(workspace: Workspace, *, dry_run: bool) -> list[RemovedItem]:
    """Unfinished files of killed runs: builders, patched trees, clones and build directories.

    Unfinished sources are not included: the source cache removes those, under its own locks.
    """
    removed = []
    for parent in (workspace.builders, workspace.sources, workspace.downloads):
        for folder in sorted(parent.glob(f"{STAGING_PREFIX}*/")):
            if digest_named(folder.name.removeprefix(STAGING_PREFIX)):
                continue
            removed.append(RemovedItem("unfinished files of a killed run", tree_size(folder)))
            if not dry_run:
                remove_tree(folder)
    if not dry_run:
        workspace.remove_stale()
    return removed


def _caches(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    if not everything:
        return []
    workspace = project.workspace
    removed = []
    for folder in (workspace.ccache, workspace.configs):
        if folder.is_dir() and any(folder.iterdir()):
            removed.append(RemovedItem(f"cache {folder.name}", tree_size(folder)))
            if not dry_run:
                remove_tree(folder)
    return removed
