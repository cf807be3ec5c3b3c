"""The annotations of each image's manifest, which can be read from a registry without downloading
the kernel:

    dev.ingot.config             the config's `CONFIG_...=...` lines
    dev.ingot.makeup             JSON: the size map of the kernel (ingot.size_map)
    dev.ingot.builder-packages   the packages of the builder, a line each (builder_packages)

Each is packed: base64 of gzip.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ingot.builder.builder_packages import text_of
from ingot.errors import UserError
from ingot.kconfig import Config
from ingot.oci import pack_text, unpack_text
from ingot.oci.image_documents import canonical_json, read_json
from ingot.size_map import SizeMap

_CONFIG = "dev.ingot.config"
_SIZE_MAP = "dev.ingot.makeup"
_PACKAGES = "dev.ingot.builder-packages"

_CONTROL = r"\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029"
_OPTION = re.compile(rf"CONFIG_[A-Za-z0-9_]{{1,200}}=[^{_CONTROL}]{{0,20000}}")
"""A line of a config: its value may have any character except control characters."""

_PACKAGE = re.compile(rf"[^{_CONTROL}]{{1,1000}}")


def pack(config: Config, size_map: SizeMap, packages: Iterable[str]) -> dict[str, str]:
    """The annotations of a kernel's images: the same texts on every machine.

    Of the `config`, only the options that are on. `packages` are the builder's.
    """
    return {
        _CONFIG: pack_text(options_of(config).text.encode()),
        _SIZE_MAP: pack_text(canonical_json(size_map.to_json())),
        _PACKAGES: pack_text(text_of(packages).encode()),
    }


def options_of(config: Config) -> Config:
    """A config without its comments: the `CONFIG_...=...` lines."""
    lines = config.text.splitlines(keepends=True)
    return Config("".join(line for line in lines if line.startswith("CONFIG_")))


def read_config(annotations: Mapping[str, str]) -> Config | None:
    """The config in an image's manifest, without its comments; None if it has none.

    UserError for an annotation that cannot be read.
    """
    lines = _lines(annotations, _CONFIG, "a kernel's config", _OPTION)
    return None if lines is None else Config("".join(f"{line}\n" for line in lines))


def read_size_map(annotations: Mapping[str, str]) -> SizeMap | None:
    """The size map that an image's manifest carries; None if it has none.

    UserError for an annotation that cannot be read.
    """
    try:
        packed = annotations.get(_SIZE_MAP)
        return None if packed is None else SizeMap.from_json(read_json(unpack_text(packed)))
    except ValueError as error:
        raise _unreadable(_SIZE_MAP, "a kernel's size map", error) from None


def read_packages(annotations: Mapping[str, str]) -> tuple[str, ...] | None:
    """The packages of the builder of a kernel; None if its image does not list them.

    UserError for an annotation that cannot be read.
    """
    lines = _lines(annotations, _PACKAGES, "a list of packages", _PACKAGE)
    return None if lines is None else tuple(lines)


def _lines(
    annotations: Mapping[str, str], name: str, what: str, pattern: re.Pattern[str]
) -> list[str] | None:
    """The lines of a packed text, each matching the pattern; None without such an annotation."""
    packed = annotations.get(name)
    if packed is None:
        return None
    try:
        lines = unpack_text(packed).decode().split("\n")
    except ValueError as error:
        raise _unreadable(name, what, error) from None
    if lines[-1] == "":
        lines.pop()
    wrong = next((line for line in lines if not pattern.fullmatch(line)), None)
    if wrong is not None:
        raise _unreadable(name, what, ValueError(f"it has the line {wrong!r:.100}"))
    return lines


def _unreadable(name: str, what: str, error: Exception) -> UserError:
    return UserError(f"the image's annotation {name} is not {what}", why=str(error))
