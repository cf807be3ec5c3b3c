"""Reduces keys and signatures to bare packets before they are passed to gpgv.

gpgv reads any OpenPGP message. A file that a server sends as a signature could contain compressed
data, which can use any amount of memory and disk, or a text of its own. So a signature is parsed
first (RFC 4880: 4.2, packet headers; 5, packets; 6.2, armor; 7, clear-signed text).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

_SIGNATURE = 2
_MARKER = 10
_ALLOWED = frozenset({_SIGNATURE, _MARKER})
_SIGNED_MESSAGE = b"-----BEGIN PGP SIGNED MESSAGE-----"
_CLEAR_SIGNED = (
    _SIGNED_MESSAGE,
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----END PGP SIGNATURE-----",
)
_BLOCK = (
    rb"^-----BEGIN PGP (?P<kind>%b)-----[ \t]*\r?\n"
    rb"(?:[^\s:]+: .*\n)*"  # headers such as `Comment: ...`
    rb"[ \t]*\r?\n"
    rb"(?P<body>[A-Za-z0-9+/=\s]*?)"
    rb"(?:^=[A-Za-z0-9+/]{4}\s*)?"  # a checksum, which protects from noise only
    rb"^-----END PGP (?P=kind)-----"
)
_KEYS = re.compile(_BLOCK % rb"PUBLIC KEY BLOCK", re.MULTILINE)
_SIGNATURES = re.compile(_BLOCK % rb"SIGNATURE|MESSAGE", re.MULTILINE)


class UnreadableError(Exception):
    """The data does not have the expected form; the message says why."""


def is_armored(data: bytes) -> bool:
    return b"-----BEGIN PGP " in data


def keys_in(data: bytes) -> bytes:
    """The packets of an armored keyring; empty if it holds no readable key."""
    return _dearmored(_KEYS, data)


def signatures_in(data: bytes) -> bytes:
    """The packets of a detached signature, armored or not; UnreadableError for other packets."""
    packets = _dearmored(_SIGNATURES, data) if is_armored(data) else data
    _require_signatures(packets)
    return packets


def require_clear_signed(data: bytes) -> None:
    """UnreadableError unless this is one clear-signed text with nothing before or after it."""
    if not is_armored(data):
        raise UnreadableError("it holds no signature that gpgv can read")
    marks = tuple(line.rstrip() for line in data.splitlines() if line.startswith(b"-----"))
    whole = data.startswith(_SIGNED_MESSAGE) and data.rstrip().endswith(_CLEAR_SIGNED[-1])
    if marks != _CLEAR_SIGNED or not whole:
        raise UnreadableError("it is not one clear-signed text")
    _require_signatures(_dearmored(_SIGNATURES, data))


def _dearmored(block: re.Pattern[bytes], data: bytes) -> bytes:
    try:
        return b"".join(binascii.a2b_base64(match["body"]) for match in block.finditer(data))
    except binascii.Error:
        return b""


def _require_signatures(packets: bytes) -> None:
    tags = list(_tags(packets))
    if _SIGNATURE not in tags:
        raise UnreadableError("it holds no signature that gpgv can read")
    if not _ALLOWED.issuperset(tags):
        raise UnreadableError("it holds more than signatures")


def _tags(packets: bytes) -> Iterator[int]:
    """The tag of each packet (RFC 4880, 4.2); UnreadableError if a packet is truncated."""
    at = 0
    while at < len(packets):
        first = packets[at]
        if not first & 0x80:
            raise UnreadableError("it holds no signature that gpgv can read")
        if first & 0x40:
            tag = first & 0x3F
            size, length = _new_length(packets[at + 1 : at + 6])
        else:
            tag = first >> 2 & 0x0F
            size = (1, 2, 4, 0)[first & 3]
            length = int.from_bytes(packets[at + 1 : at + 1 + size], "big")
        at += 1 + size + length
        if size == 0 or at > len(packets):
            raise UnreadableError("it holds no signature that gpgv can read")
        yield tag


def _new_length(octets: bytes) -> tuple[int, int]:
    """How many octets a new-format length takes, and the length; 0 octets if it is partial."""
    if not octets or 224 <= octets[0] < 255:
        return 0, 0
    if octets[0] < 192:
        return 1, octets[0]
    if octets[0] < 224:
        return 2, (octets[0] - 192 << 8) + int.from_bytes(octets[1:2], "big") + 192
    return 5, int.from_bytes(octets[1:5], "big")
