"""Runs a command as a container of a pod with `hostUsers: false` would: without Kubernetes.

    python -m tests.support.pods [--masked] COMMAND...

The command is user 1000 of a new user namespace, with no capability and no way to get one; /proc is
masked as container runtimes do it, if that is asked for. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_NEW_NAMESPACES = 0x10000000 | 0x20000 | 0x20000000 | 0x8000000 | 0x4000000
"""CLONE_NEWUSER, NEWNS, NEWPID, NEWIPC and NEWUTS (clone(2))."""
FIRST_USER = 200_000
"""The user ID outside of the namespace's root."""
USER = 1000

_SETPRIV = [
    *("setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"),
    *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"),
]
_MASK = "mount -t proc proc /proc && mount -t tmpfs -o ro none /proc/sys"
_PLAIN = "mount -t proc proc /proc"


def main(words: Sequence[str]) -> int:
    masked = words[0] == "--masked"
    command = [*_SETPRIV, *words[masked:]]
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        script = f'{_MASK if masked else _PLAIN}; exec "$@"'
        _become_pod(ready[1], go[0], ["sh", "-c", script, "sh", *command])
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{name}").write_text(f"0 {FIRST_USER} 65536")
    os.write(go[1], b"x")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become_pod(ready: int, go: int, command: list[str]) -> None:
    """Enter new namespaces, and run the command as the first process of the PID namespace."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NAMESPACES) != 0:
        os._exit(99)
    os.write(ready, b"x")
    os.read(go, 1)
    os.setgroups([])
    os.setgid(0)
    os.setuid(0)
    first = os.fork()
    if first == 0:
        os.execvp(command[0], command)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
