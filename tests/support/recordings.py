"""Making what QEMU records of a guest that writes to its console."""

from __future__ import annotations

import struct
from collections.abc import Iterable

HEADER = struct.pack(">IQ", 0xE0200C, 0)
END = b"\x27"


def executed(count: int) -> bytes:
    return struct.pack(">BI", 0, count)


def character() -> bytes:
    return struct.pack(">BII", 22, 1, 1)


def recording(counts: Iterable[int]) -> bytes:
    """What is recorded of characters that are written after so many instructions each."""
    events = []
    before = 0
    for count in counts:
        if count > before:
            events.append(executed(count - before))
        events.append(character())
        before = count
    return HEADER + b"".join(events) + END


def said(lines: Iterable[tuple[int, str]], each: int = 1) -> tuple[bytes, list[int]]:
    """A console, and when each of its bytes was written: lines begin then, `each` a character."""
    console = b""
    counts = []
    for begin, text in lines:
        data = f"{text}\r\n".encode()
        console += data
        counts += [begin + each * at for at in range(len(data))]
    return console, counts
