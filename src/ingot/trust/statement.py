"""Statements: a claim of one type (the predicate) about artifacts, each named by its digest.

Source: in-toto/attestation, spec/v1/statement.md. cosign 2 writes version 0.1, which has the same
members; it is only read. An image's signature is a statement without content: it only says that the
signer knows the image (sigstore/cosign, `CosignSignPredicateType`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingot.digest import Digest
from ingot.oci.image_documents import canonical_json, read_json
from ingot.trust.dsse import exact_members

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
BOOT = "https://in-toto.io/attestation/test-result/v0.1"
SBOM = "https://cyclonedx.org/bom"

_TYPE = "https://in-toto.io/Statement/v1"
_READ = (_TYPE, "https://in-toto.io/Statement/v0.1")
_RESOURCE = {"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"}
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim about artifacts, the `subjects`, by digest."""

    predicate_type: str
    subjects: tuple[Digest, ...]
    predicate: Mapping[str, Any] = field(hash=False)

    def is_about(self, digest: Digest) -> bool:
        return digest in self.subjects


def statement_bytes(
    predicate_type: str, subject: Digest, predicate: Mapping[str, object], name: str = ""
) -> bytes:
    """A statement about one artifact, as it is signed; the same arguments give the same bytes."""
    about: dict[str, object] = {"digest": {"sha256": subject.hex}}
    if name:
        about["name"] = name
    return canonical_json(
        {
            "_type": _TYPE,
            "predicateType": predicate_type,
            "subject": [about],
            "predicate": dict(predicate),
        }
    )


def parse_statement(data: bytes) -> Statement:
    """The statement in JSON; ValueError if it has other members, or none about an artifact."""
    members = exact_members(
        read_json(data), "a statement", {"_type", "predicateType", "subject", "predicate"}
    )
    kind, subjects, predicate = members["predicateType"], members["subject"], members["predicate"]
    if members["_type"] not in _READ:
        raise ValueError(f"a statement of the type {members['_type']!r:.100} is not known")
    if not isinstance(kind, str) or not isinstance(predicate, dict):
        raise ValueError("a statement needs a predicateType that is a text, and a predicate")
    if not isinstance(subjects, list) or not subjects:
        raise ValueError("a statement needs a subject")
    return Statement(kind, tuple(_digest(subject) for subject in subjects), predicate)


def _digest(subject: object) -> Digest:
    digests = exact_members(subject, "a subject", {"digest"}, _RESOURCE)["digest"]
    value = digests.get("sha256") if isinstance(digests, dict) else None
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError("a subject needs a sha256 of 64 hexadecimal digits")
    return Digest(value)
