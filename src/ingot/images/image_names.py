"""What the images of a kernel are called, and how they are found by it."""

from __future__ import annotations

from collections.abc import Mapping

from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.images.kernel_labels import KernelLabels, read_facts
from ingot.oci import Descriptor, Layout, read_image
from ingot.version import KernelVersion

BASE, BIN, MODULES = "flintlock-kernel", "kernel-bin", "kernel-modules"
DEBUG, DEVEL = "kernel-debug", "kernel-devel"
KERNEL_IMAGES = (BASE, BIN, MODULES, DEBUG, DEVEL)


def tags_for(
    images: Mapping[str, Descriptor], facts: KernelLabels, moving: str
) -> dict[str, Descriptor]:
    """The tags of a kernel's images: the one that moves, after `:`, and the immutable one."""
    tags = {}
    for name, descriptor in images.items():
        tags[f"{name}:{moving}"] = descriptor
        tags[f"{name}:{facts.version}-{facts.recipe_key.short}"] = descriptor
    return tags


def find_images(
    layout: Layout, version: KernelVersion, recipe_key: Digest
) -> dict[str, Descriptor] | None:
    """The images that were built from this very recipe, if the store has each of them whole.

    Images that cannot be read, or that do not agree with each other, are not those.
    """
    tags = layout.tags()
    found = {name: tags.get(f"{name}:{version}-{recipe_key.short}") for name in KERNEL_IMAGES}
    images = {
        name: descriptor
        for name, descriptor in found.items()
        if descriptor and layout.is_complete(descriptor)
    }
    if len(images) < len(KERNEL_IMAGES):
        return None
    try:
        facts = {read_facts(read_image(layout, descriptor)) for descriptor in images.values()}
    except IngotError:
        return None
    agreed = facts.pop()
    if facts or agreed is None:
        return None
    same = agreed.recipe_key == recipe_key and agreed.version == str(version)
    return images if same else None
