"""The values of a kernel in a snippet: from its images in the store, else from the catalog."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.catalog import Kernel
from ingot.errors import UserError
from ingot.images import BASE, BIN, MODULES, KernelLabels, read_facts, tags_of_store
from ingot.oci import Descriptor, Layout, read_image
from ingot.registry import check_registry, host_of

IMAGES = (BASE, BIN, MODULES)


@dataclass(frozen=True, slots=True)
class SpecKernel:
    """A kernel, and the registry references of its images (`references`, by the image's name).

    `release` is the output of `uname -r`, `command_line` the recommended command line. `store` is
    the layout that has its images, tagged `<image>:<tag of the kernel>`; None if it is not built.
    Every text is one printable line, so that any snippet can quote it.
    """

    kernel: Kernel
    release: str
    command_line: str
    registry: str
    references: Mapping[str, str]
    pinned: bool
    store: Path | None


def find_spec_kernel(
    layout: Layout, kernel: Kernel, registry: str, *, pin: bool = False
) -> SpecKernel:
    """The values of the kernel from the store, or else from the catalog.

    With `pin`, the references have the digests of the images in the store. UserError if the store
    lacks them, if the registry's name is invalid, or if an image has invalid labels.
    """
    where = full_name(registry)
    images = _images(layout, kernel)
    if pin and not images:
        raise UserError(
            f"{kernel.tag} cannot be referred to by digest: the store {layout.root} lacks it",
            hint=f"build it first: ingot build {kernel.tag}",
        )
    facts = _facts(layout, kernel, images[BASE]) if images else None
    return SpecKernel(
        kernel=kernel,
        release=facts.release if facts else str(kernel.version),
        command_line=facts.command_line if facts else kernel.arch.command_line,
        registry=where,
        references={
            name: f"{where}/{name}@{images[name].digest}"
            if pin
            else f"{where}/{name}:{_registry_tag(kernel)}"
            for name in IMAGES
        },
        pinned=pin,
        # a snippet names the tag, so the store itself must have it
        store=layout.root if images and layout.find(f"{BASE}:{kernel.tag}") else None,
    )


def full_name(text: str) -> str:
    """The registry's full name: docker adds `docker.io/` by itself, containerd does not.

    UserError if it is not a valid name.
    """
    name = check_registry(text)
    host = host_of(f"{name}/{BASE}")
    return name if name.partition("/")[0] == host else f"{host}/{name}"


def _registry_tag(kernel: Kernel) -> str:
    """The tag of the kernel's index of all arches in a registry."""
    return dataclasses.replace(kernel, primary=True).tag


def _images(layout: Layout, kernel: Kernel) -> dict[str, Descriptor]:
    """The kernel's images; empty if one is missing."""
    tags = tags_of_store(layout)
    found = {name: tags.get(f"{name}:{kernel.tag}") for name in IMAGES}
    images = {name: descriptor for name, descriptor in found.items() if descriptor}
    return images if len(images) == len(IMAGES) else {}


def _facts(layout: Layout, kernel: Kernel, base: Descriptor) -> KernelLabels:
    why = "its labels do not describe a kernel"
    facts = None
    try:
        facts = read_facts(read_image(layout, base))
    except UserError as error:
        why = str(error)
    if facts is None:
        raise UserError(
            f"{BASE}:{kernel.tag} in the store {layout.root} is not an image of a kernel",
            why=why,
            hint=f"build it again: ingot build {kernel.tag}",
        )
    return facts
