"""The tags of a kernel's images, and finding images by these tags.

Artifacts that describe the base image have tags as well:

    flintlock-kernel:<version>-<12 digits of the recipe key>-boot    its boot profile
    flintlock-kernel:<version>-<12 digits of the recipe key>-files   its compiled files
    flintlock-kernel:<version>-<12 digits of the recipe key>-build   how it was built

The signatures of any image are in an index that is named by the digest of its manifest:

    <image>:sha256-<64 digits of the digest>
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from ingot.arch import all_arches
from ingot.digest import Digest
from ingot.errors import IngotError, UserError
from ingot.images.image_kinds import BASE, KERNEL_IMAGES, lacking
from ingot.images.kernel_labels import KernelLabels, read_facts
from ingot.oci import Descriptor, Image, Layout, read_image
from ingot.version import KernelVersion

PROFILE, COMPILED_FILES, BUILD_RECORD = "boot", "files", "build"
SIGNATURES = "signatures"
ARTIFACT_KINDS = (PROFILE, COMPILED_FILES, BUILD_RECORD)
"""The kinds of artifacts, as their tags end."""

_ARTIFACT = re.compile(rf"{BASE}:.+-[0-9a-f]{{12}}-({'|'.join(ARTIFACT_KINDS)})")

_SIGNED = re.compile(r"[^:]+:sha256-([0-9a-f]{64})")


def tags_for(
    images: Mapping[str, Descriptor], facts: KernelLabels, moving: str
) -> dict[str, Descriptor]:
    """The tags of a kernel's images, moving and immutable; `moving` is the part after `:`."""
    tags = {}
    for name, descriptor in images.items():
        tags[f"{name}:{moving}"] = descriptor
        tags[f"{name}:{facts.version}-{facts.recipe_key.short}"] = descriptor
    return tags


def base_tag(facts: KernelLabels) -> str:
    """The immutable tag of the base image of the kernel with these labels."""
    return f"{BASE}:{facts.version}-{facts.recipe_key.short}"


def artifact_tag(facts: KernelLabels, kind: str) -> str:
    """The tag of the artifact of this kind about that base image."""
    return f"{base_tag(facts)}-{kind}"


def artifact_kind(tag: str) -> str | None:
    """The kind of artifact that a tag of the store names; None for the tag of an image."""
    if signed_image(tag) is not None:
        return SIGNATURES
    match = _ARTIFACT.fullmatch(tag)
    return match[1] if match else None


def signatures_tag(digest: Digest) -> str:
    """The tag of the signatures of an image (OCI distribution-spec 1.1, "Referrers Tag Schema")."""
    return f"sha256-{digest.hex}"


def signed_image(tag: str) -> Digest | None:
    """The image whose signatures a tag names; None for any other tag."""
    match = _SIGNED.fullmatch(tag)
    return Digest(match[1]) if match else None


def tags_of_store(layout: Layout) -> dict[str, Descriptor]:
    """The tags of a store with their descriptors, including the current form of outdated tags.

    Ingot before 0.2 ended a tag in the image platform's name for an arch (`6.1.176-amd64`). An
    image that has only such a tag is listed under the current tag as well; its next build replaces
    the tag.
    """
    tags = layout.tags()
    for name, descriptor in list(tags.items()):
        for row in all_arches():
            if (now := _respelled(name, row.oci, row.name)) is not None:
                tags.setdefault(now, descriptor)
    return tags


def outdated_tags(images: Collection[str], moving: str) -> list[str]:
    """The tags that a build with these `images` and the tag `moving` makes outdated.

    Those are the tags of images that the build does not have, and those of Ingot before 0.2.
    """
    lost = [f"{name}:{moving}" for name in KERNEL_IMAGES if name not in images]
    before = (_respelled(moving, row.name, row.oci) for row in all_arches())
    return [*lost, *(f"{name}:{tag}" for tag in before if tag for name in KERNEL_IMAGES)]


def _respelled(tag: str, word: str, other: str) -> str | None:
    """The tag with `other` in place of the arch `word` at its end; None if it is the same."""
    if word == other or not tag.endswith(f"-{word}"):
        return None
    return f"{tag.removesuffix(word)}{other}"


def is_immutable(tag: str, image: Image) -> bool:
    """Whether a tag names the image of one recipe, and never moves: see `tags_for`."""
    try:
        facts = read_facts(image)
    except UserError:  # reported by the commands that use the image
        return False
    return facts is not None and tag.endswith(f"-{facts.recipe_key.short}")


def find_images(
    layout: Layout, version: KernelVersion, recipe_key: Digest
) -> dict[str, Image] | None:
    """The images that were built from exactly this recipe; None if a required one is missing.

    An image that is incomplete, unreadable or inconsistent with the base image is not included.
    """
    tags = layout.tags()
    names = {name: tags.get(f"{name}:{version}-{recipe_key.short}") for name in KERNEL_IMAGES}
    found = {name: _read(layout, each) for name, each in names.items() if each}
    whole = {name: image for name, image in found.items() if image}
    if lacking(whole):
        return None
    agreed = _facts(whole[BASE])
    if not agreed or (agreed.recipe_key, agreed.version) != (recipe_key, str(version)):
        return None
    images = {name: image for name, image in whole.items() if _facts(image) == agreed}
    return None if lacking(images) else images


def _read(layout: Layout, descriptor: Descriptor) -> Image | None:
    try:
        return read_image(layout, descriptor) if layout.is_complete(descriptor) else None
    except IngotError:
        return None


def _facts(image: Image) -> KernelLabels | None:
    try:
        return read_facts(image)
    except IngotError:
        return None
