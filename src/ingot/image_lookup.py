"""Finds the image of the store that an operand names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from ingot.errors import UserError
from ingot.images import BASE, artifact_kind, tags_of_store
from ingot.oci import Image, read_image
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.setting import Project

_IMMUTABLE = re.compile(r"-[0-9a-f]{12}$")


def find_image_named(project: Project, text: str) -> tuple[str, Image]:
    """The tag and image that `text` names; UserError if the store has no such image."""
    operand = parse_operand(text)
    if isinstance(operand, StoreImage | KernelName):
        return find_image(project, operand)
    hint = "write kernel-bin:6.1, or 6.1 for its base image"
    if isinstance(operand, RegistryImage):
        hint = f"download it with `ingot pull {text} --to DIR`, or compare it with `ingot diff`"
    raise not_taken(text, operand, "an image of the store", hint)


def find_image(project: Project, wanted: StoreImage | KernelName) -> tuple[str, Image]:
    """The tag and image for `kernel-bin:6.1.176`, `kernel-bin:6.1`, `6.1-minimal` or `6.1`.

    A kernel's name alone means its base image. UserError, listing the images of the store, if none
    matches, and if the tag is not the tag of an image.
    """
    image, _, version = wanted.name.rpartition(":")
    candidates = [wanted.name, f"{image or BASE}:{version}"]
    with contextlib.suppress(UserError):  # a name that is not in the catalog may still be a tag
        candidates += [
            f"{image or BASE}:{kernel.tag}" for kernel in project.catalog.select([version])
        ]
    tags = tags_of_store(project.layout)
    for tag in candidates:
        if tag in tags and artifact_kind(tag) is None:
            return tag, read_image(project.layout, tags[tag])
    raise _not_found(project, wanted.name, [tag for tag in tags if artifact_kind(tag) is None])


def _not_found(project: Project, name: str, tags: Sequence[str]) -> UserError:
    """The error that lists the store's moving tags and says how to get the image `name`."""
    image, _, version = name.rpartition(":")
    moving = [tag for tag in tags if not _IMMUTABLE.search(tag)]
    if image == "kernel-builder":
        hint = "create it first: ingot builder"
    else:
        hint = "`ingot list` shows what can be built"
        with contextlib.suppress(UserError):
            project.catalog.select([version])
            hint = f"build it first: ingot build {version}"
    return UserError(
        f"the store {project.layout.root} has no image '{name}'",
        why=f"it has {', '.join(moving)}" if moving else "it has no images yet",
        hint=hint,
    )
