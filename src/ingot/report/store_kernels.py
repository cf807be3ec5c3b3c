"""The kernels of the store."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from ingot.errors import IngotError
from ingot.images import BASE, KERNEL_FILE, artifact_kind, read_facts, read_size_map
from ingot.lab import kept_profile
from ingot.oci import Descriptor, FileInfo, Image, Layout, list_files, read_artifact, read_image
from ingot.oci.descriptor import MANIFEST_TYPES
from ingot.oci.graph import reachable
from ingot.report.report_data import FoundImage, Omission

_MODULE = re.compile(r"lib/modules/[^/]+/kernel/(.+\.ko(?:\.\w+)?)")


def kernels_of_store(layout: Layout) -> tuple[list[FoundImage], list[Omission]]:
    """The base images of the store, each once with all its tags, and those that cannot be read."""
    found = []
    tags, omissions = _tagged(layout)
    for descriptor, names in tags.items():
        name = f"{BASE}:{names[0]}"
        try:
            image = read_image(layout, descriptor)
            read_facts(image)  # an image with invalid labels is left out
            kernel = _found(layout, image, names)
        except IngotError as error:
            if not _is_artifact(layout, descriptor):
                omissions.append(Omission(name, str(error)))
            continue
        try:
            found.append(dataclasses.replace(kernel, profile=kept_profile(layout, image)))
        except IngotError as error:  # a damaged profile does not affect the kernel's other data
            found.append(kernel)
            omissions.append(Omission(f"the boot profile of {name}", str(error)))
    return found, omissions


def _tagged(layout: Layout) -> tuple[dict[Descriptor, list[str]], list[Omission]]:
    """The manifests that tags lead to, through an index or not, each with its tags."""
    tags: dict[Descriptor, list[str]] = {}
    omissions = []
    for name, root in layout.tags().items():
        kind, _, tag = name.rpartition(":")
        if kind != BASE or artifact_kind(name):
            continue
        try:
            below = list(reachable(layout.blobs, root))
        except IngotError as error:
            omissions.append(Omission(name, str(error)))
            continue
        for one in below:
            if one.media_type in MANIFEST_TYPES:
                plain = Descriptor(one.media_type, one.digest, one.size)
                tags.setdefault(plain, []).append(tag)
    return tags, omissions


def _found(layout: Layout, image: Image, tags: Sequence[str]) -> FoundImage:
    # without a size map the files have to be listed, which takes a fraction of a second
    old = read_size_map(image.annotations) is None
    files = list_files(layout, image) if old else []
    return FoundImage(
        image.descriptor.digest,
        tuple(tags),
        image.annotations,
        tuple(layer.descriptor.size for layer in image.layers),
        kernel_size=next((info.size for info in files if info.name == KERNEL_FILE), None),
        module_sizes=_modules(files) if old else None,
    )


def _modules(files: Sequence[FileInfo]) -> dict[str, int]:
    """The modules among an image's files, by their path below lib/modules/<release>/kernel."""
    named = ((_MODULE.fullmatch(info.name), info.size) for info in files)
    return {match[1]: size for match, size in named if match}


def _is_artifact(layout: Layout, descriptor: Descriptor) -> bool:
    """Whether it is not an image but an artifact that belongs to one, such as a boot profile."""
    try:
        read_artifact(layout, descriptor)
    except IngotError:
        return False
    return True
