"""The sandbox's filter of system calls: it forbids access to keys, and setuid and setgid bits.

The kernel keeps keys per user as well as per session (user-keyring(7)), and identifies the user by
the ID outside of all user namespaces. A setuid file that a sandbox leaves in a directory of this
machine runs as its owner. So programs in the sandbox cannot access keys, and cannot set these
mode bits; container engines forbid the former, Nix the latter.

The filter is a classic BPF program (kernel: userspace-api/seccomp_filter.rst), which bubblewrap
loads from a file (bwrap(1), --seccomp). The numbers of the calls are from the kernel's
arch/x86/entry/syscalls/*.tbl, arch/arm/tools/syscall.tbl and include/uapi/asm-generic/unistd.h;
32-bit programs have other numbers than 64-bit programs.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.files import write_atomic

_FORM = struct.Struct("=HBBI")
_LOAD, _AND, _IF_EQUAL, _IF_ANY, _RETURN = 0x20, 0x54, 0x15, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_WITHOUT_X32 = 0xBFFFFFFF
_SPECIAL_BITS = 0o6000
_CREATES = 0o100 | 0o20000000  # O_CREAT, O_TMPFILE: else open has no mode


@dataclass(frozen=True, slots=True)
class _Calls:
    """The numbers of the filtered calls on one architecture.

    `absent` fail with ENOSYS. `modes` set a file's mode: the number of the call, and the index of
    its mode argument. `opens` do so if they create a file: the indexes of flags and mode.
    """

    absent: tuple[int, ...]
    modes: Mapping[int, int]
    opens: Mapping[int, tuple[int, int]]


# add_key, request_key, keyctl; io_uring_setup and openat2, whose mode is in memory that a filter
# cannot read
_X86_64 = _Calls(
    (248, 249, 250, 425, 437),
    # chmod, fchmod, creat, mknod; mknodat, fchmodat, fchmodat2
    {90: 1, 91: 1, 85: 1, 133: 1, 259: 2, 268: 2, 452: 2},
    {2: (1, 2), 257: (2, 3)},
)
_I386 = _Calls(
    (286, 287, 288, 425, 437),
    {15: 1, 94: 1, 8: 1, 14: 1, 297: 2, 306: 2, 452: 2},
    {5: (1, 2), 295: (2, 3)},
)
_AARCH64 = _Calls((217, 218, 219, 425, 437), {52: 1, 33: 2, 53: 2, 452: 2}, {56: (2, 3)})
_ARM = _Calls(
    (309, 310, 311, 425, 437),
    {15: 1, 94: 1, 8: 1, 14: 1, 324: 2, 333: 2, 452: 2},
    {5: (1, 2), 322: (2, 3)},
)
_MACHINES: Mapping[str, Mapping[int, _Calls]] = {
    # by AUDIT_ARCH_* (linux/audit.h)
    "x86_64": {0xC000003E: _X86_64, 0x40000003: _I386},
    "aarch64": {0xC00000B7: _AARCH64, 0x40000028: _ARM},
}


def call_filter(machine: str) -> bytes | None:
    """The filter for a machine type (`uname -m`), in bwrap's format; None for an unknown type.

    A sequence of `struct sock_filter`: code, jump if true, jump if false, and a value.
    """
    if machine not in _MACHINES:
        return None
    program = b""
    for arch, calls in _MACHINES[machine].items():
        body = _checks(calls)
        program += _do(_LOAD, _ARCH_AT) + _do(_IF_EQUAL, arch, 0, _length(body)) + body
    return program + _do(_RETURN, _ALLOW)


def write_filter(directory: Path) -> Path | None:
    """This machine's filter as a file in `directory`; None for an unknown type of machine."""
    machine = os.uname().machine
    data = call_filter(machine)
    if data is None:
        return None
    path = directory / f"calls-{machine}.bpf"
    if not path.is_file() or path.read_bytes() != data:
        write_atomic(path, data)
    return path


def _checks(calls: _Calls) -> bytes:
    """The program for the calls of one architecture; it ends with a return."""
    program = _do(_LOAD, _NUMBER_AT) + _do(_AND, _WITHOUT_X32)
    for number in calls.absent:
        program += _if_called(number, _do(_RETURN, _REFUSE | errno.ENOSYS))
    for number, mode in calls.modes.items():
        program += _if_called(number, _unless_special(mode))
    for number, (flags, mode) in calls.opens.items():
        creates = _load(flags) + _do(_IF_ANY, _CREATES, 1, 0) + _do(_RETURN, _ALLOW)
        program += _if_called(number, creates + _unless_special(mode))
    return program + _do(_RETURN, _ALLOW)


def _if_called(number: int, then: bytes) -> bytes:
    return _do(_IF_EQUAL, number, 0, _length(then)) + then


def _unless_special(mode: int) -> bytes:
    """Refuse a mode with a setuid or setgid bit, and allow any other."""
    refused, allowed = _do(_RETURN, _REFUSE | errno.EPERM), _do(_RETURN, _ALLOW)
    return _load(mode) + _do(_IF_ANY, _SPECIAL_BITS, 0, 1) + refused + allowed


def _load(argument: int) -> bytes:
    """Load the lower half of an argument, on a little-endian machine."""
    return _do(_LOAD, _ARGUMENTS_AT + 8 * argument)


def _length(program: bytes) -> int:
    return len(program) // _FORM.size


def _do(code: int, value: int, if_true: int = 0, if_not: int = 0) -> bytes:
    return _FORM.pack(code, if_true, if_not, value)
