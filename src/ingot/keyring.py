"""A session keyring of a program's own, instead of the caller's.

The kernel keeps keys for a login session (keyrings(7), session-keyring(7)): passwords of file
systems, tickets, tokens. Who was started in the session can read them, in any namespace.
bubblewrap leaves them reachable, so who is to see nothing of the caller's joins a new, empty
session first.
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
    """What a child process calls before it becomes its program, to leave the session's keyring.

    None where Ingot does not know the number of the call. A kernel without keys, or a container
    that forbids the call, forbids it to the program as well: nothing is said then.
    """
    number = _KEYCTL.get(os.uname().machine)
    if number is None:
        return None
    # looked up before the fork: in the child nothing but the call itself is left to do
    syscall = ctypes.CDLL(None).syscall
    arguments = (ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), ctypes.c_void_p(None))

    def leave() -> None:
        syscall(*arguments)

    return leave
