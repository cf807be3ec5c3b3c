"""The plan that a guest's init carries out, and the files it needs for that."""

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
IMAGES_DIRECTORY = "/ingot/images/"

_LISTS = ("modules.dep", "modules.alias", "modules.builtin")
"""The lists for finding modules by name (modules.dep(5)); init reads them like kmod does."""

_MODULE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\.ko")
_MOST_FILES = 100_000
"""The most files of /lib/modules/<release>: a kernel with all possible modules has some 10,000."""

_LIST_BYTES = 32 << 20
"""The most bytes of one of depmod's lists: those of such a kernel have some 3 MiB."""

_MODULES_BYTES = 2 << 30
"""The most bytes of all modules, which the guest's memory or disk has to hold."""

VOLUME = "modules-volume"
"""The check name of mounting the volume of modules."""


def home(release: str) -> str:
    """The directory of a guest's modules."""
    return f"/lib/modules/{release}"


def plan(
    checks: Iterable[GuestCheck],
    shutdown: str,
    module: str = "",
    volume: str = "",
    key: str = KEY_FILE,
) -> str:
    """The plan in the format that boot/init/main.c reads: mount, check, load a module, `shutdown`.

    `module` is a file name, `volume` a disk and the directory to mount it at. `key` is the file or
    disk that begins with init's key.
    """
    lines = [
        f"key {key}",
        *([f"mount {VOLUME} {volume} ext4"] if volume else []),
        *(
            f"check {one.name} {one.seconds} {','.join(one.modules) or '-'} {' '.join(one.run)}"
            for one in checks
        ),
        *([f"module {module}"] if module else []),
        shutdown,
    ]
    return "".join(f"{line}\n" for line in lines)


def files(
    checks: Iterable[GuestCheck], modules: Mapping[str, bytes], release: str
) -> dict[str, bytes]:
    """The files that the checks need in the guest: modules with their lists, and images to mount.

    `modules` is the result of `read_modules`; all of it is included, since the kernel itself has
    to find out which modules a check needs. A UserError names an unknown image.
    """
    found = {f"{home(release)}/{name}": data for name, data in modules.items()}
    named = {word for check in checks for word in check.run if word.startswith(IMAGES_DIRECTORY)}
    return found | {name: _image(name) for name in sorted(named)}


def read_modules(modules: Path) -> dict[str, bytes]:
    """The modules below a directory, whose contents are not trusted, and depmod's lists.

    Links, and names that no module has, are left out. UserError if a guest cannot hold all of it.
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
    make = IMAGES.get(path.removeprefix(IMAGES_DIRECTORY))
    if make is None:
        raise UserError(
            f"a check mounts {path}, which is not an image that Ingot makes",
            hint=f"the images in {IMAGES_DIRECTORY} are {', '.join(IMAGES)}",
        )
    return make()
