"""Setting tags in a registry: what each may do, and in which order they are set."""

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
"""How often an index is put together again while others push the same version."""

Seen = Mapping[str, RawManifest | None]
"""What a registry has under names such as `kernel-bin:6.1.176`; None: nothing."""


class Action(Enum):
    """What becomes of a tag."""

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
    """A tag of the registry, as in `kernel-bin:6.1.176`: what it was to point at, what it pointed
    at before, and what became of it. `note` says why, where it was kept."""

    image: str
    action: Action
    offered: Digest
    before: Digest | None = None
    note: str = ""

    @property
    def digest(self) -> Digest:
        """What it points at when all is done."""
        if self.before and not self.action.writes:
            return self.before
        return self.offered


def judge(image: str, offered: Digest, now: RawManifest | None) -> Tagged:
    """A tag that follows whoever pushes last."""
    if now is None:
        return Tagged(image, Action.NEW, offered)
    action = Action.SAME if now.digest == offered else Action.MOVED
    return Tagged(image, action, offered, now.digest)


def judge_fixed(image: str, offered: Digest, now: RawManifest | None) -> Tagged:
    """A tag that keeps what it has."""
    judged = judge(image, offered, now)
    return replace(judged, action=Action.REFUSED) if judged.action == Action.MOVED else judged


def judge_series(
    line: MultiArchImage, version: KernelVersion, offered: Digest, now: RawManifest | None
) -> Tagged:
    """A tag that goes to newer versions only, and from nothing that is not Ingot's."""
    judged = judge(line.series_tag, offered, now)
    if judged.action != Action.MOVED or now is None:
        return judged
    there = indexes.version_of(now)
    if there is None:
        note = "is not of Ingot's making; delete that tag to let Ingot set it"
    elif there > version:
        note = f"stays at {there}, which is newer than {version}"
    else:
        return judged
    return replace(judged, action=Action.KEPT, note=note)


def conflict(refused: Sequence[Tagged], target: Registry) -> UserError:
    """The error for immutable tags that hold another image."""
    told = [f"{tag.image}: there {tag.before}, in the store {tag.offered}" for tag in refused]
    first = refused[0]
    other = target.reference(f"{first.image.partition(':')[0]}@{first.before}")
    return UserError(
        f"{target.name} has another image under a tag that never moves",
        why="\n".join(
            [
                *told,
                "two builds of one recipe differ: something that is not in the recipe decided, or"
                " another Ingot wrote these images",
                "no tag was moved",
            ]
        ),
        hint=f"compare them: ingot diff {other} {first.image}; then push from where the other one"
        " was built, or delete that tag in the registry if nobody uses it",
    )


@dataclass(frozen=True, slots=True)
class Tagger:
    """Sets tags in a registry that has all manifests; `seen` is what they held before."""

    layout: Layout
    target: Registry
    seen: Seen

    def tag(
        self, shipment: Shipment, plan: Sequence[Tagged], progress: Progress
    ) -> Sequence[Tagged]:
        """Set the tags of a shipment: of all its images together, as near as a registry can."""
        if not any(tag.action.writes for tag in plan):
            return plan
        fixed = [part for part in shipment.parts if part.fixed]
        moving = [part for part in shipment.parts if part.moving]
        total, tags = len(fixed) + len(moving) + len(shipment.lines), list[Tagged]()
        with progress.step(f"tag {shipment.name}") as step:

            def advance(done: int) -> None:
                step.advance(len(tags) + done, total)

            tags += registry.at_once(self._set_fixed, fixed, advance)
            tags += registry.at_once(self._set_moving, moving, advance)
            settled = registry.at_once(self._settle, shipment.lines, advance)
            tags += [tag for of_line in settled for tag in of_line]
            counts = {action: sum(tag.action == action for tag in tags) for action in Action}
            step.result(", ".join(f"{n} {action.value}" for action, n in counts.items() if n))
        return tags

    def _set_fixed(self, part: TaggedManifest) -> Tagged:
        image = f"{part.repository}:{part.fixed}"
        # looked at again, since who pushes the same recipe elsewhere may have been quicker
        now = self.seen[image] or indexes.read(image, self.target)
        judged = judge_fixed(image, part.digest, now)
        if judged.action == Action.REFUSED:
            raise conflict([judged], self.target)
        return self._point(judged, part)

    def _set_moving(self, part: TaggedManifest) -> Tagged:
        image = f"{part.repository}:{part.moving}"
        return self._point(judge(image, part.digest, self.seen[image]), part)

    def _point(self, judged: Tagged, part: TaggedManifest) -> Tagged:
        if judged.action.writes:
            registry.send(
                self.layout,
                part.descriptor,
                self.target.reference(judged.image),
                f"{self.target.reference(judged.image)} could not be tagged",
                insecure=self.target.insecure,
            )
        return judged

    def _settle(self, line: MultiArchImage) -> list[Tagged]:
        """Write the indexes of a line until they list what the arches' tags point at."""
        images = indexes.read_arches(line, self.target)
        for _ in range(_ROUNDS):
            index = indexes.assemble(line, images)
            tags = []
            if line.version_tag() != line.series_tag:
                tags.append(self._set_version(line, index))
            if line.leads:
                tags.append(self._settle_series(line, index))
            before, images = images, indexes.read_arches(line, self.target)
            if images == before:
                return tags
        raise MachineError(
            f"{self.target.reference(line.version_tag())} could not be settled",
            why="the tags of its arches moved each time its index was written",
            hint="run the same command again when nobody else pushes this version",
        )

    def _set_version(self, line: MultiArchImage, index: RawManifest) -> Tagged:
        """Let a version's tag point at its index."""
        tag = line.version_tag()
        judged = judge(tag, index.digest, self.seen[tag])
        # what was right when it was looked at may have been overwritten since
        now = self.seen[tag] if judged.action.writes else indexes.read(tag, self.target)
        if judge(tag, index.digest, now).action.writes:
            self._write(tag, index)
        return judged

    def _settle_series(self, line: MultiArchImage, own: RawManifest) -> Tagged:
        """Let a series' tag point at its newest version's index; `own` is that of the line."""
        tag = line.series_tag
        now, fresh = self.seen[tag], False
        for _ in range(_ROUNDS):
            version, index = indexes.newest(line, own, self.target)
            judged = judge_series(line, version, index.digest, now)
            if not judged.action.writes and not fresh:
                now, fresh = indexes.read(tag, self.target), True
                judged = judge_series(line, version, index.digest, now)
            if not judged.action.writes:
                ended = judge_series(line, line.version, own.digest, now)
                kept = ended.action == Action.KEPT
                return ended if kept else judge(tag, own.digest, self.seen[tag])
            self._write(tag, index)
            now, fresh = index, True
        raise MachineError(
            f"{self.target.reference(tag)} could not be settled",
            why="newer versions came each time it was set",
            hint="run the same command again when nobody else pushes this series",
        )

    def _write(self, tag: str, index: RawManifest) -> None:
        reference = self.target.reference(tag)
        what = f"{reference} could not be tagged"
        registry.send_index(index.data, reference, what, insecure=self.target.insecure)
