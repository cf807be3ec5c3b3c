"""Sends the signatures of pushed images, and signs images for a push.

An image gets its signatures before its tags, so that a tag never leads to an image without them.
An index is signed after its tag is set, since only then it is known which images it lists. It is
only signed if the key has signed each of these images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingot import registry
from ingot.digest import Digest
from ingot.images import signatures_tag
from ingot.oci import Layout, read_image
from ingot.oci.image_documents import ManifestDocument, parse
from ingot.progress import Progress
from ingot.publish import indexes
from ingot.publish.shipment import Shipment, TaggedManifest
from ingot.publish.tagging import Tagged
from ingot.registry import RawManifest, Registry

if TYPE_CHECKING:
    from ingot.trust.keys import PrivateKey
    from ingot.trust.registry_place import RegistryPlace


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs the images of a push, and when (RFC 3339)."""

    key: PrivateKey
    created: str


def send_signatures(
    layout: Layout,
    shipments: Sequence[Shipment],
    target: Registry,
    signer: Signer | None,
    progress: Progress,
) -> tuple[str, ...]:
    """Send the signatures that the store has, and those of the signer, if there is one.

    Returns the names of the images whose signatures the registry did not have.
    """
    tags = layout.tags()
    images = {(part.repository, part.digest): part for part in _images(layout, shipments)}
    concerned = [
        part
        for part in images.values()
        if signer or f"{part.repository}:{signatures_tag(part.digest)}" in tags
    ]
    if not concerned:
        return ()
    with progress.step(f"send signatures to {target.name}") as step:
        counts = registry.at_once(
            lambda part: _send(layout, part, target, signer),
            concerned,
            lambda done: step.advance(done, len(concerned)),
        )
        sent = [part.name for part, count in zip(concerned, counts, strict=True) if count]
        step.result(f"{sum(counts)} for {len(sent)} images" if sent else "the registry has them")
    return tuple(sent)


def sign_indexes(
    tagged: Iterable[Tagged],
    own: Collection[Digest],
    target: Registry,
    signer: Signer,
    progress: Progress,
) -> tuple[str, ...]:
    """Sign the indexes that these tags point at; returns the names of those that it had not
    signed before.

    `own` are images that the signer has signed. An index that lists an image which the key has not
    signed is left out, and a note says so.
    """
    from ingot.trust.registry_place import RegistryPlace  # late: a large library
    from ingot.trust.signing import sign_image

    signed: list[str] = []
    seen: dict[tuple[str, Digest], bool] = {}
    for tag in tagged:
        repository = tag.image.partition(":")[0]
        document = indexes.read(tag.image, target)
        if document is None or document.entries is None:
            continue
        place = RegistryPlace(target.reference(repository), target.insecure)
        which = (repository, document.digest)
        if which not in seen:
            seen[which] = False
            if others := _unsigned(place, document, own, signer):
                progress.note(
                    f"{tag.image} is not signed: it lists {', '.join(others)}, which this key has"
                    " not signed"
                )
            else:
                made = sign_image(place, document.descriptor, (), signer.key, signer.created)
                seen[which] = bool(made.added)
        if seen[which]:
            signed.append(tag.image)
    return tuple(signed)


def _images(layout: Layout, shipments: Iterable[Shipment]) -> Iterable[TaggedManifest]:
    """The images among the manifests: artifacts are not signed."""
    for shipment in shipments:
        for part in shipment.parts:
            data = layout.read_blob(part.descriptor)
            if parse(ManifestDocument, data, part.name).artifact is None:
                yield part


def _send(layout: Layout, part: TaggedManifest, target: Registry, signer: Signer | None) -> int:
    """Send the signatures of an image; returns how many the registry did not have."""
    from ingot.trust.claims import claims_about  # late: a large library
    from ingot.trust.registry_place import RegistryPlace
    from ingot.trust.signing import copy_signatures, sign_image
    from ingot.trust.store_place import StorePlace

    place = RegistryPlace(target.reference(part.repository), target.insecure)
    count = copy_signatures(StorePlace(layout, part.repository), place, part.descriptor)
    if signer:
        claims = claims_about(layout, read_image(layout, part.descriptor))
        signed = sign_image(place, part.descriptor, claims, signer.key, signer.created)
        count += len(signed.added)
    return count


def _unsigned(
    place: RegistryPlace, index: RawManifest, own: Collection[Digest], signer: Signer
) -> list[str]:
    """The images of an index that the key has not signed."""
    from ingot.trust.verifying import is_signed

    digests = [Digest.parse(entry["digest"]) for entry in index.entries or ()]
    key = signer.key.public
    others = [each for each in digests if each not in own]
    return [str(each) for each in others if not is_signed(place.read(each), each, key)]
