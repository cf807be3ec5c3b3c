"""The images of modules that are not of the kernel's own tree.

    kernel-module-<name>:<tag>        one layer: the modules, and depmod's indexes of all
    kernel-modules:<tag>-plus-<name>  the kernel's modules, and that layer over them

Beside the kernel's own, labels say what was compiled, and for what:

    dev.ingot.module.name             the name
    dev.ingot.module.files            the modules, as `updates/hello.ko`, with spaces between
    dev.ingot.module.source-digest    what they were compiled from: the digest of the folder
    dev.ingot.module.devel-digest     the image of the kernel's devel tree
    dev.ingot.module.format           how Ingot made it of these

Two builds that agree in these, and in the kernel's labels, give the same digests.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import arch
from ingot.compile import UPDATES
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.images.annotations import pack, read_config, read_makeup, read_packages
from ingot.images.image_kinds import MODULES, module_image
from ingot.images.kernel_labels import KernelLabels
from ingot.images.write_images import write_kernel_image
from ingot.kconfig import Config
from ingot.oci import Descriptor, Image, LayerEntry, Layout, file_entry, link_entry, write_layer
from ingot.progress import Step
from ingot.size_map import SizeMap

_FORMAT = "1"
"""Raised when Ingot would make other images of the same source and kernel."""

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Modules:
    """Modules that were compiled for a kernel.

    `name` is what their images are called after; `source` the digest of the folder that they
    were compiled from, `devel` that of the kernel's devel image; `files` says where each is, by
    its name below `updates`; `indexes` where those of depmod are that are not the kernel's.
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
        return {f"dev.ingot.module.{key}": text for key, text in values.items()}


def check_module_name(name: str) -> str:
    """The name, if images can be called after it, else a UserError."""
    if _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        return name
    raise UserError(
        f"'{name}' cannot be the name of a module's images",
        why="it is lower-case letters and digits, with single . _ or - between them, of"
        f" {_LONGEST_NAME} characters at most",
        hint="give it another name with --name",
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

    `kernel_modules` is the image that they are laid over, `facts` are the kernel's, `tag` is the
    kernel's.
    """
    epoch = kernel_modules.created or 0
    layer = write_layer(layout, _entries(modules, facts.release), epoch, step)
    sizes = {f"{UPDATES}/{name}": path.stat().st_size for name, path in modules.files.items()}
    told = _told(kernel_modules, sizes)
    alone = module_image(modules.name)
    names = ", ".join(sorted(modules.files))
    images = {
        f"{alone}:{tag}": (alone, names, [layer]),
        f"{MODULES}:{tag}-plus-{modules.name}": (
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
            told=told,
            more=modules.labels(),
        )
        for name, (title, about, layers) in images.items()
    }


def _entries(modules: Modules, release: str) -> list[LayerEntry]:
    """The layer: in /lib/modules/<release>, with links at the root as the kernel's modules have."""
    folder = f"lib/modules/{release}"
    files = {f"{UPDATES}/{name}": path for name, path in modules.files.items()}
    files |= modules.indexes
    top = sorted({name.partition("/")[0] for name in files})
    return [
        *(file_entry(f"{folder}/{name}", path) for name, path in files.items()),
        *(link_entry(name, f"{folder}/{name}") for name in top),
    ]


def _told(kernel_modules: Image, sizes: Mapping[str, int]) -> dict[str, str]:
    """What the kernel's modules tell in annotations, with the sizes of more of them."""
    makeup = read_makeup(kernel_modules.annotations) or SizeMap({}, {})
    return pack(
        read_config(kernel_modules.annotations) or Config(""),
        dataclasses.replace(makeup, modules={**makeup.modules, **sizes}),
        read_packages(kernel_modules.annotations) or (),
    )
