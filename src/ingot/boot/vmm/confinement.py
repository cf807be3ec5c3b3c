"""What QEMU may not do once it runs a guest: the kernel that it runs is anybody's.

A guest that breaks out of its machine is in QEMU's process. QEMU's own filter of system calls
(QEMU: `-sandbox`, which needs libseccomp) keeps that process from starting programs, from becoming
another user, and from changing its scheduling.
"""

from __future__ import annotations

import functools
import shutil

from ingot.process import run

_FILTER = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
_SECONDS = 30.0
_LIMIT = 1 << 20


def words(program: str) -> tuple[str, ...]:
    """QEMU's words for its filter, where this QEMU and this machine's kernel have one."""
    return () if fault(program) else ("-sandbox", _FILTER)


def fault(program: str) -> str:
    """Why this QEMU cannot filter its system calls, in its own words; empty if it can.

    It is tried: a QEMU without a machine is started with the filter, and told to quit.
    """
    path = shutil.which(program)
    return _fault(path) if path else ""


_noted: set[str] = set()


def news(program: str) -> str:
    """What `fault` says, the first time that this process asks; empty afterwards."""
    if program in _noted:
        return ""
    _noted.add(program)
    return fault(program)


@functools.cache
def _fault(path: str) -> str:
    command = (
        *(path, "-M", "none", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-sandbox", _FILTER, "-monitor", "stdio"),
    )
    result = run(command, check=False, timeout=_SECONDS, limit=_LIMIT, stdin=[b"quit\n"])
    if result.returncode == 0:
        return ""
    told = result.output.strip().splitlines()
    return told[-1] if told else f"exit code {result.returncode}"
