"""Verifies the signatures of an image with keys.

Everything is refused that is not exactly of the form that signers write, was not signed by one of
the keys, or is about another image. What is refused says why; it never counts.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ingot.digest import Digest
from ingot.errors import IngotError, VerificationError
from ingot.oci.image_documents import read_json
from ingot.trust.attached import Attached
from ingot.trust.bundle import Bundle, parse_bundle
from ingot.trust.dsse import IN_TOTO, parse_envelope
from ingot.trust.keys import PublicKey
from ingot.trust.signing import Place
from ingot.trust.simple_signing import SimpleSignature
from ingot.trust.statement import PROVENANCE, SIGNATURE, Statement, parse_statement


@dataclass(frozen=True, slots=True)
class VerifiedStatement:
    """A statement about the image, and the key that signed it."""

    statement: Statement
    key: PublicKey


@dataclass(frozen=True, slots=True)
class Verified:
    """What the keys have signed about an image; `refused` says what else was found, and why it
    does not count. `signers` are the keys that signed the image itself."""

    digest: Digest
    signers: tuple[PublicKey, ...]
    statements: tuple[VerifiedStatement, ...]
    refused: tuple[str, ...]

    def of_type(self, predicate_type: str) -> list[VerifiedStatement]:
        return [each for each in self.statements if each.statement.predicate_type == predicate_type]


def verify_signatures(
    attached: Attached, digest: Digest, keys: Sequence[PublicKey], moment: datetime.datetime | None
) -> Verified:
    """Verify the signatures found for the image of this digest, at this moment if it is known.

    VerificationError if the certificate of a key is not valid at the moment.
    """
    if moment:
        for key in keys:
            key.require_valid(moment)
    statements: list[VerifiedStatement] = []
    signers: list[PublicKey] = []
    refused = list(attached.unreadable)
    for each in _all(attached):
        try:
            found = _verify(each, digest, keys)
        except (ValueError, IngotError) as error:
            refused.append(str(error))
            continue
        if isinstance(found, PublicKey):
            signers.append(found)
            continue
        statements.append(found)
        if found.statement.predicate_type == SIGNATURE:
            signers.append(found.key)
    unique = tuple(dict.fromkeys(signers))
    return Verified(digest, unique, _each_once(statements), tuple(dict.fromkeys(refused)))


def is_signed(attached: Attached, digest: Digest, key: PublicKey) -> bool:
    """Whether the key has signed the image of this digest; the key has no period of validity."""
    for each in _all(attached):
        with contextlib.suppress(ValueError, IngotError):
            found = _verify(each, digest, [key])
            if isinstance(found, PublicKey) or found.statement.predicate_type == SIGNATURE:
                return True
    return False


def verify_image(
    place: Place,
    digests: Sequence[Digest],
    keys: Sequence[PublicKey],
    moment: datetime.datetime | None,
) -> Verified:
    """Verify the signatures of the image with the first of these digests.

    The others are of indexes that list the image: who signed one of them has signed the image,
    but what they state about an index is not about the image. Errors as in `verify_signatures`,
    and those of the place.
    """
    image, *indexes = digests
    found = verify_signatures(place.read(image), image, keys, moment)
    for index in indexes:
        listed = verify_signatures(place.read(index), index, keys, moment)
        found = replace(
            found,
            signers=tuple(dict.fromkeys([*found.signers, *listed.signers])),
            refused=tuple(dict.fromkeys([*found.refused, *listed.refused])),
        )
    return found


def require_signers(verified: Verified, name: str, count: int) -> None:
    """VerificationError unless so many keys have signed that they built the image `name`."""
    builders = {each.key for each in verified.of_type(PROVENANCE)}
    if len(builders) < count:
        raise VerificationError(
            f"{name} was built by {len(builders)} of the keys, not by {count}",
            why="a key counts if it has signed the provenance of exactly this digest",
            hint="name the keys of more signers with --key, or wait until more have built it",
        )


def require_signature(verified: Verified, name: str, keys: Sequence[PublicKey]) -> None:
    """VerificationError unless one of the keys has signed the image `name`."""
    if verified.signers:
        return
    wanted = ", ".join(key.name or key.fingerprint for key in keys)
    why = "\n".join(verified.refused) or "it has no signatures"
    raise VerificationError(
        f"{name} is not signed by {wanted}",
        why=why,
        hint="do not use it, unless you know its publisher in another way; to sign it:"
        " ingot sign IMAGE --key KEY",
    )


def _all(attached: Attached) -> Iterator[bytes | SimpleSignature]:
    for bundle in attached.bundles:
        yield bundle.data
    yield from attached.simple
    yield from attached.envelopes


def _verify(
    found: bytes | SimpleSignature, digest: Digest, keys: Sequence[PublicKey]
) -> PublicKey | VerifiedStatement:
    """The key of a signature, or a statement with its key; ValueError or an IngotError says why it
    is refused."""
    if isinstance(found, SimpleSignature):
        key = _signer(found, keys, "a signature of cosign 2")
        _require_subject([found.subject()], digest, "a signature of cosign 2")
        return key
    members = read_json(found)
    if isinstance(members, dict) and "mediaType" in members:
        bundle = parse_bundle(found)
        key, envelope = _signer(bundle, keys, "a bundle"), bundle.envelope
    else:
        envelope = parse_envelope(members)
        key = _signer(envelope, keys, "a statement")
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"the payload {envelope.payload_type!r:.100} is not a statement")
    statement = parse_statement(envelope.payload)
    _require_subject(statement.subjects, digest, f"the statement {statement.predicate_type:.100}")
    return VerifiedStatement(statement, key)


class _Signed(Protocol):
    def is_by(self, key: PublicKey) -> bool: ...


def _signer(signed: _Signed, keys: Sequence[PublicKey], what: str) -> PublicKey:
    for key in keys:
        if signed.is_by(key):
            return key
    if isinstance(signed, Bundle) and signed.hint in [key.hint for key in keys]:
        raise ValueError(f"{what} names the right key, but was changed after it was signed")
    raise ValueError(f"{what} is by another key, or was changed after it was signed")


def _require_subject(subjects: Sequence[Digest], digest: Digest, what: str) -> None:
    if digest not in subjects:
        raise ValueError(f"{what} is about another image: {', '.join(map(str, subjects[:3]))}")


def _each_once(found: Sequence[VerifiedStatement]) -> tuple[VerifiedStatement, ...]:
    """The statements without copies: cosign 2 has its own copy of each."""
    unique: list[VerifiedStatement] = []
    for each in found:
        if each not in unique:
            unique.append(each)
    return tuple(unique)
