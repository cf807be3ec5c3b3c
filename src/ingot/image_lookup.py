"""Finding an image of the store by what a person calls it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from ingot import lab
from ingot.errors import UserError
from ingot.images import BASE, tags_of_store
from ingot.oci import Image, read_image
from ingot.setting import Project

_IMMUTABLE = re.compile(r"-[0-9a-f]{12}$")


def find_image(project: Project, name: str) -> tuple[str, Image]:
    """The tag and image for `kernel-bin:6.1.176`, `kernel-bin:6.1`, `6.1-minimal` or `6.1`.

    A kernel's name alone means its base image. UserError, listing what is there, if nothing fits,
    and for the name of something else than an image.
    """
    image, _, version = name.rpartition(":")
    candidates = [name, f"{image or BASE}:{version}"]
    with contextlib.suppress(UserError):  # what is no kernel of the catalog may still be a tag
        candidates += [
            f"{image or BASE}:{kernel.tag}" for kernel in project.catalog.select([version])
        ]
    tags = tags_of_store(project.layout)
    for tag in candidates:
        if tag in tags and not lab.is_profile(tag):
            return tag, read_image(project.layout, tags[tag])
    raise _not_found(project, name, [tag for tag in tags if not lab.is_profile(tag)])


def _not_found(project: Project, name: str, tags: Sequence[str]) -> UserError:
    """What the store has instead, without the tags that nobody types, and how to get `name`."""
    image, _, version = name.rpartition(":")
    moving = [tag for tag in tags if not _IMMUTABLE.search(tag)]
    if "/" in name:
        hint = f"that names an image of a registry: ingot pull {name} --to DIR, or ingot diff"
    elif image == "kernel-builder":
        hint = "make it first: ingot builder"
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
