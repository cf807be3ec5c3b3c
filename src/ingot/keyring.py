"""Gives a program a new session keyring instead of the caller's.

The kernel keeps keys for a login session (keyrings(7), session-keyring(7)): passwords of file
systems, tickets, tokens. Every process of the session can read them, in any namespace.
bubblewrap does not change that, so a program that runs untrusted code first joins a new, empty
session.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

_KEYCTL = {"x86_64": 250, "aarch64": 219}
"""The number of keyctl(2) by `uname -m` (kernel: arch/x86/entry/syscalls/syscall_64.tbl,
include/uapi/asm-generic/unistd.h)."""
_JOIN_SESSION_KEYRING = 1


def leaving_keyring() -> Callable[[], None] | None:
    """The function that a child process calls before exec, to leave the session's keyring.

    None where Ingot does not know the number of the system call. If the kernel has no keys, or a
    container forbids the call, the program cannot read keys either: the error is ignored.
    """
    number = _KEYCTL.get(os.uname().machine)
    if number is None:
        return None
    # looked up before the fork: the child only makes the call itself
    syscall = ctypes.CDLL(None).syscall
    arguments = (ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), ctypes.c_void_p(None))

    def leave() -> None:
        syscall(*arguments)

    return leave
