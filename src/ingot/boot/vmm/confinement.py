"""Limits what QEMU can do while it runs a guest, whose kernel is not trusted.

A guest that breaks out of its machine runs in QEMU's process. QEMU's own filter of system calls
(QEMU: `-sandbox`, which needs libseccomp) keeps that process from starting programs, from changing
its user, and from changing its scheduling.
"""

from __future__ import annotations

import functools
import shutil

from ingot.process import run

_FILTER = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
_SECONDS = 30.0
_LIMIT = 1 << 20


def words(program: str) -> tuple[str, ...]:
    """QEMU's options for its filter, if this QEMU and this machine's kernel support it."""
    return () if fault(program) else ("-sandbox", _FILTER)


def fault(program: str) -> str:
    """The error message if this QEMU cannot filter its system calls; empty if it can.

    A QEMU without a machine is started with the filter, and made to quit.
    """
    path = shutil.which(program)
    return _fault(path) if path else ""


_noted: set[str] = set()


def new_fault(program: str) -> str:
    """The result of `fault` the first time in this process; empty afterwards."""
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
    messages = result.output.strip().splitlines()
    return messages[-1] if messages else f"exit code {result.returncode}"
