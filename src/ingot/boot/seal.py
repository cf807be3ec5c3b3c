"""Authenticates init's lines on the console: nothing else in the guest can make its tags.

Each report of a test guest's init has a tag of its text, made with a key of 16 random bytes. A
guest gets a fresh key for every boot; init reads it and removes it before it starts anything else,
and never prints it. The tag is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input
PRF", 2012) as 16 hexadecimal digits; `init/seal.h` computes the same in the guest:

    INGOT 3f1c0a94d2b7e865 {"check":"overlay","outcome":"passed","detail":"..."}
"""

from __future__ import annotations

import hmac
import secrets

KEY_FILE = "/ingot/key"
"""The file of init's key in an initramfs; other guests have the key on a disk."""

KEY_BYTES = 16
TAG_CHARACTERS = 16

_MASK = (1 << 64) - 1
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def new_key() -> bytes:
    """A key for one boot."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, text: str) -> str:
    """The tag of a text under a key of 16 bytes."""
    return f"{_siphash(key, text.encode(errors='surrogatepass')):016x}"


def is_sealed(key: bytes, tag: str, text: str) -> bool:
    """Whether the tag is that of the text; always False without a key."""
    return len(key) == KEY_BYTES and hmac.compare_digest(
        seal(key, text).encode(), tag.encode(errors="surrogatepass")
    )


def _siphash(key: bytes, data: bytes) -> int:
    low, high = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    state = [word ^ part for word, part in zip(_START, (low, high, low, high), strict=True)]
    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[int], count: int) -> None:
    a, b, c, d = state
    for _ in range(count):
        a = (a + b) & _MASK
        b = ((b << 13) & _MASK | b >> 51) ^ a
        a = (a << 32) & _MASK | a >> 32
        c = (c + d) & _MASK
        d = ((d << 16) & _MASK | d >> 48) ^ c
        a = (a + d) & _MASK
        d = ((d << 21) & _MASK | d >> 43) ^ a
        c = (c + b) & _MASK
        b = ((b << 17) & _MASK | b >> 47) ^ c
        c = (c << 32) & _MASK | c >> 32
    state[:] = a, b, c, d
