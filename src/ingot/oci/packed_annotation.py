"""Longer texts as annotations of a manifest: base64 of gzip, with the same bytes everywhere.

Manifests are not trusted, so the size of an unpacked text is limited.
"""

from __future__ import annotations

import base64

from ingot.oci.layer_compression import CompressedDataError, compress, read_gzip

_LIMIT = 4 << 20


def pack_text(data: bytes) -> str:
    return base64.b64encode(b"".join(compress([data]))).decode()


def unpack_text(text: str) -> bytes:
    """The packed text. ValueError if it is not in this format, or has more than 4 MiB."""
    data = bytearray()
    try:
        for piece in read_gzip([base64.b64decode(text, validate=True)]):
            data += piece
            if len(data) > _LIMIT:
                raise ValueError(f"it has more than {_LIMIT} bytes")
    except CompressedDataError as error:
        raise ValueError(str(error)) from None
    return bytes(data)
