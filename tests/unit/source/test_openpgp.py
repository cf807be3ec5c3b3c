"""What is let through to gpgv: signatures, and nothing that could be something else."""

from __future__ import annotations

import base64
import zlib

import pytest

from ingot.source.transfer.openpgp import UnreadableError, require_clear_signed, signatures_in

SIGNATURE = b"\x88\x05" + b"\x04\x00\x16\x0a\x00"
NEW_SIGNATURE = b"\xc2\x05" + b"\x04\x00\x16\x0a\x00"
COMPRESSED = b"\xc8\x20" + (b"\x01" + zlib.compress(b"x" * 100_000))[:32]
LITERAL = b"\xcb\x07b\x00\x00\x00\x00\x00x"


def armored(packets: bytes, kind: str = "SIGNATURE", headers: str = "") -> bytes:
    body = base64.b64encode(packets).decode()
    return f"-----BEGIN PGP {kind}-----\n{headers}\n{body}\n-----END PGP {kind}-----\n".encode()


def clear(text: str = "Codename: a\n", signature: bytes = SIGNATURE) -> bytes:
    head = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{text}".encode()
    return head + armored(signature)


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE,
        NEW_SIGNATURE + SIGNATURE,
        SIGNATURE + b"\xca\x03PGP",
        b"\x89\x00\x05" + SIGNATURE[2:],
        b"\xc2\xc0\x08" + b"\x04" * 200,
        b"\xc2\xff\x00\x00\x00\x05" + SIGNATURE[2:],
    ],
)
def test_signatures_are_taken_as_they_are(data: bytes) -> None:
    assert signatures_in(data) == data
    assert signatures_in(armored(data)) == data
    assert signatures_in(armored(data, "MESSAGE", "Comment: x\n")) == data
    assert signatures_in(armored(data) + armored(data)) == data + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        COMPRESSED,
        SIGNATURE + COMPRESSED,
        COMPRESSED + SIGNATURE,
        SIGNATURE + LITERAL,
        LITERAL,
        SIGNATURE[:-1],
        SIGNATURE + b"\x88",
        SIGNATURE + b"text",
        b"\xc2\xe1" + SIGNATURE[2:],  # a partial length
        b"\x8b" + SIGNATURE[2:],  # a length that is not told
        b"\xc2",
    ],
)
def test_everything_else_is_refused(data: bytes) -> None:
    for form in (data, armored(data)):
        with pytest.raises(UnreadableError):
            signatures_in(form)
    with pytest.raises(UnreadableError):
        require_clear_signed(clear(signature=data))


def test_armor_that_is_broken() -> None:
    with pytest.raises(UnreadableError):
        signatures_in(b"-----BEGIN PGP SIGNATURE-----\n\nAAA\n-----END PGP SIGNATURE-----\n")


def test_a_clear_signed_text() -> None:
    require_clear_signed(clear())
    require_clear_signed(clear("- -----BEGIN PGP SIGNATURE-----\n") + b"\n\n")


@pytest.mark.parametrize(
    "data",
    [
        b"Codename: a\n" + clear(),
        clear() + b"Codename: b\n",
        clear() + clear(),
        clear() + armored(SIGNATURE),
        armored(SIGNATURE),
        armored(LITERAL + SIGNATURE, "MESSAGE"),
        LITERAL + SIGNATURE,
        clear("-----BEGIN PGP SIGNED MESSAGE-----\n"),
        b"",
    ],
)
def test_what_is_not_one_clear_signed_text(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        require_clear_signed(data)
