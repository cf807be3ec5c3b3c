"""The images of out-of-tree modules.

    kernel-module-<name>:<tag>        one layer: the modules, and depmod's indexes of all
    kernel-modules:<tag>-plus-<name>  the kernel's modules, and that layer over them

In addition to the kernel's labels, they have these:

    dev.ingot.module.name             the name
    dev.ingot.module.files            the modules, like `updates/hello.ko`, separated by spaces
    dev.ingot.module.source-digest    the digest of the source directory
    dev.ingot.module.devel-digest     the digest of the kernel's devel image
    dev.ingot.module.format           the version of the format of these images

Two builds that agree in these, and in the kernel's labels, give the same digests.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import arch
from ingot.compile.compile_modules import UPDATES
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.images.added_modules import LABEL_PREFIX
from ingot.images.annotations import pack, read_config, read_packages, read_size_map
from ingot.images.image_kinds import MODULES, module_image, tag_with_modules
from ingot.images.kernel_labels import KernelLabels
from ingot.images.write_images import write_kernel_image
from ingot.kconfig import Config
from ingot.oci import Descriptor, Image, LayerEntry, Layout, file_entry, link_entry, write_layer
from ingot.progress import Step
from ingot.size_map import SizeMap

_FORMAT = "1"
"""Raised when a change in Ingot gives other images for the same source and kernel."""

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Modules:
    """Modules that were compiled for a kernel.

    `name` is part of their images' names. `source` is the digest of the source directory, `devel`
    that of the kernel's devel image. `files` are the paths of the modules, by their names below
    `updates`; `indexes` the paths of depmod's indexes that differ from the kernel's.
    """

    name: str
    source: Digest
    devel: Digest
    files: Mapping[str, Path]
    indexes: Mapping[str, Path]

    def labels(self) -> dict[str, str]:
        values = {
            "name": self.name,
            "files": " ".join(f"{UPDATES}/{name}" for name in sorted(self.files)),
            "source-digest": str(self.source),
            "devel-digest": str(self.devel),
            "format": _FORMAT,
        }
        return {f"{LABEL_PREFIX}{key}": text for key, text in values.items()}


def check_module_name(name: str) -> str:
    """Return the name if it can be part of an image's name; else UserError."""
    if _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        return name
    raise UserError(
        f"'{name}' cannot be the name of a module's images",
        why="a name has lower-case letters and digits, with single . _ or - between them, and at"
        f" most {_LONGEST_NAME} characters",
        hint="choose another name with --name",
    )


def write_module_images(
    layout: Layout,
    kernel_modules: Image,
    facts: KernelLabels,
    modules: Modules,
    tag: str,
    step: Step,
) -> dict[str, Descriptor]:
    """Write both images of the modules, untagged; returns the manifest of each by its tag.

    `kernel_modules` is the image of the kernel's own modules; `facts` and `tag` are the kernel's.
    """
    epoch = kernel_modules.created or 0
    layer = write_layer(layout, _entries(modules, facts.release), epoch, step)
    sizes = {f"{UPDATES}/{name}": path.stat().st_size for name, path in modules.files.items()}
    packed = _packed(kernel_modules, sizes)
    alone = module_image(modules.name)
    names = ", ".join(sorted(modules.files))
    images = {
        f"{alone}:{tag}": (alone, names, [layer]),
        f"{MODULES}:{tag_with_modules(tag, modules.name)}": (
            *(MODULES, f"the modules, and {names}"),
            [*kernel_modules.layers, layer],
        ),
    }
    return {
        name: write_kernel_image(
            layout,
            title,
            about,
            layers,
            facts,
            arch=arch(facts.arch),
            epoch=epoch,
            packed=packed,
            more_labels=modules.labels(),
        )
        for name, (title, about, layers) in images.items()
    }


def _entries(modules: Modules, release: str) -> list[LayerEntry]:
    """The layer: /lib/modules/<release>, and symlinks at the root like the kernel's modules."""
    directory = f"lib/modules/{release}"
    files = {f"{UPDATES}/{name}": path for name, path in modules.files.items()}
    files |= modules.indexes
    top = sorted({name.partition("/")[0] for name in files})
    return [
        *(file_entry(f"{directory}/{name}", path) for name, path in files.items()),
        *(link_entry(name, f"{directory}/{name}") for name in top),
    ]


def _packed(kernel_modules: Image, sizes: Mapping[str, int]) -> dict[str, str]:
    """The annotations of the kernel's modules image, with the sizes of these modules added."""
    size_map = read_size_map(kernel_modules.annotations) or SizeMap({}, {})
    return pack(
        read_config(kernel_modules.annotations) or Config(""),
        dataclasses.replace(size_map, modules={**size_map.modules, **sizes}),
        read_packages(kernel_modules.annotations) or (),
    )
