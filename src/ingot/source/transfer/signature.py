"""Checks OpenPGP signatures with `gpgv`, against a private copy of a keyring.

`gpgv` trusts the keys in the named keyring and no others. Its exit code is not enough:
2 can merely mean that one more signer is unknown, so its status lines are read instead
(GnuPG, doc/DETAILS, "Format of the --status-fd output"). gpgv reads binary keyrings only, so an
armored one (RFC 4880, 6.2) is made binary first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import MachineError, UserError, VerificationError
from ingot.process import run
from ingot.source.transfer import openpgp

_PREFIX = "[GNUPG:] "
_REFUSED = {
    "EXPKEYSIG": "made by a key that has expired",
    "REVKEYSIG": "made by a key that was revoked",
    "EXPSIG": "a signature that has expired",
    "BADSIG": "the signature does not match the data",
}
_WEAK_HASHES = frozenset({"1", "2", "3"})
"""MD5, SHA-1 and RIPEMD-160 (RFC 4880, 9.4): collisions are feasible, or nearly so."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Text that was inside a good signature, and the fingerprint of the signer's primary key."""

    text: bytes
    fingerprint: str


def verify_detached(signature: bytes, data: Iterable[bytes], keyring: Path, what: str) -> str:
    """Check a detached signature over `data`; the fingerprint of the signer's primary key.

    `what` names the signed data in errors. Raises VerificationError if no key of the keyring made
    a valid signature, or if `signature` contains anything but signatures. Errors of reading `data`
    are passed on.
    """
    try:
        packets = openpgp.signatures_in(signature)
    except openpgp.UnreadableError as error:
        raise _refused(what, str(error)) from None
    with tempfile.TemporaryDirectory(prefix="ingot-") as directory:
        file = Path(directory, "signature")
        file.write_bytes(packets)
        status = _gpgv(keyring, [str(file), "-"], data)
    return good_signer(status, what)


def verify_inline(signed: bytes, keyring: Path, what: str) -> Signed:
    """Check a clear-signed text and return only what is inside the signature.

    gpgv writes the text that it verified. Raises VerificationError like verify_detached, and for a
    file that has anything else than one clear-signed text.
    """
    try:
        openpgp.require_clear_signed(signed)
    except openpgp.UnreadableError as error:
        raise _refused(what, str(error)) from None
    with tempfile.TemporaryDirectory(prefix="ingot-") as directory:
        file, output = Path(directory, "signed"), Path(directory, "text")
        file.write_bytes(signed)
        status = _gpgv(keyring, ["--output", str(output), str(file)], None)
        fingerprint = good_signer(status, what)
        return Signed(output.read_bytes(), fingerprint)


def good_signer(status: Sequence[str], what: str) -> str:
    """The primary fingerprint of the first good signature in gpgv's status lines.

    A signature is good if it has the lines GOODSIG and VALIDSIG and its hash is not weak. A single
    BADSIG refuses the data: it means that a signer in the keyring signed other bytes.
    """
    good = ""
    trusted = False
    reasons: list[str] = []
    for line in status:
        word, *fields = line.split(" ")
        if word == "NEWSIG":
            trusted = False
        elif word == "GOODSIG":
            trusted = True
        elif word == "VALIDSIG" and trusted:
            if len(fields) > 7 and fields[7] in _WEAK_HASHES:
                reasons.append("the signature uses a hash that is no longer safe")
            else:
                good = good or fields[-1]
        elif word in _REFUSED:
            reasons.append(f"{_REFUSED[word]} (key {fields[0]})")
        elif word == "NO_PUBKEY":
            reasons.append(f"key {fields[0]} is not in the keyring")
    if good and not any(line.startswith("BADSIG ") for line in status):
        return good
    why = ", ".join(dict.fromkeys(reasons)) or "it holds no signature that gpgv can read"
    raise _refused(what, why)


def _refused(what: str, why: str) -> VerificationError:
    return VerificationError(
        f"the signature on {what} was refused",
        why=why,
        hint="try another mirror or origin, or the same one later; only signatures by a key of the"
        " keyring are accepted",
    )


def _gpgv(keyring: Path, arguments: list[str], data: Iterable[bytes] | None) -> list[str]:
    """Run gpgv and return its status lines, without their prefix."""
    if not keyring.is_file():
        raise MachineError(
            f"the keyring {keyring} does not exist",
            hint="Debian's is in the package debian-archive-keyring; kernel.org's is in this"
            " repository",
        )
    with tempfile.TemporaryDirectory(prefix="ingot-") as directory:
        # A copy of exactly the bytes that were checked. The path is absolute, because gpgv resolves
        # relative ones in its home directory.
        copy = Path(directory, "keyring")
        copy.write_bytes(_binary(keyring))
        argv = ["gpgv", "--status-fd", "1", "--keyring", str(copy.resolve()), *arguments]
        output = run(argv, check=False, env={"LC_ALL": "C"}, stdin=data).output
    return [line.removeprefix(_PREFIX) for line in output.splitlines() if line.startswith(_PREFIX)]


def _binary(keyring: Path) -> bytes:
    """The keyring in the form that gpgv reads; UserError if it is armored and holds no key."""
    data = keyring.read_bytes()
    if not openpgp.is_armored(data):
        return data
    keys = openpgp.keys_in(data)
    if not keys:
        raise UserError(
            f"{keyring} holds no readable public key",
            hint="export the keys again: gpg --export KEY > FILE",
        )
    return keys
