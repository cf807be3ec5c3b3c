"""Keys that sign, and keys that verify: ECDSA on the curve P-256, over SHA-256.

That is what `cosign generate-key-pair` makes. A signature is the DER form of its two numbers
(RFC 3279, section 2.2.3).
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingot.errors import VerificationError


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies. `der` is its SubjectPublicKeyInfo (RFC 5280); `name` is for messages.

    A key from a certificate is valid `since` and `until` these moments only.
    """

    der: bytes
    name: str = field(default="", compare=False)
    since: datetime.datetime | None = field(default=None, compare=False)
    until: datetime.datetime | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        key: ec.EllipticCurvePublicKey,
        name: str = "",
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
    ) -> PublicKey:
        der = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(der, name, since, until)

    @property
    def hint(self) -> str:
        """How a bundle names its key: base64 of the sha256 of the DER form."""
        return base64.b64encode(hashlib.sha256(self.der).digest()).decode()

    @property
    def fingerprint(self) -> str:
        """How people name it: `SHA256:` and the hint, without the padding."""
        return f"SHA256:{self.hint.rstrip('=')}"

    def pem(self) -> bytes:
        """The key as a file, `-----BEGIN PUBLIC KEY-----`."""
        return _public_key(self.der).public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is by this key, over exactly this data."""
        try:
            _public_key(self.der).verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def require_valid(self, moment: datetime.datetime) -> None:
        """VerificationError if the key's certificate is not valid at this moment."""
        if self.until is not None and moment > self.until:
            when = f"{self.until:%Y-%m-%d}"
            raise VerificationError(
                f"the certificate {self.name} has expired",
                why=f"it was valid until {when}",
                hint="use the signer's current key; images that the old key signed need a new"
                " signature",
            )
        if self.since is not None and moment < self.since:
            raise VerificationError(
                f"the certificate {self.name} is not valid yet",
                why=f"it is valid from {self.since:%Y-%m-%d %H:%M} UTC",
                hint="check the clock of this machine",
            )


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs. `pkcs8` is its DER form (RFC 5958), which no message may show."""

    pkcs8: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> PrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(
            key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    @property
    def public(self) -> PublicKey:
        return PublicKey.of(_private_key(self.pkcs8).public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature over the data; the same data gives the same signature (RFC 6979)."""
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        return _private_key(self.pkcs8).sign(data, algorithm)


@functools.cache
def _public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    key = serialization.load_der_public_key(der)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


@functools.cache
def _private_key(pkcs8: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_der_private_key(pkcs8, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
