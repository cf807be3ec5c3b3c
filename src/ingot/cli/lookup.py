"""Finding an image of the store by what a person calls it."""

from __future__ import annotations

import contextlib

from ingot import pipeline
from ingot.errors import UserError
from ingot.images import BASE, KERNEL_IMAGES
from ingot.oci import Image, read_image
from ingot.pipeline import Setting


def find_image(setting: Setting, name: str) -> tuple[str, Image]:
    """The tag and image for `kernel-bin:6.1.176`, `kernel-bin:6.1`, `6.1-minimal` or `6.1`.

    A kernel's name alone means its base image. UserError, listing what is there, if nothing fits,
    and for the name of something else than an image.
    """
    image, _, version = name.rpartition(":")
    candidates = [name, f"{image or BASE}:{version}"]
    with contextlib.suppress(UserError):  # what is no kernel of the catalog may still be a tag
        candidates += [
            f"{image or BASE}:{kernel.tag}" for kernel in setting.catalog.select([version])
        ]
    tags = setting.layout.tags()
    for tag in candidates:
        if tag in tags and not pipeline.is_profile(tag):
            return tag, read_image(setting.layout, tags[tag])
    known = [
        tag
        for tag in tags
        if tag.partition(":")[0] in (*KERNEL_IMAGES, "kernel-builder")
        and not pipeline.is_profile(tag)
    ]
    raise UserError(
        f"the store {setting.layout.root} has no image '{name}'",
        why=f"it has {', '.join(known)}" if known else "it has no images yet",
        hint="make it first: ingot builder"
        if image == "kernel-builder"
        else f"build it first: ingot build {version}",
    )
