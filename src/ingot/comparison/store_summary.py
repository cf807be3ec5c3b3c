"""The summary of an image in a store: from its annotations, else from its files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ingot import lab
from ingot.comparison.image_summary import ImageSummary, require_no_builder
from ingot.errors import UserError
from ingot.images import BASE, TITLE, KernelLabels, read_facts, read_size_map
from ingot.kconfig import Config
from ingot.oci import EntryKind, FileInfo, Image, Layout, list_files, read_image

_KERNEL = re.compile(r"(?:boot/)?(?:vmlinu[xz]|bzImage|Image)[^/]*")
_MODULES = re.compile(r"(?:usr/)?lib/modules/[^/]+")
_MODULE = re.compile(r"(?:usr/)?lib/modules/[^/]+/(?:kernel/)?(.+\.ko(?:\.\w+)?)")


def summary_of_image(layout: Layout, image: Image, name: str) -> ImageSummary:
    """The summary of the image `name` of the store.

    UserError for a builder; VerificationError if its files have to be read and are damaged.
    """
    require_no_builder(name, image.labels)
    facts, size_map = read_facts(image), read_size_map(image.annotations)
    # the other images of a kernel have only some of the files of the base image
    base = _base(layout, facts) if facts else None
    kernel_size: int | None
    modules: Mapping[str, int] | None
    files: Mapping[str, int] | None = None
    if facts and size_map:
        kernel_size, modules = size_map.kernel_size, size_map.modules
    else:
        listing = list_files(layout, base or image)
        files = {info.name: info.size for info in listing if info.kind == EntryKind.FILE}
        kernel_size, modules = _kernel_among(files), _modules_among(listing)
    summary = ImageSummary(
        name=name,
        platform=str(image.platform),
        layers=tuple(layer.descriptor.digest for layer in image.layers),
        size=image.size,
        facts=facts,
        size_map=size_map,
        kernel_size=kernel_size,
        modules=modules,
        config=_config(layout, image, name),
        files=None if facts else files,
        profile=lab.kept_profile(layout, base or image),
    )
    return summary.held_by(image.labels.get(TITLE, "")) if facts else summary


def _kernel_among(files: Mapping[str, int]) -> int | None:
    """The size of the kernel among an image's files; None if none looks like one."""
    return max((size for name, size in files.items() if _KERNEL.fullmatch(name)), default=None)


def _modules_among(listing: Sequence[FileInfo]) -> dict[str, int] | None:
    """The modules among an image's files; None if it has no modules directory."""
    if not any(_MODULES.match(info.name) for info in listing):
        return None
    named = ((_MODULE.fullmatch(info.name), info) for info in listing)
    return {match[1]: info.size for match, info in named if match and info.kind == EntryKind.FILE}


def _base(layout: Layout, facts: KernelLabels) -> Image | None:
    """The base image of the same recipe, if it is complete in the store."""
    descriptor = layout.find(f"{BASE}:{facts.version}-{facts.recipe_key.short}")
    if descriptor is None or not layout.is_complete(descriptor):
        return None
    return read_image(layout, descriptor)


def _config(layout: Layout, image: Image, name: str) -> Config | None:
    try:
        return lab.config_of_image(layout, image, name).config
    except UserError:
        return None
