"""Finds the image of the store that an operand names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from ingot.errors import UserError
from ingot.images import (
    BASE,
    KERNEL_IMAGES,
    MODULES,
    artifact_kind,
    has_added_modules,
    module_image,
    read_facts,
    split_modules,
    tag_with_modules,
    tags_of_store,
    with_modules,
)
from ingot.oci import Image, read_image
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.setting import Project
from ingot.suggestions import SUGGESTED, suggestion

_IMMUTABLE = re.compile(r"-[0-9a-f]{12}$")


def find_image_named(project: Project, text: str) -> tuple[str, Image]:
    """The tag and image that `text` names; UserError if the store has no such image."""
    operand = parse_operand(text)
    if isinstance(operand, StoreImage | KernelName):
        return find_image(project, operand)
    hint = "write kernel-bin:6.1, or 6.1 for its base image"
    if isinstance(operand, RegistryImage):
        hint = f"look at it with `ingot inspect {text}`, or download it: ingot pull {text} --to DIR"
    raise not_taken(text, operand, "an image of the store", hint)


def find_image(project: Project, wanted: StoreImage | KernelName) -> tuple[str, Image]:
    """The tag and image for `kernel-bin:6.1.176`, `kernel-bin:6.1`, `6.1-minimal` or `6.1`.

    A kernel's name alone means its base image; with out-of-tree modules (`6.1-plus-zfs`), the image
    of its modules and these. UserError, listing the images of the store, if none
    matches, and if the tag is not the tag of an image.
    """
    image, _, version = wanted.name.rpartition(":")
    name, modules = split_modules(version)
    image = image or (MODULES if modules else BASE)
    candidates = [wanted.name, f"{image}:{version}"]
    with contextlib.suppress(UserError):  # a name that is not in the catalog may still be a tag
        for kernel in project.catalog.select([name]):
            tag = tag_with_modules(kernel.tag, modules)
            candidates.append(f"{image}:{tag}")
    tags = tags_of_store(project.layout)
    for tag in candidates:
        if tag in tags and artifact_kind(tag) is None:
            return tag, read_image(project.layout, tags[tag])
    raise _not_found(project, wanted.name, [tag for tag in tags if artifact_kind(tag) is None])


def find_kernel_image(project: Project, wanted: StoreImage | KernelName) -> tuple[str, Image]:
    """Like `find_image`, but an image of out-of-tree modules means its kernel with these modules.

    The result is then named like a base image, such as `flintlock-kernel:6.1.176-plus-zfs`, which
    is not a tag of the store. UserError if the store does not have that build of the kernel.
    """
    tag, modules = find_image(project, wanted)
    if not has_added_modules(modules):
        return tag, modules
    facts = read_facts(modules)
    image, _, version = tag.partition(":")
    kernel, name = split_modules(version)
    tags = tags_of_store(project.layout)
    fixed = f"{BASE}:{facts.version}-{facts.recipe_key.short}" if facts else ""
    if fixed not in tags:
        raise UserError(
            f"the store has no kernel for {tag}",
            why=f"these modules were compiled for the build {fixed}" if fixed else "",
            hint=f"build the kernel and the modules again: ingot build {kernel}, then ingot module"
            f" build DIR --kernel {kernel}",
        )
    base = with_modules(read_image(project.layout, tags[fixed]), modules)
    name = name or image.removeprefix(module_image(""))
    return f"{BASE}:{tag_with_modules(kernel, name)}", base


def _not_found(project: Project, name: str, tags: Sequence[str]) -> UserError:
    """The error that lists the store's moving tags and says how to get the image `name`."""
    image, _, version = name.rpartition(":")
    kernel, modules = split_modules(version)
    moving = [tag for tag in tags if not _IMMUTABLE.search(tag)]
    if image == "kernel-builder":
        hint = "create it first: ingot builder"
    else:
        try:
            project.catalog.select([kernel])
            hint = f"build it first: ingot build {kernel}"
            if modules:
                command = f"ingot module build DIR --kernel {kernel} --name {modules}"
                hint = f"compile the modules first: {command}"
        except UserError as error:
            near = error.hint if error.hint.startswith(SUGGESTED) else ""
            hint = near or "`ingot list` shows what can be built"
        if image and image not in KERNEL_IMAGES:
            hint = suggestion(name, moving) or hint
    return UserError(
        f"the store {project.layout.root} has no image '{name}'",
        why=f"it has {', '.join(moving)}" if moving else "it has no images yet",
        hint=hint,
    )
