"""Container engines: which one is here, how it is told to get, make and find images.

docker needs its daemon, podman and buildah need none. All three pull from registries; what is in
a layout on this machine, or in an archive, skopeo brings to them.
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
"""What begins the name of an image that is in no registry (containers-transports(5))."""

_CONTAINER = re.compile(r"ingot-(\d+)-\d+")
"""The name of a container of one command: the ID of the process that is to remove it, the time."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that is here and answers.

    `user` is who commands run as inside, `UID:GID`, so that what they write is this user's.
    """

    name: str
    user: str

    def image_id(self, image: str) -> str | None:
        """The ID of an image that the engine has; None if it has no such image."""
        found = run([self.name, *_WORDS[self.name].inspect, image], check=False)
        lines = found.output.split()
        return lines[-1] if found.returncode == 0 and lines else None

    def take(self, image: str, on_line: Callable[[str], None]) -> str:
        """Get an image, whether it is here or not; the name that the engine knows it by.

        MachineError if it cannot be had.
        """
        name, words = image, [self.name, "pull", image]
        if is_file(image):
            name = local_name(image)
            where = f"{_WORDS[self.name].storage}:{name}"
            words = ["skopeo", "copy", "--insecure-policy", image, where]
        self._run(
            words,
            f"{self.name} cannot get the image {image}",
            "is its name right, and the network there? A registry may want"
            f" `{self.name} login` first",
            on_line,
        )
        return name

    def make(
        self, folder: Path, name: str, on_line: Callable[[str], None], *, anew: bool = False
    ) -> None:
        """Make an image of the folder's Containerfile; MachineError with the engine's own words.

        What the engine remembers of an earlier build serves, unless it is made `anew`.
        """
        file = folder / "Containerfile"
        build = [*_WORDS[self.name].build, *(("--no-cache",) if anew else ())]
        words = [*build, "--tag", name, "--file", str(file), str(folder)]
        self._run(
            [self.name, *words],
            f"{self.name} could not make the builder's image",
            "packages come from the archive that the image's apt is configured with",
            on_line,
        )

    def tag(self, image: str, name: str) -> None:
        """Give an image that the engine has one more name."""
        run([self.name, "tag", image, name])

    def forget(self, name: str) -> None:
        """Remove a name, and the image if it has no other."""
        run([self.name, *_WORDS[self.name].remove, name])

    def sweep(self) -> None:
        """Remove containers of killed runs, where an engine without a daemon leaves them."""
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
                hint = f"make room where {self.name} keeps its images"
            raise MachineError(what, why=why, hint=f"{hint}. {error.hint}") from error


@dataclass(frozen=True, slots=True)
class _Words:
    """How an engine is told to show an image's ID, to build and to remove one.

    `storage` is what skopeo calls where its images are.
    """

    inspect: tuple[str, ...]
    build: tuple[str, ...]
    remove: tuple[str, ...]
    storage: str


_INSPECT = ("image", "inspect", "--format", "{{.Id}}")
_REMOVE = ("image", "rm")


_WORDS = {
    "docker": _Words(_INSPECT, ("build",), _REMOVE, "docker-daemon"),
    "podman": _Words(_INSPECT, ("build", "--pull=never"), _REMOVE, "containers-storage"),
    "buildah": _Words(
        ("inspect", "--type", "image", "--format", "{{.FromImageID}}"),
        ("bud", "--pull-never", "--isolation", "chroot", "--no-cache", "--force-rm"),
        ("rmi",),
        "containers-storage",
    ),
}


def installed() -> list[str]:
    """The engines whose programs are here, the one that is tried first first."""
    return [name for name in _WORDS if shutil.which(name)]


def choose(wanted: str = "") -> Engine:
    """The engine to use: the one that is wanted, or the first that is here and answers.

    MachineError without one.
    """
    own = f"{os.geteuid()}:{os.getegid()}"
    silent = []
    for name in installed():
        if wanted not in ("", name):
            continue
        if name != "docker":
            # theirs is this user's own root, or root itself
            return Engine(name, "0:0")
        asked = run(
            ["docker", "info", "--format", "{{json .SecurityOptions}}"], check=False, timeout=20
        )
        if asked.returncode == 0:
            return Engine(name, "0:0" if "name=rootless" in asked.output else own)
        silent = asked.output.strip().splitlines()[-3:]
    missing = f"{wanted} is not" if wanted else "none of docker, podman and buildah is"
    raise MachineError(
        "there is no container engine that works" if silent else "there is no container engine",
        why="\n".join(["docker is installed, but its daemon does not answer:", *silent])
        if silent
        else f"{missing} installed",
        hint="install one (apt-get install buildah), or compile in a builder of packages"
        " (--builder rootfs)",
    )


def is_file(image: str) -> bool:
    """Whether an image is on this machine, in a layout or an archive, and in no registry."""
    return _TRANSPORT.match(image) is not None


def local_name(image: str) -> str:
    """The name that an image gets in the engine's storage, if it has none that serves there."""
    if not is_file(image):
        return image
    return f"localhost/ingot-image:{Digest.of(image.encode()).short}"
