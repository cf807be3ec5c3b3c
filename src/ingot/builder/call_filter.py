"""A filter of system calls for the sandbox: no keys, and no file that runs as its owner.

A kernel keeps keys for a user as well as for a session (user-keyring(7)), and whom a key belongs to
is told by the user ID that the machine knows, whatever namespaces a process is in. A setuid file
that is left in a directory of this machine is its owner's as well. So what runs in the sandbox may
not ask for keys, and may not give a file these bits; container engines forbid the first, Nix the
second.

The filter is a program for the kernel's classic BPF (kernel: userspace-api/seccomp_filter.rst),
which bubblewrap loads from a file (bwrap(1), --seccomp). Numbers of calls are from the kernel's
arch/x86/entry/syscalls/*.tbl, arch/arm/tools/syscall.tbl and include/uapi/asm-generic/unistd.h; a
machine's 32-bit programs have numbers of their own.
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
    """The numbers of calls on one architecture.

    `absent` are not there for a program; `modes` give a file a mode, which is the argument beside
    them; `opens` do so if they create one: the flags, and the mode.
    """

    absent: tuple[int, ...]
    modes: Mapping[int, int]
    opens: Mapping[int, tuple[int, int]]


# add_key, request_key, keyctl; io_uring_setup and openat2, which say a mode where no filter reads
# it
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
    """The filter for a kind of machine (`uname -m`) as bwrap reads it; None for an unknown one.

    A sequence of `struct sock_filter`: code, jumps if true and if not, and a value.
    """
    if machine not in _MACHINES:
        return None
    program = b""
    for arch, calls in _MACHINES[machine].items():
        body = _checks(calls)
        program += _do(_LOAD, _ARCH_AT) + _do(_IF_EQUAL, arch, 0, _length(body)) + body
    return program + _do(_RETURN, _ALLOW)


def keep_filter(folder: Path) -> Path | None:
    """The file of this machine's filter in a folder, written if need be; None if there is none."""
    machine = os.uname().machine
    data = call_filter(machine)
    if data is None:
        return None
    path = folder / f"calls-{machine}.bpf"
    if not path.is_file() or path.read_bytes() != data:
        write_atomic(path, data)
    return path


def _checks(calls: _Calls) -> bytes:
    """What is done with a call of one architecture, to its end."""
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
    """Refuse a mode with setuid or setgid, and allow any other."""
    refused, allowed = _do(_RETURN, _REFUSE | errno.EPERM), _do(_RETURN, _ALLOW)
    return _load(mode) + _do(_IF_ANY, _SPECIAL_BITS, 0, 1) + refused + allowed


def _load(argument: int) -> bytes:
    """Load the lower half of an argument, on a little-endian machine."""
    return _do(_LOAD, _ARGUMENTS_AT + 8 * argument)


def _length(program: bytes) -> int:
    return len(program) // _FORM.size


def _do(code: int, value: int, if_true: int = 0, if_not: int = 0) -> bytes:
    return _FORM.pack(code, if_true, if_not, value)
