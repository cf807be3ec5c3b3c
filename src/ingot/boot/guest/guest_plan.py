"""What a guest's init is told to do, and the files it needs for that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingot.boot.media import IMAGES
from ingot.boot.seal import KEY_FILE
from ingot.catalog import GuestCheck
from ingot.confined_files import ConfinedDirectory
from ingot.errors import UserError

PLAN_FILE = "/ingot/plan"
IMAGES_FOLDER = "/ingot/images/"

_LISTS = ("modules.dep", "modules.alias", "modules.builtin")
"""What finds modules by name (modules.dep(5)); init reads it like kmod does."""

_MODULE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\.ko")
_MOST_FILES = 100_000
"""Files of /lib/modules/<release>: a kernel with every module there is has some 10,000."""

_LIST_BYTES = 32 << 20
"""Bytes of one of depmod's lists: those of such a kernel have some 3 MiB."""

_MODULES_BYTES = 2 << 30
"""Bytes of all modules together, which the guest's memory or disk has to hold."""

VOLUME = "modules-volume"
"""What init calls the mount of a volume of modules."""


def home(release: str) -> str:
    """Where a guest's modules are."""
    return f"/lib/modules/{release}"


def plan(
    proofs: Iterable[GuestCheck],
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


def files(
    proofs: Iterable[GuestCheck], modules: Mapping[str, bytes], release: str
) -> dict[str, bytes]:
    """What the checks find in the guest: its modules with their lists, and images to mount.

    `modules` is what `read_modules` found; all of it comes along, since which modules a check
    needs is what the kernel is to find out by itself. A UserError names an image there is not.
    """
    found = {f"{home(release)}/{name}": data for name, data in modules.items()}
    named = {word for proof in proofs for word in proof.run if word.startswith(IMAGES_FOLDER)}
    return found | {name: _image(name) for name in sorted(named)}


def read_modules(modules: Path) -> dict[str, bytes]:
    """The modules below a folder, which is ours but was filled by others, and depmod's lists.

    Links are left out, and names that no module has. UserError for more than a guest can be given.
    """
    if not modules.is_dir():
        return {}
    files = ConfinedDirectory(modules)
    found: dict[str, bytes] = {}
    left = _MODULES_BYTES
    for each in files.walk(most=_MOST_FILES):
        name = each.name.rpartition("/")[2]
        if not each.is_file or not (_MODULE.fullmatch(name) or each.name in _LISTS):
            continue
        found[each.name] = files.read(each.name, _LIST_BYTES if each.name in _LISTS else left)
        left -= len(found[each.name])
    return found


def _image(path: str) -> bytes:
    make = IMAGES.get(path.removeprefix(IMAGES_FOLDER))
    if make is None:
        raise UserError(
            f"a check mounts {path}, which is no image that Ingot makes",
            hint=f"those in {IMAGES_FOLDER} are {', '.join(IMAGES)}",
        )
    return make()
