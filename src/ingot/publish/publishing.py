"""Pushes images of the store to a registry, in an order that never leaves a tag incomplete.

    read    the current target of every tag; an immutable tag with another image ends the push here
    send    configs, layers and manifests of all kernels, by digest: no tag points at them yet
    sign    the signatures of the images, if the store has any, or if the push signs them
    tag     one version after the other, all its images together: first the immutable tags, then
            those of the arches, of the version's indexes and of the series

If a push is interrupted, every tag points at a complete image, and the next push continues:
nothing that the registry has is sent again. skopeo handles the credentials.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ingot import registry
from ingot.arch import all_arches
from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci import Layout
from ingot.oci.graph import reachable
from ingot.progress import Progress, Step
from ingot.publish import indexes
from ingot.publish.shipment import KernelModules, Shipment, TaggedManifest, gather
from ingot.publish.signatures import Signer, send_signatures, sign_indexes
from ingot.publish.tagging import (
    Action,
    RegistryTags,
    Tagged,
    Tagger,
    action_for_immutable,
    action_for_moving,
    action_for_series,
    conflict,
)
from ingot.registry import RawManifest, Registry
from ingot.setting import Project
from ingot.units import size_text


@dataclass(frozen=True, slots=True)
class Upload:
    """A manifest that the registry did not have, named by its moving tag if it has one.

    `size` is the number of bytes of configs and layers that were sent for it. For a dry run it is
    the most that would be sent: the registry may have blobs that its tags do not reference.
    """

    image: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Published:
    """The result of a push, or the plan of a dry run; `signed` are the images and indexes that got
    signatures."""

    tags: tuple[Tagged, ...]
    uploads: tuple[Upload, ...]
    signed: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(upload.size for upload in self.uploads)

    @property
    def changes(self) -> bool:
        """Whether anything is sent or tagged."""
        return bool(self.uploads) or any(tag.action.writes for tag in self.tags)

    def refusal(self, target: Registry) -> UserError | None:
        """The error to raise if an immutable tag points at another image."""
        refused = [tag for tag in self.tags if tag.action == Action.REFUSED]
        return conflict(refused, target) if refused else None


def publish(
    project: Project,
    kernels: Iterable[Kernel],
    target: Registry,
    progress: Progress,
    *,
    modules: Iterable[KernelModules] = (),
    builders: bool = False,
    moving: bool = True,
    signer: Signer | None = None,
    dry_run: bool = False,
) -> Published:
    """Push the images of kernels that the store has, and those of out-of-tree `modules` of these
    kernels; with `builders`, also their builders.

    Without `moving`, only the immutable tags of the recipes are set. The signatures that the store
    has are pushed with the images, and those of the `signer`, if there is one. A `dry_run` changes
    nothing; refused tags are in its result. Otherwise UserError, before anything is sent, if an
    immutable tag points at another image. MachineError if the registry or the network fails; the
    tags that are already set are correct.
    """
    layout = project.layout
    with layout.being_read():
        shipments = gather(layout, kernels, builders=builders, modules=modules, moving=moving)
        return ship(layout, shipments, target, progress, signer, dry_run=dry_run)


def ship(
    layout: Layout,
    shipments: Sequence[Shipment],
    target: Registry,
    progress: Progress,
    signer: Signer | None = None,
    *,
    dry_run: bool = False,
) -> Published:
    """Push shipments, whose manifests and blobs `layout` has; errors as in `publish`."""
    with progress.step(f"read tags of {target.name}") as step:
        seen = look(shipments, target, step)
        plans = [list(plan_tags(shipment, seen)) for shipment in shipments]
        missing = [part for shipment in shipments for part in _missing(shipment, seen)]
        planned = Published(
            tuple(tag for plan in plans for tag in plan),
            tuple(_estimate(layout, missing, seen)),
        )
        step.result(_preview(planned))
    if dry_run:
        return planned
    if error := planned.refusal(target):
        raise error
    uploads = [_send(layout, part, target, progress) for part in _each_once(missing)]
    signed = send_signatures(layout, shipments, target, signer, progress)
    tags: list[Tagged] = list(planned.tags)
    if planned.changes:
        tagger = Tagger(layout, target, seen)
        pairs = zip(shipments, plans, strict=True)
        tags = [tag for pair in pairs for tag in tagger.tag(*pair, progress)]
    if signer:
        own = {part.digest for shipment in shipments for part in shipment.parts}
        signed += sign_indexes(tags, own, target, signer, progress)
    return Published(tuple(tags), tuple(uploads), signed)


# Reading the registry, and planning


def look(shipments: Sequence[Shipment], target: Registry, step: Step) -> RegistryTags:
    """The current manifests in the registry under every tag of the shipments.

    If the registry lists a repository's tags, only the listed ones are requested. A list may be
    outdated, so an immutable tag is read again before it is set (`Tagger`).
    """
    images = list(dict.fromkeys(tag for shipment in shipments for tag in shipment.tags))
    repositories = list(dict.fromkeys(image.partition(":")[0] for image in images))
    lists = registry.at_once(
        lambda name: registry.find_tags(target.reference(name), insecure=target.insecure),
        repositories,
    )
    listed = dict(zip(repositories, lists, strict=True))

    def may_exist(image: str) -> bool:
        repository, _, tag = image.partition(":")
        known = listed[repository]
        return known is None or tag in known

    existing = [image for image in images if may_exist(image)]
    found = registry.at_once(
        lambda image: indexes.read(image, target),
        existing,
        lambda done: step.advance(done, len(existing)),
    )
    return {**dict.fromkeys(images), **dict(zip(existing, found, strict=True))}


def plan_tags(shipment: Shipment, seen: RegistryTags) -> Iterator[Tagged]:
    """The planned change of each tag of a shipment, assuming no concurrent push."""
    own: dict[str, RawManifest] = {}
    for part in shipment.parts:
        if part.moving:
            own[f"{part.repository}:{part.moving}"] = part.document
        if part.fixed:
            fixed = f"{part.repository}:{part.fixed}"
            yield action_for_immutable(fixed, part.digest, seen[fixed])
    for image, document in own.items():
        yield action_for_moving(image, document.digest, seen[image])
    for multi_arch in shipment.multi_arch_images:
        tags = {arch: multi_arch.arch_tag(arch) for arch in all_arches()}
        images = {arch: own.get(tag) or seen[tag] for arch, tag in tags.items()}
        index = indexes.assemble(multi_arch, images)
        if multi_arch.version_tag() != multi_arch.series_tag:
            yield action_for_moving(
                multi_arch.version_tag(), index.digest, seen[multi_arch.version_tag()]
            )
        if multi_arch.leads:
            yield action_for_series(
                multi_arch, multi_arch.version, index.digest, seen[multi_arch.series_tag]
            )


def _missing(shipment: Shipment, seen: RegistryTags) -> Iterator[TaggedManifest]:
    """The manifests that none of their tags in the registry points at."""
    for part in shipment.parts:
        present = [document.digest for image in part.tags if (document := seen[image])]
        if part.digest not in present:
            yield part


def _each_once(parts: Iterable[TaggedManifest]) -> list[TaggedManifest]:
    found: dict[tuple[str, Digest], TaggedManifest] = {}
    for part in parts:
        found.setdefault((part.repository, part.digest), part)
    return list(found.values())


def _estimate(
    layout: Layout, missing: Iterable[TaggedManifest], seen: RegistryTags
) -> Iterator[Upload]:
    """The most that will be sent: blobs that no manifest under the known tags references."""
    known = {digest for document in seen.values() if document for digest in document.blobs}
    for part in _each_once(missing):
        size = 0
        for blob in reachable(layout.blobs, part.descriptor):
            if blob.digest != part.digest and str(blob.digest) not in known:
                size += blob.size
                known.add(str(blob.digest))
        yield Upload(part.name, part.digest, size)


def _preview(planned: Published) -> str:
    if not planned.changes:
        return "the registry has everything already; nothing to send"
    count = sum(tag.action.writes for tag in planned.tags)
    sending = f"{len(planned.uploads)} to send, at most {size_text(planned.size)}"
    return f"{sending}; {count} tags to set" if planned.uploads else f"{count} tags to set"


def _send(layout: Layout, part: TaggedManifest, target: Registry, progress: Progress) -> Upload:
    """Send a manifest and its blobs; no tag points at it yet."""
    blobs = list(reachable(layout.blobs, part.descriptor))[1:]
    total, done = sum(blob.size for blob in blobs), 0
    with progress.step(f"send {part.name}") as step:

        def sent(size: int) -> None:
            nonlocal done
            done += size
            step.advance(done, total)

        size = registry.send(
            layout,
            part.descriptor,
            target.reference(f"{part.repository}@{part.digest}"),
            f"{part.name} could not be sent to {target.name}; no tag there was changed",
            insecure=target.insecure,
            on_sent=sent,
        )
        step.result(size_text(size) + (f" of {size_text(total)}" if size < total else ""))
    return Upload(part.name, part.digest, size)
