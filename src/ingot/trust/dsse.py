"""Signed envelopes: a payload, its type, and one signature over both.

Source: secure-systems-lab/dsse, protocol.md and envelope.md, 1.0.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot.trust.keys import PrivateKey, PublicKey

IN_TOTO = "application/vnd.in-toto+json"
"""The type of a payload that is a statement."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload of a type, with the signature over both; `key_id` is empty if it names no key.

    Nothing of it may be used before `is_by` is true.
    """

    payload: bytes
    payload_type: str
    signature: bytes
    key_id: str = ""

    def is_by(self, key: PublicKey) -> bool:
        """Whether the key has signed this payload as this type."""
        signed = pre_authentication(self.payload_type, self.payload)
        return self.key_id in ("", key.hint) and key.has_signed(signed, self.signature)

    def to_json(self, *, key_ids: bool = False) -> dict[str, object]:
        """The envelope in JSON; with `key_ids`, with the member that cosign 2 also writes."""
        signature = {"sig": base64.b64encode(self.signature).decode()}
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": self.key_id, **signature} if key_ids else signature],
        }


def sign(payload: bytes, payload_type: str, key: PrivateKey) -> Envelope:
    return Envelope(payload, payload_type, key.sign(pre_authentication(payload_type, payload)))


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed (protocol.md, "PAE")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def parse_envelope(document: object) -> Envelope:
    """The envelope in JSON; ValueError unless it has exactly the members of one, and one signature.

    Its signature is not verified.
    """
    members = exact_members(document, "an envelope", {"payload", "payloadType", "signatures"})
    signatures = members["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise ValueError("an envelope needs exactly one signature")
    signature = exact_members(signatures[0], "a signature", {"sig"}, {"keyid"})
    payload_type, key_id = members["payloadType"], signature.get("keyid", "")
    if not isinstance(payload_type, str) or not isinstance(key_id, str):
        raise ValueError("an envelope's payloadType and keyid are texts")
    return Envelope(
        strict_base64(members["payload"], "payload"),
        payload_type,
        strict_base64(signature["sig"], "sig"),
        key_id,
    )


def exact_members(
    document: object, what: str, needed: set[str], allowed: set[str] | None = None
) -> Mapping[str, Any]:
    """The members of a JSON object; ValueError if one is missing, or another one is there."""
    if not isinstance(document, dict):
        raise ValueError(f"{what} is not a JSON object")
    if missing := needed - document.keys():
        raise ValueError(f"{what} has no member {', '.join(sorted(missing))}")
    if others := document.keys() - needed - (allowed or set()):
        raise ValueError(f"{what} has the unknown member {min(others)!r:.80}")
    return document


def strict_base64(text: object, what: str) -> bytes:
    """The bytes of a base64 text; ValueError if it is not the only way to write these bytes."""
    if not isinstance(text, str):
        raise ValueError(f"{what} is not a text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError(f"{what} is not base64 in its usual form")
    return data
