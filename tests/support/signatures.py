"""An image of a store that is signed, and the keys of two signers."""

from __future__ import annotations

import datetime
import functools
from dataclasses import replace
from pathlib import Path

from ingot.digest import Digest
from ingot.oci import Descriptor, Layout
from ingot.trust.attached import Attached, AttachedBundle, together
from ingot.trust.bundle import Bundle
from ingot.trust.dsse import IN_TOTO, sign
from ingot.trust.keys import PrivateKey, PublicKey
from ingot.trust.signing import Claim, sign_image
from ingot.trust.statement import BOOT, SIGNATURE, statement_bytes
from ingot.trust.store_place import StorePlace
from ingot.trust.verifying import Verified, verify_signatures
from tests.support import sample_images

NAME = "kernel-bin"
NOW = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
CREATED = "2026-12-01T00:00:00Z"
PROOF = Claim(BOOT, {"result": "PASSED", "failedTests": []})


class MemoryPlace:
    """The signatures of one image, which are nowhere but here."""

    name = NAME

    def __init__(self) -> None:
        self.attached = Attached()

    def read(self, _subject: Digest) -> Attached:
        return self.attached

    def add(self, _subject: Descriptor, new: Attached) -> None:
        self.attached = together([self.attached, new])


def key(name: str = "signer") -> PrivateKey:
    """The key of a signer, the same in all tests of a process."""
    return _made(name)


@functools.cache
def _made(_name: str) -> PrivateKey:
    return PrivateKey.generate()


def public(name: str = "signer") -> PublicKey:
    return replace(key(name).public, name=f"{name}.pub")


def image(layout: Layout, text: str = "sample") -> Descriptor:
    """An image of the store, which has a tag."""
    found = sample_images.image(layout, text)
    layout.tag({f"{NAME}:{text}": found})
    return found


def signed_image(directory: Path) -> tuple[StorePlace, Descriptor]:
    """An image that is signed, with one claim."""
    place = StorePlace(Layout(directory / "images"), NAME)
    found = image(place.layout)
    sign_image(place, found, [PROOF], key(), CREATED)
    return place, found


def bundle(payload: bytes, signer: str = "signer", payload_type: str = IN_TOTO) -> AttachedBundle:
    """A bundle of any payload, which the signer has signed."""
    envelope = sign(payload, payload_type, key(signer))
    return AttachedBundle(Bundle(envelope, public(signer).hint).to_bytes(), SIGNATURE, CREATED)


def signature(subject: Digest, signer: str = "signer") -> AttachedBundle:
    """The bundle of a signature on an image."""
    return bundle(statement_bytes(SIGNATURE, subject, {}), signer)


def verified(attached: Attached, subject: Digest, *names: str) -> Verified:
    """The result of verifying with the keys of these signers, or of the first one."""
    keys = [public(name) for name in names or ("signer",)]
    return verify_signatures(attached, subject, keys, NOW)
