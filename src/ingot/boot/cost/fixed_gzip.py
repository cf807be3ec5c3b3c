"""The same 1 MiB of gzip on every machine, which the guest unpacks as part of its initramfs.

The instructions until a kernel's start depend on the exact bytes it has to unpack, and the output
of a compressor differs between its versions. So the compressed stream itself is made here, of
literals and copies chosen by a fixed seed. It unpacks to twice its size, as programs and libraries
do. Sources: RFC 1951 (deflate), RFC 1952 (gzip).

    gzip header
    stored block        the head of a cpio archive with one file, /ingot/ballast
    16 times the same   a block of fixed Huffman codes, then an empty stored block, which ends at
                        a whole byte
    stored block        the archive's end
    gzip trailer
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from ingot.boot.initramfs import write_initramfs

NAME = "/ingot/ballast"
_UNITS = 16
_UNIT_BYTES = (1 << 20) // _UNITS
_GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")  # deflate, no name, no time, any system
_EMPTY_STORED = bytes.fromhex("0000ffff")

_END_OF_BLOCK = 256
_SHORTEST, _LENGTHS, _FIRST_LENGTH_CODE = 3, 8, 257
"""Copies of 3 to 10 bytes: their codes need no further bits (RFC 1951, 3.2.5)."""
_FARTHEST = 4096
_LITERALS_OF_256 = 128


def make_fixed_gzip() -> bytes:
    """The whole stream: a gzip file of a little more than 1 MiB, always the same."""
    unit, plain = _make_unit()
    archive = write_initramfs({NAME: plain * _UNITS})
    begin = archive.index(plain)
    head, tail = archive[:begin], archive[begin + len(plain) * _UNITS :]
    body = _stored(head) + unit * _UNITS + _stored(tail, last=True)
    return _GZIP_HEADER + body + struct.pack("<II", zlib.crc32(archive), len(archive))


def _make_unit() -> tuple[bytes, bytes]:
    """One block that refers to nothing before it, and what it unpacks to."""
    choices = hashlib.shake_256(b"ingot ballast").digest(4 * _UNIT_BYTES)
    bits = _Bits()
    bits.add(0b010, 3)  # not the last block; fixed codes
    plain = bytearray()
    for at in range(0, len(choices), 4):
        if bits.length >= 8 * _UNIT_BYTES:
            break
        kind, value, low, high = choices[at : at + 4]
        if kind < _LITERALS_OF_256 or len(plain) < _FARTHEST:
            bits.add_symbol(value)
            plain.append(value)
        else:
            length = value % _LENGTHS
            distance = 1 + (high << 8 | low) % _FARTHEST
            bits.add_symbol(_FIRST_LENGTH_CODE + length)
            bits.add_distance(distance)
            for _ in range(_SHORTEST + length):
                plain.append(plain[-distance])
    bits.add_symbol(_END_OF_BLOCK)
    bits.add(0b000, 3)  # stored, not the last; its length begins at the next whole byte
    return bits.to_bytes() + _EMPTY_STORED, bytes(plain)


def _stored(data: bytes, *, last: bool = False) -> bytes:
    """A block that holds `data` as it is; less than 64 KiB."""
    return struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF) + data


class _Bits:
    """Bits in the order of RFC 1951, 3.1.1: from the lowest of each byte up."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._pending = 0
        self._count = 0

    @property
    def length(self) -> int:
        """How many bits there are."""
        return 8 * len(self._bytes) + self._count

    def add(self, value: int, count: int) -> None:
        """A number, its lowest bit first."""
        self._pending |= value << self._count
        self._count += count
        while self._count >= 8:
            self._bytes.append(self._pending & 0xFF)
            self._pending >>= 8
            self._count -= 8

    def add_symbol(self, symbol: int) -> None:
        """A literal, a length or an end, in the fixed code (3.2.6)."""
        if symbol < 144:
            self._add_code(0b00110000 + symbol, 8)
        elif symbol < 256:
            self._add_code(0b110010000 + symbol - 144, 9)
        else:
            self._add_code(symbol - 256, 7)

    def add_distance(self, distance: int) -> None:
        """How far back a copy begins (3.2.5): two codes for each power of 2, then the rest."""
        if distance <= 4:
            self._add_code(distance - 1, 5)
            return
        extra = (distance - 1).bit_length() - 2
        half, rest = divmod(distance - 1, 1 << extra)
        self._add_code(2 * extra + half, 5)
        self.add(rest, extra)

    def to_bytes(self) -> bytes:
        """All of them, filled up with zeros to a whole byte."""
        return bytes(self._bytes) + (bytes([self._pending]) if self._count else b"")

    def _add_code(self, code: int, count: int) -> None:
        """A Huffman code, which goes from its highest bit down."""
        for at in reversed(range(count)):
            self.add(code >> at & 1, 1)
