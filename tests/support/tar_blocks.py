"""The blocks of tar archives."""

from __future__ import annotations

import tarfile

from ingot.oci.tar import BLOCK

END = bytes(2 * BLOCK)


def header(name: str, kind: bytes = b"0", size: int = 0, **fields: object) -> bytes:
    """One header as tarfile writes it, of any kind and size."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax(*records: tuple[str, bytes], kind: bytes = b"x") -> bytes:
    data = b""
    for key, value in records:
        rest = b" " + key.encode() + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        data += str(length).encode() + rest
    return header("pax", kind, len(data)) + padded(data)
