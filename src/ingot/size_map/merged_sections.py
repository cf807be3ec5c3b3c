"""The sizes of merged sections, whose equal strings and constants the linker keeps once.

In a section of strings, a string that is the end of another is not kept either (binutils,
bfd/merge.c; the flags SHF_MERGE and SHF_STRINGS of the System V ABI, chapter 4, "Sections").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator


def merge(pieces: Iterable[tuple[str, bytes]], width: int, *, strings: bool) -> Counter[str]:
    """Bytes of each owner's pieces after merging; equal entries count for their first owner.

    `width` is the size of an entry, or of a string's character, in bytes.
    """
    owners: dict[bytes, str] = {}
    for owner, data in pieces:
        for entry in _strings(data, width) if strings else _entries(data, width):
            owners.setdefault(entry, owner)
    kept = _not_within(owners, width) if strings else owners
    sizes: Counter[str] = Counter()
    for entry in kept:
        sizes[owners[entry]] += len(entry)
    return sizes


def _entries(data: bytes, width: int) -> Iterator[bytes]:
    return (data[start : start + width] for start in range(0, len(data), width))


def _strings(data: bytes, width: int) -> Iterator[bytes]:
    """The strings, each with its terminating zero."""
    if width == 1:
        *whole, rest = data.split(b"\0")
        yield from (text + b"\0" for text in whole)
        if rest:
            yield rest
        return
    start = 0
    for end, character in enumerate(_entries(data, width), start=1):
        if not any(character):
            yield data[start : end * width]
            start = end * width
    if start < len(data):
        yield data[start:]


def _not_within(strings: Iterable[bytes], width: int) -> Iterator[bytes]:
    """The strings that are not the end of another one."""
    before = b""
    # reversed and in descending order, a string comes directly after one that ends with it
    for turned, text in sorted(((_turned(text, width), text) for text in strings), reverse=True):
        if not before.startswith(turned):
            yield text
        before = turned


def _turned(text: bytes, width: int) -> bytes:
    """The string with its characters reversed."""
    if width == 1:
        return text[::-1]
    return b"".join(reversed(list(_entries(text, width))))
