"""Runs a command in a container image, with a container engine.

Every command runs in a new container, which is removed at its end, without network and
capabilities, and with nothing of this machine but the directories of one build. docker and podman
mount the image's files read-only. buildah only changes the root (`--isolation chroot`), without a
container runtime: unshare(1) adds network and process namespaces, and changes to the image's files
are removed with the container.

If Ingot is killed with SIGKILL, a command under docker, which the daemon runs, ends by itself
later.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.builder.container_engines import Engine
from ingot.builder.sandbox import HOST_NAME, Directory

_BUILDAH = """\
container=$(buildah from --pull-never --name "ingot-$$-$(date +%s)" {image}) || exit
exec 3<&0
trap 'kill -KILL "$run" 2>/dev/null; buildah rm "$container" >/dev/null' EXIT
trap 'exit 143' HUP INT TERM
{namespaces} buildah run {options} "$container" -- {command} <&3 3<&- &
run=$!
wait "$run"
"""
"""A shell script that runs one command in a container; killing the shell kills the command.

The container's name has the shell's process ID, so that a container that the shell could not
remove is recognized (`Engine.sweep`).
"""

_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


@dataclass(frozen=True, slots=True)
class Container:
    """An image by its ID, which stays the same when the image's name moves to another one."""

    engine: Engine
    image: str

    def command(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        directories: Sequence[Directory],
        /,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """See `sandbox.Entrance`. The image's own environment is cleared: it can set flags."""
        inside = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), *argv]
        if self.engine.name == "buildah":
            return self._buildah(inside, directories, interactive=interactive)
        return [
            *(self.engine.name, "run", "--rm", "--pull", "never", "--network", "none"),
            *("--read-only", "--tmpfs", "/tmp:rw,exec", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
            *("--hostname", HOST_NAME, "--user", self.engine.user),
            *_volumes(directories),
            *("--workdir", _start(directories)),
            *(("--interactive", "--tty") if interactive else ()),
            *("--entrypoint", inside[0], self.image, *inside[1:]),
        ]

    def _buildah(
        self, inside: Sequence[str], directories: Sequence[Directory], *, interactive: bool
    ) -> list[str]:
        options = [
            *("--isolation", "chroot", "--cap-drop", "all", "--hostname", HOST_NAME),
            *("--user", self.engine.user, "--workingdir", _start(directories)),
            *_volumes(directories),
            *(("--terminal",) if interactive else ()),
        ]
        script = _BUILDAH.format(
            image=shlex.quote(self.image),
            namespaces=shlex.join(_NAMESPACES),
            options=shlex.join(options),
            command=shlex.join(inside),
        )
        # an ordinary user's storage is accessed in a user namespace where they are root
        prefix = [] if os.geteuid() == 0 else ["buildah", "unshare", "--"]
        return [*prefix, "sh", "-c", script]


def _volumes(directories: Sequence[Directory]) -> list[str]:
    return [
        word
        for directory in directories
        for word in (
            "--volume",
            f"{directory.outside}:{directory.inside}{'' if directory.writable else ':ro'}",
        )
    ]


def _start(directories: Sequence[Directory]) -> str:
    return "/build" if any(directory.inside == "/build" for directory in directories) else "/"
