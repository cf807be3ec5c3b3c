"""What a snippet says of a kernel: from its images in the store, else from the catalog."""

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
    """A kernel, and how its images are called in a registry (`references`, by their own name).

    `release` is what `uname -r` says, `command_line` what is recommended to boot it with.
    `store` is the layout that has its images, tagged `<image>:<tag of the kernel>`; None if it
    is not built. Every text is on one line and printable, so that any snippet can quote it.
    """

    kernel: Kernel
    release: str
    command_line: str
    registry: str
    references: Mapping[str, str]
    pinned: bool
    store: Path | None


def find_subject(layout: Layout, kernel: Kernel, registry: str, *, pin: bool = False) -> SpecKernel:
    """Gather what the store, or else the catalog, knows of the kernel.

    With `pin`, images are referred to by the digests that the store has them under. UserError
    if it does not have them, for a registry that is none, and for an image with labels that
    no kernel has.
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
        # a snippet names the tag, so it must be one that other programs find
        store=layout.root if images and layout.find(f"{BASE}:{kernel.tag}") else None,
    )


def full_name(text: str) -> str:
    """The registry as containerd must be told it: docker adds `docker.io/` itself, others do not.

    A UserError if no registry can be called so.
    """
    name = check_registry(text)
    host = host_of(f"{name}/{BASE}")
    return name if name.partition("/")[0] == host else f"{host}/{name}"


def _registry_tag(kernel: Kernel) -> str:
    """What a registry has the kernel under for every arch: an index of one image per arch."""
    return dataclasses.replace(kernel, primary=True).tag


def _images(layout: Layout, kernel: Kernel) -> dict[str, Descriptor]:
    """The kernel's images; empty unless all of them are there."""
    tags = tags_of_store(layout)
    found = {name: tags.get(f"{name}:{kernel.tag}") for name in IMAGES}
    images = {name: descriptor for name, descriptor in found.items() if descriptor}
    return images if len(images) == len(IMAGES) else {}


def _facts(layout: Layout, kernel: Kernel, base: Descriptor) -> KernelLabels:
    why = "its labels name no release and command line that a kernel could have"
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
