"""What a guest's init is told to do, and the files it needs for that."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ingot.boot.media import IMAGES
from ingot.catalog import Proof
from ingot.errors import UserError

PLAN_FILE = "/ingot/plan"
KEY_FILE = "/ingot/key"
"""Where init finds the key for its lines (`ingot.boot.seal`), unless that is on a disk."""
IMAGES_FOLDER = "/ingot/images/"

_LISTS = ("modules.dep", "modules.alias", "modules.builtin")
"""What finds modules by name (modules.dep(5)); init reads it like kmod does."""

VOLUME = "modules-volume"
"""What init calls the mount of a volume of modules."""


def home(release: str) -> str:
    """Where a guest's modules are."""
    return f"/lib/modules/{release}"


def plan(
    proofs: Iterable[Proof],
    shutdown: str,
    module: str = "",
    volume: str = "",
    key: str = KEY_FILE,
) -> str:
    """The plan as boot/init/main.c reads it: mount, check, load a module, end by `shutdown`.

    `module` is a file name, `volume` a disk and the folder that it is mounted at. `key` is the file
    or disk that init's key is at the beginning of.
    """
    lines = [
        f"key {key}",
        *([f"mount {VOLUME} {volume} ext4"] if volume else []),
        *(
            f"check {one.name} {one.seconds} {','.join(one.modules) or '-'} {' '.join(one.run)}"
            for one in proofs
        ),
        *([f"module {module}"] if module else []),
        shutdown,
    ]
    return "".join(f"{line}\n" for line in lines)


def files(proofs: Iterable[Proof], modules: Path, release: str) -> dict[str, bytes]:
    """What the checks find in the guest: its modules with their lists, and images to mount.

    `modules` is the image's /lib/modules/<release>; all of it comes along, since which modules a
    check needs is what the kernel is to find out by itself. A UserError names an image there is not.
    """
    found = {
        f"{home(release)}/{path.relative_to(modules).as_posix()}": path.read_bytes()
        for path in sorted(modules.rglob("*.ko"))
    }
    found |= {
        f"{home(release)}/{name}": (modules / name).read_bytes()
        for name in _LISTS
        if (modules / name).is_file()
    }
    named = {word for proof in proofs for word in proof.run if word.startswith(IMAGES_FOLDER)}
    return found | {name: _image(name) for name in sorted(named)}


def _image(path: str) -> bytes:
    make = IMAGES.get(path.removeprefix(IMAGES_FOLDER))
    if make is None:
        raise UserError(
            f"a check mounts {path}, which is no image that Ingot makes",
            hint=f"those in {IMAGES_FOLDER} are {', '.join(IMAGES)}",
        )
    return make()
