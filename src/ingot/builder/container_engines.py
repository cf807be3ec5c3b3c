"""Container engines: which one is installed, and its commands to pull, build and find images.

docker needs its daemon, podman and buildah do not. All three pull from registries; images in a
layout or an archive on this machine are copied to them by skopeo.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.process import CommandFailedError, run

_TRANSPORT = re.compile(r"(oci|oci-archive|docker-archive|dir):(?!//)")
"""The prefix of an image's name that is not in a registry (containers-transports(5))."""

_CONTAINER = re.compile(r"ingot-(\d+)-\d+")
"""The name of a command's container: the ID of the process that removes it, and the time."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that works.

    `user` is the `UID:GID` that commands run as inside, so that this user owns what they write.
    """

    name: str
    user: str

    def image_id(self, image: str) -> str | None:
        """The ID of an image; None if the engine does not have it."""
        found = run([self.name, *_COMMANDS[self.name].inspect, image], check=False)
        lines = found.output.split()
        return lines[-1] if found.returncode == 0 and lines else None

    def pull(self, image: str, on_line: Callable[[str], None]) -> str:
        """Pull an image, also if the engine has it already; returns its name in the engine.

        MachineError if that fails.
        """
        name, words = image, [self.name, "pull", image]
        if is_file(image):
            name = local_name(image)
            where = f"{_COMMANDS[self.name].storage}:{name}"
            words = ["skopeo", "copy", "--insecure-policy", image, where]
        self._run(
            words,
            f"{self.name} cannot pull the image {image}",
            f"check its name and the network; some registries need `{self.name} login` first",
            on_line,
        )
        return name

    def make(
        self, directory: Path, name: str, on_line: Callable[[str], None], *, rebuild: bool = False
    ) -> None:
        """Build an image from the directory's Containerfile; MachineError with the engine's output.

        The engine's build cache is used, unless `rebuild` is set.
        """
        file = directory / "Containerfile"
        build = [*_COMMANDS[self.name].build, *(("--no-cache",) if rebuild else ())]
        words = [*build, "--tag", name, "--file", str(file), str(directory)]
        self._run(
            [self.name, *words],
            f"{self.name} could not make the builder's image",
            "the packages come from the archives that the image's apt is configured with",
            on_line,
        )

    def tag(self, image: str, name: str) -> None:
        """Give an image of the engine another name."""
        run([self.name, "tag", image, name])

    def forget(self, name: str) -> None:
        """Remove a name, and the image if it has no other."""
        run([self.name, *_COMMANDS[self.name].remove, name])

    def sweep(self) -> None:
        """Remove containers of killed runs; only buildah leaves such containers."""
        if self.name != "buildah":
            return
        listed = run(["buildah", "containers", "--format", "{{.ContainerName}}"], check=False)
        for name in listed.output.split():
            match = _CONTAINER.fullmatch(name)
            if match and not Path("/proc", match[1]).exists():
                run(["buildah", "rm", name], check=False)

    def _run(
        self, words: Sequence[str], what: str, hint: str, on_line: Callable[[str], None]
    ) -> None:
        try:
            run(words, on_line=on_line, keep_output=False)
        except CommandFailedError as error:
            why = "\n".join(error.tail)
            if "no space left on device" in why.lower():
                hint = f"free space where {self.name} keeps its images"
            raise MachineError(what, why=why, hint=f"{hint}. {error.hint}") from error


@dataclass(frozen=True, slots=True)
class _Commands:
    """An engine's commands to show an image's ID, to build and to remove an image.

    `storage` is skopeo's name of the engine's image storage.
    """

    inspect: tuple[str, ...]
    build: tuple[str, ...]
    remove: tuple[str, ...]
    storage: str


_INSPECT = ("image", "inspect", "--format", "{{.Id}}")
_REMOVE = ("image", "rm")


_COMMANDS = {
    "docker": _Commands(_INSPECT, ("build",), _REMOVE, "docker-daemon"),
    "podman": _Commands(_INSPECT, ("build", "--pull=never"), _REMOVE, "containers-storage"),
    "buildah": _Commands(
        ("inspect", "--type", "image", "--format", "{{.FromImageID}}"),
        ("bud", "--pull-never", "--isolation", "chroot", "--no-cache", "--force-rm"),
        ("rmi",),
        "containers-storage",
    ),
}


def installed() -> list[str]:
    """The installed engines, in the order in which they are tried."""
    return [name for name in _COMMANDS if shutil.which(name)]


def choose(wanted: str = "") -> Engine:
    """The engine to use: the `wanted` one, or the first that is installed and works.

    MachineError if there is none.
    """
    own = f"{os.geteuid()}:{os.getegid()}"
    silent = []
    for name in installed():
        if wanted not in ("", name):
            continue
        if name != "docker":
            # root inside is this user outside
            return Engine(name, "0:0")
        info = run(
            ["docker", "info", "--format", "{{json .SecurityOptions}}"], check=False, timeout=20
        )
        if info.returncode == 0:
            return Engine(name, "0:0" if "name=rootless" in info.output else own)
        silent = info.output.strip().splitlines()[-3:]
    missing = f"{wanted} is not" if wanted else "none of docker, podman and buildah is"
    raise MachineError(
        "no container engine works" if silent else "no container engine is installed",
        why="\n".join(["docker is installed, but its daemon does not answer:", *silent])
        if silent
        else f"{missing} installed",
        hint="install one (apt-get install buildah), or compile in a builder of packages"
        " (--builder rootfs)",
    )


def is_file(image: str) -> bool:
    """Whether the name is that of an image in a layout or an archive, not in a registry."""
    return _TRANSPORT.match(image) is not None


def local_name(image: str) -> str:
    """The name of an image in the engine's storage: its own, or a new one if it is a file."""
    if not is_file(image):
        return image
    return f"localhost/ingot-image:{Digest.of(image.encode()).short}"
