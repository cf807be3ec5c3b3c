"""Bundles: the JSON documents in which cosign 3 keeps an envelope and the name of its key.

Source: sigstore/protobuf-specs, sigstore_bundle.proto, "Bundle", version 0.3. Programs that read
such JSON refuse members that they do not know, so none is written, and none is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.oci.image_documents import canonical_json, read_json
from ingot.trust.dsse import Envelope, exact_members, parse_envelope
from ingot.trust.keys import PublicKey

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""The media type of a bundle, and the artifact type of the manifest that has one."""

_MATERIAL = {"publicKey", "certificate", "x509CertificateChain"}
_TIMES = {"tlogEntries", "timestampVerificationData"}
"""Proofs of when it was signed; a key verifies without them."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An envelope, and the hint of the key that signed it; without one, a certificate's did."""

    envelope: Envelope
    hint: str | None

    def is_by(self, key: PublicKey) -> bool:
        """Whether this key has signed the envelope."""
        return self.hint == key.hint and self.envelope.is_by(key)

    def to_bytes(self) -> bytes:
        """The JSON document; only for a bundle of a key."""
        assert self.hint is not None
        return canonical_json(
            {
                "mediaType": BUNDLE_TYPE,
                "verificationMaterial": {"publicKey": {"hint": self.hint}},
                "dsseEnvelope": self.envelope.to_json(),
            }
        )


def parse_bundle(data: bytes) -> Bundle:
    """The bundle in JSON; ValueError unless it has exactly the members of one with an envelope."""
    members = exact_members(
        read_json(data), "a bundle", {"mediaType", "verificationMaterial", "dsseEnvelope"}
    )
    if members["mediaType"] != BUNDLE_TYPE:
        raise ValueError(f"a bundle of the type {members['mediaType']!r:.100} is not known")
    material = exact_members(
        members["verificationMaterial"], "verificationMaterial", set(), _MATERIAL | _TIMES
    )
    if len(found := _MATERIAL & material.keys()) != 1:
        raise ValueError(f"a bundle names one key or certificate, not {len(found)}")
    return Bundle(parse_envelope(members["dsseEnvelope"]), _hint(material.get("publicKey")))


def _hint(key: object) -> str | None:
    if key is None:
        return None
    hint = exact_members(key, "publicKey", {"hint"})["hint"]
    if not isinstance(hint, str):
        raise ValueError("the hint of a key is a text")
    return hint
