"""Running a command in an image, by the engine that has it.

Every command is a container of its own, which is removed when it ends: no network, no
capability, the image's files as they are, and nothing of this machine but the folders of one
build. docker and podman make its files read-only as well. buildah, without a runtime that makes
containers, changes the root only (`--isolation chroot`): unshare(1) adds namespaces of network
and processes, and what a command changes is gone with its container.

What is killed with SIGKILL ends by itself later under docker, whose daemon runs it; its build
folder is nobody's by then.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.builder.container_engines import Engine
from ingot.builder.sandbox import HOST_NAME, Folder

_BUILDAH = """\
container=$(buildah from --pull-never --name "ingot-$$-$(date +%s)" {image}) || exit
exec 3<&0
trap 'kill -KILL "$run" 2>/dev/null; buildah rm "$container" >/dev/null' EXIT
trap 'exit 143' HUP INT TERM
{namespaces} buildah run {options} "$container" -- {command} <&3 3<&- &
run=$!
wait "$run"
"""
"""A container for one command: whoever kills this shell kills what runs in it.

Its name has the shell's ID, so that one which could not be removed is known (`Engine.sweep`).
"""

_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


@dataclass(frozen=True, slots=True)
class Container:
    """The way into an image, named by its ID: what it is now, whatever has its name later."""

    engine: Engine
    image: str

    def command(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folders: Sequence[Folder],
        /,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """See `sandbox.Entrance`. An image's own environment is cleared: it may set flags."""
        inside = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), *argv]
        if self.engine.name == "buildah":
            return self._buildah(inside, folders, interactive=interactive)
        return [
            *(self.engine.name, "run", "--rm", "--pull", "never", "--network", "none"),
            *("--read-only", "--tmpfs", "/tmp:rw,exec", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
            *("--hostname", HOST_NAME, "--user", self.engine.user),
            *_volumes(folders),
            *("--workdir", _start(folders)),
            *(("--interactive", "--tty") if interactive else ()),
            *("--entrypoint", inside[0], self.image, *inside[1:]),
        ]

    def _buildah(
        self, inside: Sequence[str], folders: Sequence[Folder], *, interactive: bool
    ) -> list[str]:
        options = [
            *("--isolation", "chroot", "--cap-drop", "all", "--hostname", HOST_NAME),
            *("--user", self.engine.user, "--workingdir", _start(folders)),
            *_volumes(folders),
            *(("--terminal",) if interactive else ()),
        ]
        script = _BUILDAH.format(
            image=shlex.quote(self.image),
            namespaces=shlex.join(_NAMESPACES),
            options=shlex.join(options),
            command=shlex.join(inside),
        )
        # an ordinary user's storage is entered in a namespace where they are root
        prefix = [] if os.geteuid() == 0 else ["buildah", "unshare", "--"]
        return [*prefix, "sh", "-c", script]


def _volumes(folders: Sequence[Folder]) -> list[str]:
    return [
        word
        for folder in folders
        for word in (
            "--volume",
            f"{folder.outside}:{folder.inside}{'' if folder.writable else ':ro'}",
        )
    ]


def _start(folders: Sequence[Folder]) -> str:
    return "/build" if any(folder.inside == "/build" for folder in folders) else "/"
