"""The files of keys, which are those of cosign: either program uses the other's.

    NAME.pub   -----BEGIN PUBLIC KEY-----, or a certificate, -----BEGIN CERTIFICATE-----
    NAME.key   -----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----

The latter is base64 of JSON: the PKCS #8 form in a secretbox (XSalsa20 and Poly1305), whose key is
the scrypt of the password. Source: sigstore/cosign, pkg/cosign/keys.go; secure-systems-lab/
go-securesystemslib, encrypted/encrypted.go. A key of openssl in PKCS #8, encrypted or not, is read
as well (`-----BEGIN ENCRYPTED PRIVATE KEY-----`), but cosign needs `cosign import-key-pair` for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nacl.exceptions
import nacl.secret
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingot.errors import UserError, VerificationError
from ingot.files import read_text
from ingot.oci.image_documents import canonical_json, read_json
from ingot.trust.keys import PrivateKey, PublicKey

_TYPE = "ENCRYPTED SIGSTORE PRIVATE KEY"
_COSIGN_TYPES = (_TYPE, "ENCRYPTED COSIGN PRIVATE KEY")
_PKCS8_TYPES = ("ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\r?\n(.*?)-----END \1-----", re.DOTALL)
_LINE = 64
_COST, _BLOCK, _PARALLEL = 1 << 16, 8, 1
"""scrypt's parameters, as cosign writes them: 64 MiB of memory, a fraction of a second."""
_HIGHEST_COST = 1 << 20
_SALT_BYTES = 32
_CURVE = (
    "Ingot signs and verifies with ECDSA on the curve P-256, as `cosign generate-key-pair` does"
)


def private_key_file(key: PrivateKey, password: bytes) -> bytes:
    """The content of a file of the private key, encrypted with the password."""
    salt = os.urandom(_SALT_BYTES)
    nonce = os.urandom(nacl.secret.SecretBox.NONCE_SIZE)
    box = nacl.secret.SecretBox(_derived(password, salt, _COST, _BLOCK, _PARALLEL))
    document = {
        "kdf": {
            "name": "scrypt",
            "params": {"N": _COST, "r": _BLOCK, "p": _PARALLEL},
            "salt": _text(salt),
        },
        "cipher": {"name": "nacl/secretbox", "nonce": _text(nonce)},
        "ciphertext": _text(box.encrypt(key.pkcs8, nonce).ciphertext),
    }
    body = _text(canonical_json(document))
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    return "\n".join([f"-----BEGIN {_TYPE}-----", *lines, f"-----END {_TYPE}-----", ""]).encode()


def read_private_key(path: Path, password: Callable[[], bytes]) -> PrivateKey:
    """The key in a file; `password` is called if the file is encrypted.

    UserError if the file is not a private key, or for another password.
    """
    kind, text = _read_pem(path, "a private key")
    if kind == "PUBLIC KEY":
        raise UserError(
            f"{path} is a public key",
            why="an image is signed with the private key",
            hint="name the other file of the pair, which ends in .key",
        )
    if kind in _COSIGN_TYPES:
        return _checked(path, _decrypted(path, text, password()), None)
    if kind in _PKCS8_TYPES:
        return _checked(path, text.encode(), password() if kind.startswith("ENCRYPTED") else None)
    raise UserError(
        f"{path} is not a private key",
        why=f"it is a '{kind}'",
        hint="make a key with `ingot keygen`, or with `cosign generate-key-pair`",
    )


def read_public_key(path: Path) -> PublicKey:
    """The key in a file, or of a certificate; UserError if it is neither, or of another kind."""
    kind, text = _read_pem(path, "a public key")
    if "PRIVATE" in kind:
        raise UserError(
            f"{path} is a private key",
            why="an image is verified with the public key, which everyone may know",
            hint="name the other file of the pair, which ends in .pub",
        )
    try:
        if kind == "CERTIFICATE":
            certificate = x509.load_pem_x509_certificate(text.encode())
            since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            return PublicKey.of(_of_curve(path, certificate.public_key()), str(path), since, until)
        return PublicKey.of(
            _of_curve(path, serialization.load_pem_public_key(text.encode())), str(path)
        )
    except UserError:
        raise
    except Exception as error:  # the library raises several kinds for a damaged file
        raise _unreadable(path, "a public key", error) from None


def _checked(path: Path, data: bytes, password: bytes | None) -> PrivateKey:
    """The key in PKCS #8, as PEM or, if it was decrypted here, DER."""
    load = (
        serialization.load_pem_private_key
        if data.startswith(b"-----")
        else serialization.load_der_private_key
    )
    try:
        key = load(data, password)
    except ValueError as error:
        if password is not None and "password" in str(error).lower():
            raise _wrong_password(path) from None
        raise _unreadable(path, "a private key", error) from None
    except Exception as error:  # the library raises several kinds for a damaged file
        raise _unreadable(path, "a private key", error) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not _is_right(key.curve):
        raise _other_kind(path)
    der, form, none = (
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return PrivateKey(key.private_bytes(der, form, none))


def _decrypted(path: Path, text: str, password: bytes) -> bytes:
    try:
        document = read_json(_bytes("".join(text.splitlines()[1:-1])))
        kdf, cipher = document["kdf"], document["cipher"]
        if (kdf["name"], cipher["name"]) != ("scrypt", "nacl/secretbox"):
            raise ValueError(f"it is encrypted with {kdf['name']!r:.40}, {cipher['name']!r:.40}")
        secret = _derived(password, _bytes(kdf["salt"]), *_costs(kdf["params"]))
        box = nacl.secret.SecretBox(secret)
        return box.decrypt(_bytes(document["ciphertext"]), _bytes(cipher["nonce"]))
    except nacl.exceptions.CryptoError as error:
        if isinstance(error, nacl.exceptions.ValueError):
            raise _unreadable(path, "a private key", error) from None
        raise _wrong_password(path) from None
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, "a private key", error) from None


def _costs(params: Mapping[str, Any]) -> tuple[int, int, int]:
    cost, block, parallel = params["N"], params["r"], params["p"]
    if not (2 <= cost <= _HIGHEST_COST and 1 <= block <= 8 and 1 <= parallel <= 8):
        raise ValueError(f"scrypt with N={cost}, r={block}, p={parallel} is not supported")
    return cost, block, parallel


def _derived(password: bytes, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    memory = 2 * 128 * cost * block + (1 << 20)
    return hashlib.scrypt(password, salt=salt, n=cost, r=block, p=parallel, maxmem=memory, dklen=32)


def _read_pem(path: Path, what: str) -> tuple[str, str]:
    """The kind and the text of the only PEM block of a file."""
    text = read_text(path)
    if text is None:
        raise UserError(f"there is no file {path}", hint="make a pair of keys with `ingot keygen`")
    found = list(_PEM.finditer(text))
    if len(found) != 1:
        count = "has no PEM block" if not found else f"has {len(found)} PEM blocks, not one"
        raise UserError(
            f"{path} is not {what}", why=f"it {count}", hint="make one with `ingot keygen`"
        )
    return found[0][1], found[0][0]


def _of_curve(path: Path, key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not _is_right(key.curve):
        raise _other_kind(path)
    return key


def _is_right(curve: ec.EllipticCurve) -> bool:
    return isinstance(curve, ec.SECP256R1)


def _other_kind(path: Path) -> UserError:
    return UserError(
        f"{path} is a key of another kind", why=_CURVE, hint="make one with `ingot keygen`"
    )


def _wrong_password(path: Path) -> VerificationError:
    return VerificationError(
        f"{path} cannot be decrypted",
        why="the password is wrong, or the file is damaged",
        hint="try again with the password that the key was made with",
    )


def _unreadable(path: Path, what: str, error: Exception) -> UserError:
    return UserError(
        f"{path} is not {what} that Ingot can read",
        why=str(error) or type(error).__name__,
        hint="restore the file from a copy, or make another pair with `ingot keygen`",
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
