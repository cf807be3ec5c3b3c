"""The files of keys: those of cosign, of openssl, and everything that is not a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ingot.errors import UserError, VerificationError
from ingot.trust import key_files
from ingot.trust.key_files import private_key_file, read_private_key, read_public_key
from ingot.trust.keys import PrivateKey
from tests.support import cosign_samples as samples
from tests.support.signatures import key, public


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is tried quickly."""
    monkeypatch.setattr(key_files, "_COST", 2)


@pytest.mark.parametrize(
    ("private", "public_text"),
    [
        (samples.PRIVATE_2, samples.PUBLIC_2),
        (samples.PRIVATE_3.replace("SIGSTORE", "COSIGN"), samples.PUBLIC_3),
    ],
    ids=["cosign 2", "cosign 3, with the older title"],
)
def test_keys_of_cosign_are_read(tmp_path: Path, private: str, public_text: str) -> None:
    found = read_private_key(written(tmp_path / "a.key", private), lambda: samples.PASSWORD)
    assert found.public == read_public_key(written(tmp_path / "a.pub", public_text))


@pytest.mark.usefixtures("cheap")
def test_a_key_that_was_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.key", private_key_file(key(), "ä".encode()))
    assert path.read_text().startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    assert read_private_key(path, lambda: "ä".encode()) == key()
    assert read_public_key(written(tmp_path / "a.pub", key().public.pem())) == key().public
    assert repr(key()) == "PrivateKey()"


@pytest.mark.usefixtures("cheap")
def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.key", private_key_file(key(), b"right"))
    with pytest.raises(VerificationError, match=r"a\.key cannot be decrypted: the password"):
        read_private_key(path, lambda: b"wrong")


@pytest.mark.usefixtures("cheap")
def test_every_changed_part_of_a_private_key_is_refused(tmp_path: Path) -> None:
    text = private_key_file(key(), b"x").decode()
    for place in range(0, len(text), 17):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises((UserError, VerificationError)):
            read_private_key(written(tmp_path / "a.key", changed), lambda: b"x")


@pytest.mark.parametrize("password", [None, b"secret"])
def test_keys_of_openssl_are_read(tmp_path: Path, password: bytes | None) -> None:
    own = serialization.load_der_private_key(key().pkcs8, None)
    cover: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        cover = serialization.BestAvailableEncryption(password)
    pem = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cover)
    path = written(tmp_path / "a.key", pem)
    assert read_private_key(path, lambda: b"secret") == key()
    if password:
        with pytest.raises(VerificationError, match="the password is wrong"):
            read_private_key(path, lambda: b"other")


def pem_of(own: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return own.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no PEM block"),
        ("hello", "has no PEM block"),
        (b"\xff\xfe", "is not UTF-8"),
        (samples.PUBLIC_2 + samples.PUBLIC_3, "has 2 PEM blocks"),
        (samples.PRIVATE_2, "is a private key"),
        (samples.PUBLIC_2.replace("MFkw", "MFkv"), "not a public key that Ingot can read"),
        (samples.PUBLIC_2.replace("PUBLIC KEY", "CERTIFICATE"), "not a public key that Ingot"),
        (pem_of(ec.generate_private_key(ec.SECP384R1())), "a key of another kind"),
        (pem_of(ed25519.Ed25519PrivateKey.generate()), "a key of another kind"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_what_is_not_a_public_key_is_refused(tmp_path: Path, text: str | bytes, why: str) -> None:
    with pytest.raises(UserError) as caught:
        read_public_key(written(tmp_path / "a.pub", text))
    assert why in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (samples.PUBLIC_2, "is a public key"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "is not a private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "that Ingot can read"),
        (
            "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nAAAA\n"
            "-----END ENCRYPTED COSIGN PRIVATE KEY-----\n",
            "that Ingot can read",
        ),
    ],
    ids=["public", "certificate", "damaged", "damaged, of cosign"],
)
def test_what_is_not_a_private_key_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        read_private_key(written(tmp_path / "a.key", text), lambda: b"")
    assert why in str(caught.value)
    assert caught.value.hint


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*none\.pub"):
        read_public_key(tmp_path / "none.pub")


def test_scrypt_with_a_huge_cost_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_files, "_derived", lambda *_: bytes(32))
    monkeypatch.setattr(key_files, "_COST", 1 << 40)
    path = written(tmp_path / "a.key", private_key_file(key(), b""))
    with pytest.raises(UserError, match="scrypt with N=1099511627776"):
        read_private_key(path, lambda: b"")


def test_a_signature_is_the_same_each_time_and_names_its_key() -> None:
    assert key().sign(b"data") == key().sign(b"data")
    assert public().has_signed(b"data", key().sign(b"data"))
    assert not public().has_signed(b"other", key().sign(b"data"))
    assert not public("other").has_signed(b"data", key().sign(b"data"))
    assert public().fingerprint == f"SHA256:{public().hint[:-1]}"
    assert PrivateKey.generate() != PrivateKey.generate()
