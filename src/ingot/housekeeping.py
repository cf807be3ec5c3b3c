"""`ingot prune`: removes images that no moving tag points to, and caches that are not used.

Kept are the images of every moving tag and the artifacts about them, the catalog's builders, the
sources whose digest the catalog pins, and images that other tools wrote into the store. Nothing
is removed while a build runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ingot.boot.cost.boot_profile import PROFILE_TYPE
from ingot.build_record import BUILD_RECORD_TYPE
from ingot.builder.builder_image import SPEC_LABEL
from ingot.builder.kept_images import KEPT_IMAGE_SUFFIX
from ingot.compiled_artifact import COMPILED_FILES_TYPE
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.files import STAGING_PREFIX, locked_if_free, remove_tree, tree_size
from ingot.images import (
    BUILD_RECORD,
    COMPILED_FILES,
    PROFILE,
    SIGNATURES,
    artifact_kind,
    is_immutable,
    signed_image,
)
from ingot.oci import (
    Descriptor,
    Image,
    Layout,
    blobs_of_only,
    collect_garbage,
    read_artifact,
    read_image,
)
from ingot.pipeline import builders_of_catalog
from ingot.setting import Project
from ingot.source.trees.source_cache import SourceCache
from ingot.source.trees.source_record import digest_named
from ingot.workspace import Workspace
from ingot.write_access import free_to_read

_ARTIFACT_TYPES = (PROFILE_TYPE, COMPILED_FILES_TYPE, BUILD_RECORD_TYPE)
_KINDS: Mapping[str | None, str] = {
    PROFILE: "profile",
    COMPILED_FILES: "compiled files",
    BUILD_RECORD: "record of the build",
    SIGNATURES: "signatures",
}


class RemovedKind(Enum):
    """What was removed: this decides how long its space stays free."""

    IMAGE = "image"
    BUILDER = "builder"
    SOURCE = "source"
    CACHE = "cache"
    LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True)
class RemovedItem:
    """An item that was removed, or would be in a dry run: its description and bytes on disk."""

    what: str
    size: int
    kind: RemovedKind = field(default=RemovedKind.IMAGE, compare=False)


def prune(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    """Remove what is unused; with `everything`, all caches as well (images stay).

    Raises MachineError while a build runs: which files it needs is not known.
    A dry run returns what would be removed, by the same rules, and removes nothing.
    """
    with _caches_locked(project.workspace, dry_run=dry_run):
        return [
            *_images(project, dry_run=dry_run),
            *_builders(project, everything=everything, dry_run=dry_run),
            *_sources(project, everything=everything, dry_run=dry_run),
            *_leftovers(project.workspace, dry_run=dry_run),
            *_caches(project, everything=everything, dry_run=dry_run),
        ]


@contextlib.contextmanager
def _caches_locked(workspace: Workspace, *, dry_run: bool) -> Iterator[None]:
    """Hold all locks of the caches; a MachineError if another process holds one.

    The caches may be read-only for a dry run.
    """
    workspace.require_own()  # before its directories are made, which a cache has
    if not dry_run:
        workspace.prepare()
    lock_of = free_to_read if dry_run else locked_if_free
    locks = [workspace.lock("use"), *sorted(workspace.builders.glob(".*.lock"))]
    with contextlib.ExitStack() as held:
        for lock in locks:
            if not held.enter_context(lock_of(lock)):
                raise MachineError(
                    "a build is running", hint="wait until it ends, then run `ingot prune` again"
                )
        yield


def _images(project: Project, *, dry_run: bool) -> list[RemovedItem]:
    """Remove stale tags, then the blobs that no other tag reaches."""
    layout = project.layout
    before = collect_garbage(layout, dry_run=True)
    if before.skipped:
        raise _store_in_use(layout)
    stale = _stale_tags(project)
    if dry_run:
        blobs = blobs_of_only(layout, stale)
        count = before.blobs + len(blobs)
        size = before.bytes + sum(path.stat().st_size for path in blobs)
    else:
        layout.untag(stale)
        garbage = collect_garbage(layout)
        if garbage.skipped:  # another process began to write meanwhile
            raise _store_in_use(layout)
        count, size = garbage.blobs, garbage.bytes
    removed = [RemovedItem(f"{_KINDS.get(artifact_kind(tag), 'image')} {tag}", 0) for tag in stale]
    return [*removed, *([RemovedItem(f"{count} blobs of the store", size)] if count else [])]


def _store_in_use(layout: Layout) -> MachineError:
    return MachineError(
        f"the image store {layout.root} is in use",
        why="blobs that are being written have no tag yet, and look unused",
        hint="wait for the command that uses it, then run `ingot prune` again",
    )


def _stale_tags(project: Project) -> list[str]:
    """Immutable tags of images without a moving tag, and tags of builders not in the catalog."""
    layout = project.layout
    tags = layout.tags()
    images = {tag: _image(layout, descriptor) for tag, descriptor in tags.items()}
    immutable = {tag for tag, image in images.items() if image and is_immutable(tag, image)}
    moving = {tags[tag].digest for tag in tags if tag not in immutable}
    builders = builders_of_catalog(project)
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
    orphans = [
        tag
        for tag in tags
        if (signed_image(tag) or _described_image(layout, tags[tag])) not in {None, *kept}
    ]
    return [*stale, *orphans]


def _described_image(layout: Layout, descriptor: Descriptor) -> Digest | None:
    """The image that one of Ingot's artifacts describes; None if this is not one."""
    try:
        artifact = read_artifact(layout, descriptor)
    except (UserError, VerificationError):  # damage is reported by the commands that read it
        return None
    return artifact.subject.digest if artifact.artifact_type in _ARTIFACT_TYPES else None


def _image(layout: Layout, descriptor: Descriptor) -> Image | None:
    """The image; None if it is not an image that Ingot writes: those of other tools are kept."""
    try:
        return read_image(layout, descriptor)
    except UserError:
        return None


def _builders(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    keep = set() if everything else {digest.hex for digest in builders_of_catalog(project)}
    root = project.workspace.builders
    removed = []
    for directory in sorted(root.iterdir()) if root.is_dir() else []:
        name = directory.name.removesuffix(KEPT_IMAGE_SUFFIX)
        if directory.is_dir() and name not in keep and not _unfinished(directory):
            form = "unpacked builder" if name == directory.name else "image of builder"
            removed.append(
                RemovedItem(
                    f"{form} {name[:12]}",
                    tree_size(directory),
                    RemovedKind.BUILDER,
                )
            )
            if not dry_run:
                remove_tree(directory)
    return removed


def _sources(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    keep = {pin for kernel in project.catalog.kernels for pin in kernel.pins.values()}
    workspace = project.workspace
    removed = SourceCache(workspace.sources).remove_unused(
        set() if everything else keep, dry_run, workspace.downloads
    )
    return [RemovedItem(f"source {item.what}", item.size, RemovedKind.SOURCE) for item in removed]


def _unfinished(path: Path) -> bool:
    return path.name.startswith(STAGING_PREFIX)


def _leftovers(workspace: Workspace, *, dry_run: bool) -> list[RemovedItem]:
    """Unfinished files of killed runs: builders, patched trees, clones and build directories.

    Unpacked sources are not included: the cache of sources removes those, under their own locks.
    """
    removed = []
    for parent in (workspace.builders, workspace.sources, workspace.downloads):
        for directory in sorted(parent.glob(f"{STAGING_PREFIX}*/")):
            if digest_named(directory.name.removeprefix(STAGING_PREFIX)):
                continue
            what = "unfinished files of a killed run"
            removed.append(RemovedItem(what, tree_size(directory), RemovedKind.LEFTOVER))
            if not dry_run:
                remove_tree(directory)
    if not dry_run:
        workspace.remove_stale()
    return removed


def _caches(project: Project, *, everything: bool, dry_run: bool) -> list[RemovedItem]:
    if not everything:
        return []
    workspace = project.workspace
    removed = []
    # not all of fleet/: jobs on other machines may write their logs there
    of_jobs = (workspace.fleet / "catalogs", workspace.fleet / "images")
    for directory in (workspace.ccache, workspace.configs, workspace.cves, *of_jobs):
        if directory.is_dir() and any(directory.iterdir()):
            what = f"cache {directory.name}"
            removed.append(RemovedItem(what, tree_size(directory), RemovedKind.CACHE))
            if not dry_run:
                remove_tree(directory)
    return removed
