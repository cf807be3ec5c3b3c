"""What travels with each image as an annotation of its manifest, so that a registry can be asked
for it without the kernel:

    dev.ingot.config             the config's `CONFIG_...=...` lines
    dev.ingot.makeup             JSON: where the kernel's bytes go (ingot.makeup)
    dev.ingot.builder-packages   what the builder was made of, a line each (builder.packages)

Each is packed: base64 of gzip.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ingot.builder.packages import text_of
from ingot.errors import UserError
from ingot.makeup import Makeup
from ingot.oci import pack_text, unpack_text
from ingot.oci.document import canonical_json

_CONFIG = "dev.ingot.config"
_MAKEUP = "dev.ingot.makeup"
_PACKAGES = "dev.ingot.builder-packages"


def pack(config: str, makeup: Makeup, packages: Iterable[str]) -> dict[str, str]:
    """The annotations of a kernel's images: the same texts on every machine.

    Of the `config`, the options that are on. `packages` is what the builder was made of.
    """
    lines = [line for line in config.splitlines(keepends=True) if line.startswith("CONFIG_")]
    return {
        _CONFIG: pack_text("".join(lines).encode()),
        _MAKEUP: pack_text(canonical_json(makeup.to_json())),
        _PACKAGES: pack_text(text_of(packages).encode()),
    }


def read_config(annotations: Mapping[str, str]) -> str | None:
    """The `CONFIG_...=...` lines that an image's manifest carries; None if it has none.

    UserError for an annotation that cannot be read.
    """
    try:
        packed = annotations.get(_CONFIG)
        return None if packed is None else unpack_text(packed).decode()
    except ValueError as error:
        raise _unreadable(_CONFIG, "a kernel's config", error) from None


def read_makeup(annotations: Mapping[str, str]) -> Makeup | None:
    """The makeup that an image's manifest carries; None if it has none.

    UserError for an annotation that cannot be read.
    """
    try:
        packed = annotations.get(_MAKEUP)
        return None if packed is None else Makeup.from_json(json.loads(unpack_text(packed)))
    except (ValueError, RecursionError) as error:
        raise _unreadable(_MAKEUP, "a kernel's makeup", error) from None


def read_packages(annotations: Mapping[str, str]) -> tuple[str, ...] | None:
    """What the builder of a kernel was made of; None if its image does not tell.

    UserError for an annotation that cannot be read.
    """
    try:
        packed = annotations.get(_PACKAGES)
        return None if packed is None else tuple(unpack_text(packed).decode().splitlines())
    except ValueError as error:
        raise _unreadable(_PACKAGES, "a list of packages", error) from None


def _unreadable(name: str, what: str, error: Exception) -> UserError:
    return UserError(f"the image's annotation {name} is not {what}", why=str(error))
