"""What the images of all file systems are made of."""

from __future__ import annotations

CONTENT = b"proof\n"
"""What the files of all images hold."""

NAME = b"file"
BLOCK = 4096
"""Bytes of a block, where an image can choose: no kernel's pages are smaller."""

UUID = bytes.fromhex("1e6f7a3c5b2d4e8f9a0b1c2d3e4f5061")
"""What tells one volume from another; nobody sees two of ours at a time."""


def padded(data: bytes, size: int = BLOCK) -> bytes:
    """`data` with zeros behind it, up to whole blocks of `size`."""
    return data + bytes(-len(data) % size)


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC32C = _table()


def crc32c(data: bytes | bytearray, start: int = 2**32 - 1) -> int:
    """The checksum of RFC 3720, B.4, before its bits are turned over, as ext4 keeps it.

    `start` is the checksum of what stands before `data`.
    """
    for byte in data:
        start = start >> 8 ^ _CRC32C[(start ^ byte) & 0xFF]
    return start
