"""Publishing: images of the store into a registry, so that a tag there is never half of something.

    look    what every tag there holds now; an immutable one that holds another image ends it here
    send    configs, layers and manifests of all kernels, by digest: no tag points at them yet
    tag     of one version after the other, for all its images at once: the immutable tags, those
            of the arches, the version's indexes, the series'

A push that breaks leaves tags that point at what is whole, and the next one goes on: what the
registry has is not sent again. Credentials are skopeo's business.
"""

from __future__ import annotations

import contextlib
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
from ingot.publish.shipment import Shipment, TaggedManifest, gather
from ingot.publish.tagging import (
    Action,
    Seen,
    Tagged,
    Tagger,
    conflict,
    judge,
    judge_fixed,
    judge_series,
)
from ingot.registry import RawManifest, Registry
from ingot.setting import Project
from ingot.units import size_text


@dataclass(frozen=True, slots=True)
class Upload:
    """A manifest that the registry did not have, called as its tag that moves is, if it has one.

    `size` is the bytes of its configs and layers that were sent for it; of a push that only
    plans, what there would be to send at most: the registry may have more than its tags tell.
    """

    image: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Published:
    """What was pushed, or would be."""

    tags: tuple[Tagged, ...]
    uploads: tuple[Upload, ...]

    @property
    def size(self) -> int:
        return sum(upload.size for upload in self.uploads)

    @property
    def changes(self) -> bool:
        """Whether anything is sent or tagged."""
        return bool(self.uploads) or any(tag.action.writes for tag in self.tags)

    def refusal(self, target: Registry) -> UserError | None:
        """The error to raise if an immutable tag holds another image."""
        refused = [tag for tag in self.tags if tag.action == Action.REFUSED]
        return conflict(refused, target) if refused else None


def publish(
    project: Project,
    kernels: Iterable[Kernel],
    target: Registry,
    progress: Progress,
    *,
    builders: bool = False,
    dry_run: bool = False,
) -> Published:
    """Push the images of kernels that the store has; with `builders`, what compiled them too.

    A `dry_run` changes nothing; what would be refused is in the result. Otherwise a UserError
    says, before anything is sent, which immutable tag holds another image. A MachineError says
    what the registry or the network refused; the tags that are set by then are right.
    """
    layout = project.layout
    # a store that does not exist is not to be made for this
    with layout.in_use() if layout.root.exists() else contextlib.nullcontext():
        shipments = gather(layout, kernels, builders=builders)
        with progress.step(f"look at {target.name}") as step:
            seen = _look(shipments, target, step)
            plans = [list(_plan(shipment, seen)) for shipment in shipments]
            missing = [part for shipment in shipments for part in _missing(shipment, seen)]
            planned = Published(
                tuple(tag for plan in plans for tag in plan),
                tuple(_estimate(layout, missing, seen)),
            )
            step.result(_outlook(planned))
        if dry_run:
            return planned
        if error := planned.refusal(target):
            raise error
        if not planned.changes:
            return planned
        uploads = [_send(layout, part, target, progress) for part in _each_once(missing)]
        tagger = Tagger(layout, target, seen)
        tags: list[Tagged] = []
        for shipment, plan in zip(shipments, plans, strict=True):
            tags += tagger.tag(shipment, plan, progress)
    return Published(tuple(tags), tuple(uploads))


# Looking, and what follows from it


def _look(shipments: Sequence[Shipment], target: Registry, step: Step) -> Seen:
    """What the registry has under every name that there is to decide on.

    Where it lists a repository's tags, only those that are there are asked for. A list may be
    behind, so an immutable tag is looked at again before it is set (`Tagger`).
    """
    images = list(dict.fromkeys(tag for shipment in shipments for tag in shipment.tags))
    repositories = list(dict.fromkeys(image.partition(":")[0] for image in images))
    lists = registry.at_once(
        lambda name: registry.find_tags(target.reference(name), insecure=target.insecure),
        repositories,
    )
    listed = dict(zip(repositories, lists, strict=True))

    def may_be_there(image: str) -> bool:
        repository, _, tag = image.partition(":")
        known = listed[repository]
        return known is None or tag in known

    there = [image for image in images if may_be_there(image)]
    found = registry.at_once(
        lambda image: indexes.read(image, target),
        there,
        lambda done: step.advance(done, len(there)),
    )
    return {**dict.fromkeys(images), **dict(zip(there, found, strict=True))}


def _plan(shipment: Shipment, seen: Seen) -> Iterator[Tagged]:
    """What becomes of each tag of a shipment, if nobody else pushes meanwhile."""
    own: dict[str, RawManifest] = {}
    for part in shipment.parts:
        if part.moving:
            own[f"{part.repository}:{part.moving}"] = part.document
        if part.fixed:
            fixed = f"{part.repository}:{part.fixed}"
            yield judge_fixed(fixed, part.digest, seen[fixed])
    for image, document in own.items():
        yield judge(image, document.digest, seen[image])
    for line in shipment.lines:
        tags = {arch: line.arch_tag(arch) for arch in all_arches()}
        images = {arch: own.get(tag) or seen[tag] for arch, tag in tags.items()}
        index = indexes.assemble(line, images)
        if line.version_tag() != line.series_tag:
            yield judge(line.version_tag(), index.digest, seen[line.version_tag()])
        if line.leads:
            yield judge_series(line, line.version, index.digest, seen[line.series_tag])


def _missing(shipment: Shipment, seen: Seen) -> Iterator[TaggedManifest]:
    """The parts that no tag of theirs in the registry points at."""
    for part in shipment.parts:
        there = [document.digest for image in part.tags if (document := seen[image])]
        if part.digest not in there:
            yield part


def _each_once(parts: Iterable[TaggedManifest]) -> list[TaggedManifest]:
    found: dict[tuple[str, Digest], TaggedManifest] = {}
    for part in parts:
        found.setdefault((part.repository, part.digest), part)
    return list(found.values())


def _estimate(layout: Layout, missing: Iterable[TaggedManifest], seen: Seen) -> Iterator[Upload]:
    """What there is to send at most, from the layers of the manifests that the tags hold."""
    known = {digest for document in seen.values() if document for digest in document.blobs}
    for part in _each_once(missing):
        size = 0
        for blob in reachable(layout.blobs, part.descriptor):
            if blob.digest != part.digest and str(blob.digest) not in known:
                size += blob.size
                known.add(str(blob.digest))
        yield Upload(part.name, part.digest, size)


def _outlook(planned: Published) -> str:
    if not planned.changes:
        return "everything is there already; nothing to send"
    count = sum(tag.action.writes for tag in planned.tags)
    sending = f"{len(planned.uploads)} to send, at most {size_text(planned.size)}"
    return f"{sending}; {count} tags to set" if planned.uploads else f"{count} tags to set"


def _send(layout: Layout, part: TaggedManifest, target: Registry, progress: Progress) -> Upload:
    """Send what a manifest needs, and it; no tag points at it yet."""
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
