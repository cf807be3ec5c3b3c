"""The table of tampering: all that is not exactly what the key signed about an image is refused."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.oci import Layout
from ingot.oci.image_documents import canonical_json
from ingot.trust.attached import Attached, AttachedBundle
from ingot.trust.key_files import read_public_key
from ingot.trust.keys import PublicKey
from ingot.trust.signing import sign_image
from ingot.trust.simple_signing import SimpleSignature, sign_simply
from ingot.trust.statement import BOOT, PROVENANCE, SIGNATURE, statement_bytes
from ingot.trust.store_place import StorePlace
from ingot.trust.verifying import require_signature, verify_image, verify_signatures
from tests.support import cosign_samples as samples
from tests.support.digests import digest
from tests.support.signatures import (
    CREATED,
    NAME,
    NOW,
    bundle,
    image,
    key,
    public,
    signature,
    signed_image,
    verified,
)

SUBJECT = digest("the image")
Change = Callable[[dict[str, Any]], object]


def of_bundles(*data: bytes) -> Attached:
    return Attached(tuple(AttachedBundle(each, SIGNATURE, CREATED) for each in data))


def refusal(attached: Attached, subject: Digest = SUBJECT) -> str:
    """Why nothing of it counts."""
    found = verified(attached, subject)
    assert not found.signers
    assert not found.statements
    assert len(found.refused) == 1
    return found.refused[0]


def test_a_signature_counts_unless_it_was_tampered_with() -> None:
    found = verified(Attached((signature(SUBJECT),)), SUBJECT)
    assert found.signers == (public(),)
    assert found.refused == ()


def test_a_bundle_with_any_byte_changed_is_refused() -> None:
    data = signature(SUBJECT).data
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        assert refusal(of_bundles(bytes(changed)))


def test_a_signature_of_cosign_2_with_any_byte_changed_is_refused() -> None:
    made = sign_simply(NAME, SUBJECT, key())
    assert verified(Attached(simple=(made,)), SUBJECT).signers == (public(),)
    for part in ("payload", "signature"):
        data = getattr(made, part)
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1
            assert refusal(Attached(simple=(replace(made, **{part: bytes(changed)}),)))


def changed_bundle(change: Change) -> bytes:
    document = json.loads(signature(SUBJECT).data)
    change(document)
    return canonical_json(document)


def second_signature(document: dict[str, Any]) -> None:
    document["dsseEnvelope"]["signatures"] *= 2


CHANGES: dict[str, tuple[Change, str]] = {
    "an unknown member": (lambda d: d.update(extra=1), "the unknown member 'extra'"),
    "an unknown member of the envelope": (
        lambda d: d["dsseEnvelope"].update(extra=1),
        "the unknown member 'extra'",
    ),
    "no envelope": (lambda d: d.pop("dsseEnvelope"), "no member dsseEnvelope"),
    "another version": (
        lambda d: d.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        "is not known",
    ),
    "two signatures": (second_signature, "exactly one signature"),
    "no signature": (lambda d: d["dsseEnvelope"].update(signatures=[]), "exactly one signature"),
    "a payload of another type": (
        lambda d: d["dsseEnvelope"].update(payloadType="text/plain"),
        "was changed after it was signed",
    ),
    "a key's name that is another's": (
        lambda d: d["dsseEnvelope"]["signatures"][0].update(keyid=public("other").hint),
        "was changed after it was signed",
    ),
    "the hint of another key": (
        lambda d: d["verificationMaterial"].update(publicKey={"hint": public("other").hint}),
        "by another key",
    ),
    "a certificate instead of a key": (
        lambda d: d.update(verificationMaterial={"certificate": {"rawBytes": "AAAA"}}),
        "by another key",
    ),
    "a certificate and a key": (
        lambda d: d["verificationMaterial"].update(certificate={}),
        "not 2",
    ),
    "a signature that is a number": (
        lambda d: d["dsseEnvelope"]["signatures"][0].update(sig=1),
        "sig is not a text",
    ),
    "base64 with white space": (
        lambda d: d["dsseEnvelope"].update(payload=d["dsseEnvelope"]["payload"] + "\n"),
        "payload is not base64",
    ),
    "material that is a list": (lambda d: d.update(verificationMaterial=[]), "not a JSON object"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_bundle_is_refused(name: str) -> None:
    change, why = CHANGES[name]
    assert why in refusal(of_bundles(changed_bundle(change)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"\xff", "utf"),
        (b"[]", "not a JSON object"),
        (b"{", "Expecting"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"mediaType":"a","mediaType":"a"}', "has the member 'mediaType' twice"),
    ],
    ids=["empty", "not text", "a list", "cut off", "deep", "duplicate keys"],
)
def test_what_is_not_a_bundle_is_refused(data: bytes, why: str) -> None:
    assert why in refusal(of_bundles(data))


def test_duplicate_keys_anywhere_are_refused() -> None:
    data = signature(SUBJECT).data
    for name in (b'"payload"', b'"sig"', b'"hint"'):
        start = data.index(name)
        end = data.index(b'"', start + len(name) + 2) + 1
        member = data[start:end]
        assert "twice" in refusal(of_bundles(data.replace(member, member + b"," + member)))


STATEMENTS: dict[str, tuple[bytes, str]] = {
    "another image": (statement_bytes(SIGNATURE, digest("other"), {}), "about another image"),
    "no subject": (
        canonical_json(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "predicateType": SIGNATURE,
                "subject": [],
                "predicate": {},
            }
        ),
        "needs a subject",
    ),
    "an unknown member": (
        statement_bytes(SIGNATURE, SUBJECT, {}).replace(b'{"_type"', b'{"a":1,"_type"'),
        "the unknown member 'a'",
    ),
    "duplicate keys": (
        statement_bytes(SIGNATURE, SUBJECT, {}).replace(
            b'"predicate":{}', b'"predicate":{},"predicate":{}'
        ),
        "twice",
    ),
    "another type": (
        statement_bytes(SIGNATURE, SUBJECT, {}).replace(b"Statement/v1", b"Statement/v9"),
        "is not known",
    ),
    "a digest of another kind": (
        statement_bytes(SIGNATURE, SUBJECT, {}).replace(b"sha256", b"sha512"),
        "needs a sha256",
    ),
    "not JSON": (b"hello", "Expecting value"),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_signed_statement_of_another_form_is_refused(name: str) -> None:
    payload, why = STATEMENTS[name]
    assert why in refusal(Attached((bundle(payload),)))


def test_a_signed_payload_that_is_not_a_statement_is_refused() -> None:
    made = bundle(statement_bytes(SIGNATURE, SUBJECT, {}), payload_type="text/plain")
    assert "is not a statement" in refusal(Attached((made,)))


def test_another_key_is_refused() -> None:
    assert "another key" in refusal(Attached((signature(SUBJECT, "other"),)))
    assert "another key" in refusal(Attached(simple=(sign_simply(NAME, SUBJECT, key("other")),)))


def test_a_statement_alone_does_not_sign_the_image() -> None:
    found = verified(Attached((bundle(statement_bytes(BOOT, SUBJECT, {})),)), SUBJECT)
    assert [each.statement.predicate_type for each in found.statements] == [BOOT]
    with pytest.raises(VerificationError, match=r"x is not signed by signer\.pub"):
        require_signature(found, "x", [public()])


def test_a_predicate_of_another_type_does_not_become_the_wanted_one() -> None:
    """The annotation of a bundle, which is not signed, does not decide what it says."""
    lying = replace(bundle(statement_bytes(BOOT, SUBJECT, {})), predicate_type=PROVENANCE)
    found = verified(Attached((lying,)), SUBJECT)
    assert found.of_type(PROVENANCE) == []


def test_a_document_of_cosign_2_about_another_image_is_refused() -> None:
    made = sign_simply(NAME, digest("other"), key())
    assert "about another image" in refusal(Attached(simple=(made,)))


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", b'{"critical":1}', b'{"critical":{"identity":1,"image":{},"type":"x"}}'],
)
def test_a_signed_document_of_another_form_is_refused(payload: bytes) -> None:
    assert refusal(Attached(simple=(SimpleSignature(payload, key().sign(payload)),)))


def test_a_good_signature_counts_beside_a_bad_one() -> None:
    made = Attached((signature(SUBJECT, "other"), signature(SUBJECT)))
    found = verified(made, SUBJECT)
    assert found.signers == (public(),)
    assert len(found.refused) == 1


# In a store


def test_a_signed_image_is_verified_where_it_is(tmp_path: Path) -> None:
    place, found = signed_image(tmp_path)
    result = verify_image(place, [found.digest], [public()], NOW)
    assert result.signers == (public(),)
    assert {each.statement.predicate_type for each in result.statements} == {SIGNATURE, BOOT}


def test_signatures_of_another_image_do_not_count(tmp_path: Path) -> None:
    """The signatures are copied to an image that the key did not sign."""
    place, found = signed_image(tmp_path)
    other = image(place.layout, "other")
    place.add(other, place.read(found.digest))
    result = verify_image(place, [other.digest], [public()], NOW)
    assert not result.signers
    assert all("about another image" in reason for reason in result.refused)


def test_a_moved_tag_is_refused(tmp_path: Path) -> None:
    place, _ = signed_image(tmp_path)
    place.layout.tag({f"{NAME}:sample": image(place.layout, "other")})
    moved = place.layout.tags()[f"{NAME}:sample"]
    result = verify_image(place, [moved.digest], [public()], NOW)
    with pytest.raises(VerificationError, match="it has no signatures"):
        require_signature(result, f"{NAME}:sample", [public()])


def test_every_damaged_blob_of_a_signature_is_refused(tmp_path: Path) -> None:
    place, found = signed_image(tmp_path)
    before = {path: path.read_bytes() for path in place.layout.blobs.names()}
    index = place.layout.tags()[f"{NAME}:sha256-{found.digest.hex}"]
    path = place.layout.blobs.path(index.digest)
    path.write_bytes(before[path].replace(b"sha256:", b"sha256;", 1))
    result = verify_image(place, [found.digest], [public()], NOW)
    assert not result.signers
    assert "damaged" in result.refused[0]
    path.write_bytes(before[path])
    sign_again = verify_image(place, [found.digest], [public()], NOW)
    assert sign_again.signers
    bundles = [p for p, data in before.items() if b"verificationMaterial" in data]
    for one in bundles:
        one.write_bytes(before[one][:-1] + b" ")
    result = verify_image(place, [found.digest], [public()], NOW)
    assert not result.statements
    assert len(result.refused) == len(bundles) == 2


def test_a_store_that_lost_a_signature_says_so(tmp_path: Path) -> None:
    place, found = signed_image(tmp_path)
    for path in place.layout.blobs.names():
        if b"verificationMaterial" in path.read_bytes():
            path.unlink()
    result = verify_image(place, [found.digest], [public()], NOW)
    assert any("missing" in reason for reason in result.refused)


def test_what_the_key_has_signed_is_not_signed_again(tmp_path: Path) -> None:
    place, found = signed_image(tmp_path)
    tags = place.layout.tags()
    again = sign_image(place, found, [], key(), "2027-01-01T00:00:00Z")
    assert again.added == ()
    assert place.layout.tags() == tags
    other = sign_image(place, found, [], key("other"), CREATED)
    assert other.added == (SIGNATURE,)
    result = verified(place.read(found.digest), found.digest, "signer", "other")
    assert set(result.signers) == {public(), public("other")}


# What cosign wrote


def keys_of_cosign(tmp_path: Path, text: str) -> list[PublicKey]:
    (tmp_path / "c.pub").write_text(text)
    return [read_public_key(tmp_path / "c.pub")]


def test_a_bundle_of_cosign_3_is_verified(tmp_path: Path) -> None:
    keys = keys_of_cosign(tmp_path, samples.PUBLIC_3)
    attached = of_bundles(samples.BUNDLE_3.encode())
    assert verify_signatures(attached, samples.SUBJECT_3, keys, NOW).signers == tuple(keys)


def test_signature_and_statement_of_cosign_2_are_verified(tmp_path: Path) -> None:
    keys = keys_of_cosign(tmp_path, samples.PUBLIC_2)
    simple = SimpleSignature(samples.PAYLOAD_2.encode(), base64.b64decode(samples.SIGNATURE_2))
    attached = Attached(simple=(simple,), envelopes=(samples.ENVELOPE_2.encode(),))
    found = verify_signatures(attached, samples.SUBJECT_2, keys, NOW)
    assert found.signers == tuple(keys)
    assert [each.statement.predicate_type for each in found.statements] == [BOOT]


# Certificates


def certificate(tmp_path: Path, since: datetime.datetime, until: datetime.datetime) -> PublicKey:
    """The signer's key in a certificate that is valid in this period."""
    own = serialization.load_der_private_key(key().pkcs8, None)
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    made = (x509.CertificateBuilder(name, name, own.public_key(), 1, since, until)).sign(
        own, hashes.SHA256()
    )
    path = tmp_path / "signer.crt"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return read_public_key(path)


def test_a_certificate_verifies_while_it_is_valid(tmp_path: Path) -> None:
    day = datetime.timedelta(days=1)
    good = certificate(tmp_path, NOW - day, NOW + day)
    attached = Attached((signature(SUBJECT),))
    assert verify_signatures(attached, SUBJECT, [good], NOW).signers == (good,)
    with pytest.raises(VerificationError, match=r"signer\.crt has expired: it was valid until"):
        verify_signatures(attached, SUBJECT, [good], NOW + 2 * day)
    with pytest.raises(VerificationError, match="is not valid yet"):
        verify_signatures(attached, SUBJECT, [good], NOW - 2 * day)


def test_an_image_without_signatures_is_refused(tmp_path: Path) -> None:
    place = StorePlace(Layout(tmp_path / "images"), NAME)
    found = image(place.layout)
    result = verify_image(place, [found.digest], [public()], NOW)
    with pytest.raises(VerificationError, match=r"is not signed by signer\.pub: it has no sign"):
        require_signature(result, "kernel-bin:6.1", [public()])
