"""What travels with each image as an annotation of its manifest, so that a registry can be asked
for it without the kernel:

    dev.ingot.config    base64 of gzip of the config's `CONFIG_...=...` lines
    dev.ingot.makeup    base64 of gzip of JSON: where the kernel's bytes go (ingot.makeup)

Manifests come from anywhere: nothing is unpacked further than such a text can sensibly be long.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping

from ingot.errors import UserError
from ingot.makeup import Makeup
from ingot.oci.compression import compress, decompress
from ingot.oci.document import canonical_json

_CONFIG = "dev.ingot.config"
_MAKEUP = "dev.ingot.makeup"
_LIMIT = 4 << 20


def pack(config: str, makeup: Makeup) -> dict[str, str]:
    """The annotations of a kernel's images: the same texts on every machine.

    Of the `config`, the options that are on.
    """
    lines = [line for line in config.splitlines(keepends=True) if line.startswith("CONFIG_")]
    return {
        _CONFIG: _packed("".join(lines).encode()),
        _MAKEUP: _packed(canonical_json(makeup.to_json())),
    }


def read_config(annotations: Mapping[str, str]) -> str | None:
    """The `CONFIG_...=...` lines that an image's manifest carries; None if it has none.

    UserError for an annotation that cannot be read.
    """
    try:
        packed = annotations.get(_CONFIG)
        return None if packed is None else _unpacked(packed).decode()
    except (ValueError, zlib.error) as error:
        raise _unreadable(_CONFIG, "a kernel's config", error) from None


def read_makeup(annotations: Mapping[str, str]) -> Makeup | None:
    """The makeup that an image's manifest carries; None if it has none.

    UserError for an annotation that cannot be read.
    """
    try:
        packed = annotations.get(_MAKEUP)
        return None if packed is None else Makeup.from_json(json.loads(_unpacked(packed)))
    except (ValueError, zlib.error, RecursionError) as error:
        raise _unreadable(_MAKEUP, "a kernel's makeup", error) from None


def _packed(data: bytes) -> str:
    return base64.b64encode(b"".join(compress([data]))).decode()


def _unpacked(text: str) -> bytes:
    """ValueError or zlib.error for what is not packed, or is more than `_LIMIT` bytes."""
    data = bytearray()
    for piece in decompress([base64.b64decode(text, validate=True)]):
        data += piece
        if len(data) > _LIMIT:
            raise ValueError(f"it holds more than {_LIMIT} bytes")
    return bytes(data)


def _unreadable(name: str, what: str, error: Exception) -> UserError:
    return UserError(f"the image's annotation {name} is not {what}", why=str(error))
