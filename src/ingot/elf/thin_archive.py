"""Thin archives, in which kbuild collects objects: names of files without their content.

    "!<thin>\\n"
    header "//"       60 bytes, then the long names, each ended by "/\\n"
    header "/<n>"     a member whose name is at byte n of the long names; no content follows
    header "<name>/"  the same for a short name
    header "/"        the index of symbols, whose content follows; "/SYM64/" likewise

A header is: name 16, time 12, owner 6, group 6, mode 8, size 10 characters, "`\\n". Content
begins at an even offset. Names are relative to the archive's directory. Without members, ar writes
the magic of an ordinary archive, "!<arch>\\n", and nothing else.
Source: the System V/GNU form of ar(5), and binutils' documentation of `ar`, "thin archives".
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterator

_MAGIC = b"!<thin>\n"
_EMPTY = b"!<arch>\n"
_HEADER = struct.Struct("16s12s6s6s8s10s2s")
_HEADER_END = b"`\n"
_TABLES = (b"/", b"/SYM64/")


class ThinArchiveError(ValueError):
    """A file is not a complete thin archive; the text says why."""


def members(data: bytes) -> tuple[str, ...]:
    """The names in the thin archive `data`, in its order, as paths relative to its directory.

    It is empty if the archive has no members. ThinArchiveError for anything else.
    """
    if data == _EMPTY:
        return ()
    if not data.startswith(_MAGIC):
        raise ThinArchiveError("it is not a thin archive")
    return tuple(posixpath.normpath(name) for name in _names(data))


def _names(data: bytes) -> Iterator[str]:
    long_names = b""
    at = len(_MAGIC)
    while at < len(data):
        if at + _HEADER.size > len(data):
            raise ThinArchiveError("it is cut off")
        fields = _HEADER.unpack_from(data, at)
        name, size = fields[0].rstrip(b" "), fields[5].rstrip(b" ")
        if fields[-1] != _HEADER_END or not re.fullmatch(rb"\d{1,10}", size):
            raise ThinArchiveError(f"the data at byte {at} is not a member")
        at += _HEADER.size
        if name == b"//" or name in _TABLES:
            table = data[at : at + int(size)]
            if len(table) < int(size):
                raise ThinArchiveError("it is cut off")
            long_names = table if name == b"//" else long_names
            at += int(size) + int(size) % 2
        else:
            yield _name(name, long_names)


def _name(name: bytes, long_names: bytes) -> str:
    # ar ends the field with another slash if the name itself did not fit into it
    if match := re.fullmatch(rb"/(\d{1,14}) */?", name):
        start = int(match[1])
        end = long_names.find(b"/\n", start)
        if end < 0:
            raise ThinArchiveError(f"it has no name at {start}")
        name = long_names[start:end]
    elif name.endswith(b"/"):
        name = name[:-1]
    if not name or name.startswith(b"/") or b"\0" in name:
        raise ThinArchiveError(f"a member's name is {name!r}")
    return name.decode("utf-8", errors="surrogateescape")
