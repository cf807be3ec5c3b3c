"""Longer texts as annotations of a manifest: base64 of gzip, the same on every machine.

Manifests come from anywhere: nothing is unpacked further than such a text can sensibly be long.
"""

from __future__ import annotations

import base64
import zlib

from ingot.oci.layer_compression import compress, decompress

_LIMIT = 4 << 20


def pack_text(data: bytes) -> str:
    return base64.b64encode(b"".join(compress([data]))).decode()


def unpack_text(text: str) -> bytes:
    """What was packed. ValueError for what is not packed so, or is more than 4 MiB."""
    data = bytearray()
    try:
        for piece in decompress([base64.b64decode(text, validate=True)]):
            data += piece
            if len(data) > _LIMIT:
                raise ValueError(f"it holds more than {_LIMIT} bytes")
    except zlib.error as error:
        raise ValueError(str(error)) from None
    return bytes(data)
