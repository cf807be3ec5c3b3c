"""Kernels with out-of-tree modules: reads the images that `module_images` writes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from ingot.errors import UserError
from ingot.images.image_kinds import MODULE_NAME
from ingot.images.kernel_labels import KernelLabels, read_facts
from ingot.oci import Image

LABEL_PREFIX = "dev.ingot.module."
"""The beginning of the labels of these images: see `module_images`."""

_MODULE_FILE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_+-]{0,99})\.ko(?:\.(?:gz|xz|zst))?")


def with_modules(base: Image, modules: Image) -> Image:
    """The base image of a kernel, with the out-of-tree modules of one of their images added.

    It is not in the store as such: its descriptor is that of `base`. UserError if the modules were
    compiled for another build of the kernel.
    """
    require_same_build(read_facts(base), modules)
    added = {name: text for name, text in modules.labels.items() if name.startswith(LABEL_PREFIX)}
    return dataclasses.replace(
        base, layers=(*base.layers, modules.layers[-1]), labels={**base.labels, **added}
    )


def require_same_build(kernel: KernelLabels | None, modules: Image) -> None:
    """UserError if an image of out-of-tree modules is not for this build of the kernel."""
    if read_facts(modules) == kernel:
        return
    name = modules.labels.get(MODULE_NAME, "")
    raise UserError(
        f"the modules '{name:.100}' were compiled for another build of the kernel",
        why="a kernel loads only modules of its own build",
        hint="compile them again: ingot module build DIR --kernel KERNEL",
    )


def added_modules(labels: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the out-of-tree modules of an image, such as `hello`, by its labels.

    Names that no module can have are left out.
    """
    files = (path.rpartition("/")[2] for path in labels.get(f"{LABEL_PREFIX}files", "").split())
    return tuple(match[1] for file in files if (match := _MODULE_FILE.fullmatch(file)))
