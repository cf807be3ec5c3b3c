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
from ingot.kernel_file import DecompressError, KernelCompression, decompress

PLAN_FILE = "/ingot/plan"
IMAGES_DIRECTORY = "/ingot/images/"

_LISTS = ("modules.dep", "modules.alias", "modules.builtin")
"""The lists for finding modules by name (modules.dep(5)); init reads them like kmod does."""

_MODULE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\.ko(?:\.(?P<compression>gz|xz|zst))?")
_COMPRESSIONS = {
    "gz": KernelCompression.GZIP,
    "xz": KernelCompression.XZ,
    "zst": KernelCompression.ZSTD,
}
"""The compressions of modules, by the ending of their names (kernel: MODULE_COMPRESS)."""
_COMPRESSED_PATH = re.compile(rb"\.ko\.(?:gz|xz|zst)(?=[:\s]|\Z)")
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

    Compressed modules are decompressed, and have the names of uncompressed ones, in the lists as
    well: init loads files as they are. Links, and names that no module has, are left out.
    UserError if a guest cannot hold all of it, or for a module that is not compressed as its name
    says.
    """
    if not modules.is_dir():
        return {}
    files = ConfinedDirectory(modules)
    found: dict[str, bytes] = {}
    left = _MODULES_BYTES
    for each in files.walk(most=_MOST_FILES):
        if not each.is_file:
            continue
        if each.name in _LISTS:
            data = files.read(each.name, _LIST_BYTES)
            found[each.name] = _COMPRESSED_PATH.sub(b".ko", data)
        elif match := _MODULE.fullmatch(each.name.rpartition("/")[2]):
            data = files.read(each.name, left)
            name, data = _uncompressed(each.name, data, match["compression"], left)
            found[name] = data
        else:
            continue
        left -= len(data)
    return found


def _uncompressed(name: str, data: bytes, compression: str | None, limit: int) -> tuple[str, bytes]:
    """The name and the content of a module without its compression."""
    if compression is None:
        return name, data
    try:
        content = decompress(data, _COMPRESSIONS[compression], limit)
    except DecompressError as error:
        raise UserError(
            f"the module {name} cannot be decompressed",
            why=str(error),
            hint="build the modules again, and compress them with gzip, xz or zstd",
        ) from error
    return name.removesuffix(f".{compression}"), content


def _image(path: str) -> bytes:
    make = IMAGES.get(path.removeprefix(IMAGES_DIRECTORY))
    if make is None:
        raise UserError(
            f"a check mounts {path}, which is not an image that Ingot makes",
            hint=f"the images in {IMAGES_DIRECTORY} are {', '.join(IMAGES)}",
        )
    return make()
