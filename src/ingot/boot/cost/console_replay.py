"""How many instructions a guest had executed at each character that it wrote to its console.

QEMU can record a run for a later replay (`-icount ...,rr=record`). The recording is a list of
events from outside of the guest, each after a count of the instructions since the event before. It
also has an event for each character written. Recording costs the guest nothing and uses no clock of
the guest, so the counts are exact at any moment of the boot. Sources: QEMU, docs/devel/replay.rst;
replay/replay-internal.h for the format, which has a version:

    u32 version, u64 unused, then events until an END event; numbers are big-endian
    event: u8 kind, then the data of that kind
"""

from __future__ import annotations

import struct

from ingot.errors import MachineError

_HEADER = struct.Struct(">IQ")
_VERSION = 0xE0200C
"""QEMU 7.0 and later."""

_U32 = struct.Struct(">I")
_INSTRUCTIONS = 0
_CHARACTER = 22
_END = 39
_SIZES = {
    _INSTRUCTIONS: 4,
    1: 0,  # interrupt
    2: 0,  # exception
    3: 8,  # a bottom half: its number
    4: 8,
    **dict.fromkeys(range(10, 22), 0),  # a shutdown: the kind is its reason
    _CHARACTER: 8,  # the result of the write, the number of bytes written
    24: 4,  # no input: the error code
    28: 8,  # a clock: its value
    29: 8,
    **dict.fromkeys(range(30, 39), 0),  # a checkpoint
    _END: 0,
}
_LENGTH_AT = {
    23: 0,  # input: bytes
    27: 4,  # random numbers: the result of the call, bytes
}
"""Kinds whose last field is a length and bytes, and the offset of that length."""


def read_characters(log: bytes, most: int) -> list[int]:
    """The instructions executed before each character of the console, from the machine's reset.

    MachineError if the recording is not in the format of QEMU 7.0, or has more than `most`
    characters.
    """
    if len(log) < _HEADER.size or _HEADER.unpack_from(log)[0] != _VERSION:
        raise _unreadable("its format has an unknown version")
    characters = []
    executed = 0
    at = _HEADER.size
    while at < len(log):
        kind = log[at]
        size = _size(log, at, kind)
        if kind == _INSTRUCTIONS:
            executed += _U32.unpack_from(log, at + 1)[0]
        elif kind == _CHARACTER:
            characters.append(executed)
            if len(characters) > most:
                raise _unreadable(f"it has more than the {most:,} characters of the console")
        elif kind == _END:
            return characters
        at += size
    raise _unreadable("it has no END event")


def _size(log: bytes, at: int, kind: int) -> int:
    """The bytes of the event at `at`, including its kind."""
    size = _SIZES.get(kind)
    if kind in _LENGTH_AT:
        length_at = at + 1 + _LENGTH_AT[kind]
        length = _U32.unpack_from(log, length_at)[0] if length_at + 4 <= len(log) else 0
        size = _LENGTH_AT[kind] + 4 + length
    if size is None:
        raise _unreadable(f"it has an event of the unknown kind {kind} at byte {at}")
    if at + 1 + size > len(log):
        raise _unreadable("it ends within an event")
    return 1 + size


def _unreadable(why: str) -> MachineError:
    return MachineError(
        "Ingot cannot read the recording of this QEMU",
        why=why,
        hint="a breakdown of the boot needs QEMU 7.0, or a later one with the same format; the"
        " total does not",
    )
