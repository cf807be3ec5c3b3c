"""The signature of cosign 2 on an image: a small document with the digest, and a signature over it.

Source: sigstore/cosign, specs/SIGNATURE_SPEC.md ("Simple Signing"), and containers/image,
docs/containers-signature.5.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.digest import Digest
from ingot.oci.image_documents import canonical_json, read_json
from ingot.trust.dsse import exact_members
from ingot.trust.keys import PrivateKey, PublicKey

_TYPES = ("cosign container image signature", "https://sigstore.dev/cosign/sign/v1")


@dataclass(frozen=True, slots=True)
class SimpleSignature:
    """A document about an image, and the signature over its bytes."""

    payload: bytes
    signature: bytes

    def is_by(self, key: PublicKey) -> bool:
        return key.has_signed(self.payload, self.signature)

    def subject(self) -> Digest:
        """The image that it is about; ValueError if the document is not one about an image."""
        document = exact_members(
            read_json(self.payload), "a signature's document", {"critical"}, {"optional"}
        )
        critical = exact_members(document["critical"], "critical", {"identity", "image", "type"})
        if critical["type"] not in _TYPES:
            raise ValueError(f"a document of the type {critical['type']!r:.100} is not known")
        image = exact_members(critical["image"], "image", {"docker-manifest-digest"})
        digest = image["docker-manifest-digest"]
        if not isinstance(digest, str) or not digest.startswith("sha256:"):
            raise ValueError("the image is not named by a sha256")
        return Digest.parse(digest)


def sign_simply(image: str, digest: Digest, key: PrivateKey) -> SimpleSignature:
    """The signature on the image of this digest; `image` is its name without a tag."""
    payload = canonical_json(
        {
            "critical": {
                "identity": {"docker-reference": image},
                "image": {"docker-manifest-digest": str(digest)},
                "type": _TYPES[0],
            },
            "optional": None,
        }
    )
    return SimpleSignature(payload, key.sign(payload))
