"""Sets tags in a registry: which changes each kind of tag allows, and the order of setting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ingot import registry
from ingot.digest import Digest
from ingot.errors import MachineError, UserError
from ingot.oci import Layout
from ingot.progress import Progress
from ingot.publish import indexes
from ingot.publish.shipment import MultiArchImage, Shipment, TaggedManifest
from ingot.registry import RawManifest, Registry
from ingot.version import KernelVersion

_ROUNDS = 8
"""The most times that an index is assembled again because of concurrent pushes."""

RegistryTags = Mapping[str, RawManifest | None]
"""The manifests of a registry by names such as `kernel-bin:6.1.176`; None: there is no such tag."""


class Action(Enum):
    """What happens to a tag."""

    NEW = "new"
    SAME = "unchanged"
    MOVED = "moved"
    KEPT = "kept"
    REFUSED = "refused"

    @property
    def writes(self) -> bool:
        return self in (Action.NEW, Action.MOVED)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag of the registry, such as `kernel-bin:6.1.176`: the digest that was pushed for it, the
    digest before, and the action. `note` says why the tag was kept, if it was."""

    image: str
    action: Action
    offered: Digest
    before: Digest | None = None
    note: str = ""

    @property
    def digest(self) -> Digest:
        """The digest that the tag has after the action."""
        if self.before and not self.action.writes:
            return self.before
        return self.offered


def action_for_moving(image: str, offered: Digest, now: RawManifest | None) -> Tagged:
    """The action for a moving tag: it points at the image that was pushed last."""
    if now is None:
        return Tagged(image, Action.NEW, offered)
    action = Action.SAME if now.digest == offered else Action.MOVED
    return Tagged(image, action, offered, now.digest)


def action_for_immutable(image: str, offered: Digest, now: RawManifest | None) -> Tagged:
    """The action for an immutable tag: it never changes."""
    tagged = action_for_moving(image, offered, now)
    return replace(tagged, action=Action.REFUSED) if tagged.action == Action.MOVED else tagged


def action_for_series(
    multi_arch: MultiArchImage, version: KernelVersion, offered: Digest, now: RawManifest | None
) -> Tagged:
    """The action for a series' tag: it moves only to newer versions, and only from an image or
    index that Ingot wrote."""
    tagged = action_for_moving(multi_arch.series_tag, offered, now)
    if tagged.action != Action.MOVED or now is None:
        return tagged
    current = indexes.version_of(now)
    if current is None:
        note = "was not written by Ingot; delete that tag to let Ingot set it"
    elif current > version:
        note = f"stays at {current}, which is newer than {version}"
    else:
        return tagged
    return replace(tagged, action=Action.KEPT, note=note)


def conflict(refused: Sequence[Tagged], target: Registry) -> UserError:
    """The error for immutable tags that point at another image."""
    lines = [
        f"{tag.image}: in the registry {tag.before}, in the store {tag.offered}" for tag in refused
    ]
    first = refused[0]
    other = target.reference(f"{first.image.partition(':')[0]}@{first.before}")
    return UserError(
        f"{target.name} has another image under an immutable tag",
        why="\n".join(
            [
                *lines,
                "two builds of one recipe differ: they depend on something that is not part of the"
                " recipe, or another version of Ingot wrote these images",
                "no tag was moved",
            ]
        ),
        hint=f"compare them: ingot diff {other} {first.image}; then push from the machine that"
        " built the other one, or delete that tag in the registry if no one uses it",
    )


@dataclass(frozen=True, slots=True)
class Tagger:
    """Sets tags in a registry that has all manifests; `seen` are the tags before the push.

    `layout` has the manifests as well; without one, they are copied within the registry.
    """

    layout: Layout | None
    target: Registry
    seen: RegistryTags

    def tag(
        self, shipment: Shipment, plan: Sequence[Tagged], progress: Progress
    ) -> Sequence[Tagged]:
        """Set the tags of a shipment, of all its images at nearly the same time."""
        if not any(tag.action.writes for tag in plan):
            return plan
        fixed = [part for part in shipment.parts if part.fixed]
        moving = [part for part in shipment.parts if part.moving]
        total, tags = len(fixed) + len(moving) + len(shipment.multi_arch_images), list[Tagged]()
        with progress.step(f"tag {shipment.name}") as step:

            def advance(done: int) -> None:
                step.advance(len(tags) + done, total)

            tags += registry.at_once(self._set_fixed, fixed, advance)
            tags += registry.at_once(self._set_moving, moving, advance)
            settled = registry.at_once(self._settle, shipment.multi_arch_images, advance)
            tags += [tag for settled_tags in settled for tag in settled_tags]
            counts = {action: sum(tag.action == action for tag in tags) for action in Action}
            step.result(", ".join(f"{n} {action.value}" for action, n in counts.items() if n))
        return tags

    def _set_fixed(self, part: TaggedManifest) -> Tagged:
        image = f"{part.repository}:{part.fixed}"
        # read again: another machine may have pushed the same recipe meanwhile
        now = self.seen[image] or indexes.read(image, self.target)
        tagged = action_for_immutable(image, part.digest, now)
        if tagged.action == Action.REFUSED:
            raise conflict([tagged], self.target)
        return self._point(tagged, part)

    def _set_moving(self, part: TaggedManifest) -> Tagged:
        image = f"{part.repository}:{part.moving}"
        return self._point(action_for_moving(image, part.digest, self.seen[image]), part)

    def _point(self, tagged: Tagged, part: TaggedManifest) -> Tagged:
        if not tagged.action.writes:
            return tagged
        reference = self.target.reference(tagged.image)
        what, insecure = f"{reference} could not be tagged", self.target.insecure
        if self.layout is None:
            origin = self.target.reference(f"{part.repository}@{part.digest}")
            registry.copy_within(origin, reference, what, insecure=insecure)
        else:
            registry.send(self.layout, part.descriptor, reference, what, insecure=insecure)
        return tagged

    def _settle(self, multi_arch: MultiArchImage) -> list[Tagged]:
        """Write the indexes of an image until they list what the arches' tags point at."""
        images = indexes.read_arches(multi_arch, self.target)
        for _ in range(_ROUNDS):
            index = indexes.assemble(multi_arch, images)
            tags = []
            if multi_arch.version_tag() != multi_arch.series_tag:
                tags.append(self._set_version(multi_arch, index))
            if multi_arch.leads:
                tags.append(self._settle_series(multi_arch, index))
            before, images = images, indexes.read_arches(multi_arch, self.target)
            if images == before:
                return tags
        raise MachineError(
            f"{self.target.reference(multi_arch.version_tag())} could not be updated",
            why=f"another push changed it during each of {_ROUNDS} attempts",
            hint="run the same command again when no other machine pushes this version",
        )

    def _set_version(self, multi_arch: MultiArchImage, index: RawManifest) -> Tagged:
        """Set a version's tag to its index."""
        tag = multi_arch.version_tag()
        tagged = action_for_moving(tag, index.digest, self.seen[tag])
        # a tag that was right when it was read may have been overwritten since
        now = self.seen[tag] if tagged.action.writes else indexes.read(tag, self.target)
        if action_for_moving(tag, index.digest, now).action.writes:
            self._write(tag, index)
        return tagged

    def _settle_series(self, multi_arch: MultiArchImage, own: RawManifest) -> Tagged:
        """Set a series' tag to its newest version's index; `own` is the index of this version."""
        tag = multi_arch.series_tag
        now, fresh = self.seen[tag], False
        for _ in range(_ROUNDS):
            version, index = indexes.newest(multi_arch, own, self.target)
            tagged = action_for_series(multi_arch, version, index.digest, now)
            if not tagged.action.writes and not fresh:
                now, fresh = indexes.read(tag, self.target), True
                tagged = action_for_series(multi_arch, version, index.digest, now)
            if not tagged.action.writes:
                ended = action_for_series(multi_arch, multi_arch.version, own.digest, now)
                kept = ended.action == Action.KEPT
                return ended if kept else action_for_moving(tag, own.digest, self.seen[tag])
            self._write(tag, index)
            now, fresh = index, True
        raise MachineError(
            f"{self.target.reference(tag)} could not be updated",
            why=f"another push changed it during each of {_ROUNDS} attempts",
            hint="run the same command again when no other machine pushes this series",
        )

    def _write(self, tag: str, index: RawManifest) -> None:
        reference = self.target.reference(tag)
        what = f"{reference} could not be tagged"
        registry.send_index(index.data, reference, what, insecure=self.target.insecure)
