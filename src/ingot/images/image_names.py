"""What the images of a kernel are tagged with, and how they are found by it."""

from __future__ import annotations

from collections.abc import Mapping

from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.images.image_kinds import BASE, KERNEL_IMAGES, lacking
from ingot.images.kernel_labels import KernelLabels, read_facts
from ingot.oci import Descriptor, Layout, read_image
from ingot.version import KernelVersion


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
    """The images that were built from this very recipe; None if the store lacks a required one.

    An image that is not whole, cannot be read or does not agree with the base is not one of those.
    """
    tags = layout.tags()
    found = {name: tags.get(f"{name}:{version}-{recipe_key.short}") for name in KERNEL_IMAGES}
    whole = {name: each for name, each in found.items() if each and layout.is_complete(each)}
    if lacking(whole):
        return None
    facts = {name: _facts(layout, descriptor) for name, descriptor in whole.items()}
    agreed = facts[BASE]
    if not agreed or (agreed.recipe_key, agreed.version) != (recipe_key, str(version)):
        return None
    images = {name: each for name, each in whole.items() if facts[name] == agreed}
    return None if lacking(images) else images


def _facts(layout: Layout, descriptor: Descriptor) -> KernelLabels | None:
    try:
        return read_facts(read_image(layout, descriptor))
    except IngotError:
        return None
