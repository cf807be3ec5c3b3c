"""Signs an image: its digest, and what the signer attests about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ingot.digest import Digest
from ingot.oci import Descriptor
from ingot.trust.attached import Attached, AttachedBundle
from ingot.trust.bundle import Bundle
from ingot.trust.dsse import IN_TOTO, sign
from ingot.trust.keys import PrivateKey
from ingot.trust.simple_signing import sign_simply
from ingot.trust.statement import SIGNATURE, statement_bytes


class Place(Protocol):
    """Where the signatures of images of one name are kept: a store, or a registry."""

    @property
    def name(self) -> str:
        """The images' name without a tag."""

    def read(self, subject: Digest) -> Attached:
        """The signatures of an image; nothing in them is verified."""

    def add(self, subject: Descriptor, new: Attached) -> None:
        """Add signatures of an image to those that it has."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signer attests: the type of the predicate, and the predicate."""

    predicate_type: str
    predicate: Mapping[str, object] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """The types of the statements about an image that its signer has signed; `added` are those
    that were not there before."""

    digest: Digest
    statements: tuple[str, ...]
    added: tuple[str, ...]


def sign_image(
    place: Place, image: Descriptor, claims: Sequence[Claim], key: PrivateKey, created: str
) -> Signed:
    """Sign an image and the claims about it, and keep the signatures at the place.

    `created` is the time of the signatures (RFC 3339), which is not signed. What the key has signed
    already is not added again. MachineError if the place cannot be written to.
    """
    statements = [Claim(SIGNATURE, {}), *claims]
    bundles = [_bundle(image, each, key, created) for each in statements]
    made = Attached(tuple(bundles), (sign_simply(place.name, image.digest, key),))
    new = made.without(place.read(image.digest))
    if new:
        place.add(image, new)
    return Signed(
        image.digest,
        tuple(each.predicate_type for each in statements),
        tuple(each.predicate_type for each in new.bundles),
    )


def copy_signatures(source: Place, target: Place, image: Descriptor) -> int:
    """Copy the signatures of an image to another place; returns how many it did not have."""
    present = source.read(image.digest)
    if not present.bundles and not present.simple:
        return 0
    new = present.without(target.read(image.digest))
    if new:
        target.add(image, new)
    return len(new.bundles) + len(new.simple)


def _bundle(image: Descriptor, claim: Claim, key: PrivateKey, created: str) -> AttachedBundle:
    payload = statement_bytes(claim.predicate_type, image.digest, claim.predicate)
    envelope = sign(payload, IN_TOTO, key)
    return AttachedBundle(
        Bundle(envelope, key.public.hint).to_bytes(), claim.predicate_type, created
    )
