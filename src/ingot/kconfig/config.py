"""Configs: the full `.config` that Kconfig writes, as one value, and the difference of two.

A config is read where it comes from, by whoever has the file, the image or the sandbox, and is a
`Config` from there on.

Source of the format: the kernel's Documentation/kbuild/kconfig.rst and scripts/kconfig/confdata.c.
A kernel built with CONFIG_IKCONFIG carries its own, as gzip between two marks
(kernel/configs.c, scripts/extract-ikconfig).
"""

from __future__ import annotations

import bz2
import functools
import itertools
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingot.digest import Digest
from ingot.kconfig.option_table import OptionTable

_UNSET = re.compile(r"# CONFIG_(\w+) is not set\s*")
_START, _END = b"IKCFG_ST", b"IKCFG_ED"
_GZIP_ONLY = 16 + zlib.MAX_WBITS
_CONFIG_BYTES = 4 << 20
_KERNEL_BYTES = 256 << 20
_WINDOW_BYTES = 256 << 20
_TRIED = 8
"""How many places that look like the start of a compressed kernel are tried."""

_GROUP_LEVELS = 2


@dataclass(frozen=True)  # not slotted: what is computed from the text once is kept beside it
class Config:
    """A `.config`: its text, as it was read, and what it says of each option.

    Two configs are equal if their texts are.
    """

    text: str

    @functools.cached_property
    def options(self) -> Mapping[str, str]:
        """Option -> value, as the text writes it; options that are not set are left out."""
        found = {option: value for _, option, value in self.lines() if value != "n"}
        return MappingProxyType(found)

    @functools.cached_property
    def digest(self) -> Digest:
        """The sha256 of the text in UTF-8: what a recipe and an image name a config by."""
        return Digest.of(self.text.encode())

    def value(self, option: str) -> str:
        """The value of an option, by its name without `CONFIG_`; `n` if it is not set."""
        return self.options.get(option, "n")

    def lines(self) -> Iterator[tuple[int, str, str]]:
        """Line number, option and value of every line that gives one.

        `n` is the value of an option that is written as not set.
        """
        for number, line in enumerate(self.text.splitlines(), start=1):
            if line.startswith("CONFIG_"):
                option, given, value = line.removeprefix("CONFIG_").partition("=")
                if given:  # Kconfig passes over a line without
                    yield number, option, value.strip()
            elif unset := _UNSET.fullmatch(line):
                yield number, unset[1], "n"


@dataclass(frozen=True, slots=True)
class Difference:
    """An option that two configs have differently; `n` is what an absent one has.

    `menu` is where Kconfig's menus have it, the top two levels, if that is known.
    """

    option: str
    before: str
    after: str
    menu: tuple[str, ...] = ()


def diff(before: Config, after: Config, table: OptionTable | None = None) -> tuple[Difference, ...]:
    """What differs between two configs, sorted by menu and option."""
    found = (
        Difference(option, before.value(option), after.value(option), _menu(option, table))
        for option in {*before.options, *after.options}
        if before.value(option) != after.value(option)
    )
    return tuple(sorted(found, key=lambda each: (each.menu, each.option)))


def _menu(option: str, table: OptionTable | None) -> tuple[str, ...]:
    known = table.options.get(option) if table else None
    return known.menu[:_GROUP_LEVELS] if known else ()


def embedded_config(data: bytes) -> str | None:
    """The config that a kernel carries within its image, compressed or not; None if none does.

    Gzip, xz, lzma and bzip2 are looked into, and nothing larger than a kernel is unpacked.
    """
    if (text := _config_within(data)) is not None:
        return text
    for magic, unpack in _PACKED:
        for match in itertools.islice(re.finditer(re.escape(magic), data), _TRIED):
            try:
                unpacked = unpack(data[match.start() :])
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
                continue  # the same bytes by chance
            if (text := _config_within(unpacked)) is not None:
                return text
    return None


def _config_within(kernel: bytes) -> str | None:
    """The text between the marks, if it is there whole."""
    start = kernel.find(_START + b"\x1f\x8b") + len(_START)
    end = kernel.find(_END, start)
    if start < len(_START) or end < 0:
        return None
    try:
        text = zlib.decompressobj(_GZIP_ONLY).decompress(kernel[start:end], _CONFIG_BYTES)
    except zlib.error:
        return None
    return text.decode("utf-8", errors="replace")


def _gunzip(data: bytes) -> bytes:
    return zlib.decompressobj(_GZIP_ONLY).decompress(data, _KERNEL_BYTES)


def _unxz(data: bytes) -> bytes:
    return lzma.LZMADecompressor(memlimit=_WINDOW_BYTES).decompress(data, _KERNEL_BYTES)


def _bunzip2(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, _KERNEL_BYTES)


_PACKED: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b\x08", _gunzip),
    (b"\xfd7zXZ\x00", _unxz),
    (b"\x5d\x00\x00\x00", _unxz),
    (b"BZh", _bunzip2),
)
"""How a kernel within an image may begin (scripts/extract-ikconfig), and what unpacks it."""
