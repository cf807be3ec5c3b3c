"""Checks images in the store completely, and lists all problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingot.errors import IngotError
from ingot.oci.descriptor import CONFIG_TYPE, INDEX_TYPES, MANIFEST_TYPE, Descriptor
from ingot.oci.image import Image, read_untyped
from ingot.oci.image_documents import (
    ConfigDocument,
    DescriptorDocument,
    IndexDocument,
    ManifestDocument,
    parse,
)
from ingot.oci.layer_reader import open_layer
from ingot.oci.layout import Layout
from ingot.oci.limits import INDEX_DEPTH, Allowance


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: where (a tag, a blob), and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def validate_layout(layout: Layout) -> list[Problem]:
    """The problems of all images in the store. UserError if its index is unreadable."""
    problems: dict[Problem, None] = {}
    for name, descriptor in layout.tags().items():
        for problem in validate_image(layout, descriptor):
            problems[Problem(f"{name}, {problem.where}", problem.what)] = None
    return list(problems)


def validate_image(layout: Layout, descriptor: Descriptor) -> list[Problem]:
    """The problems of one image, of all images of an index, or of an artifact.

    Checked are every blob's size and digest, every layer's tar and diff ID, that manifest and
    config agree on layers and history, and that the descriptor has the config's platform.
    """
    return list(_problems(layout, descriptor, set(), 0))


def _problems(
    layout: Layout, descriptor: Descriptor, seen: set[str], depth: int
) -> Iterable[Problem]:
    """The problems of a descriptor that is not in `seen`; `depth` is that of nested indexes."""
    if descriptor.digest.hex in seen:
        return []
    seen.add(descriptor.digest.hex)
    if descriptor.media_type in INDEX_TYPES:
        return _index_problems(layout, descriptor, seen, depth)
    where = f"manifest {descriptor.digest.short}"
    try:
        manifest = parse(ManifestDocument, layout.read_blob(descriptor), where)
        config = manifest.config.to_descriptor()
    except IngotError as error:
        return [Problem(where, str(error))]
    if manifest.artifact is not None:
        return _blob_problems(layout, manifest.config, *manifest.layers)
    problems = list(_manifest_problems(manifest, descriptor, where))
    problems += _config_problems(layout, manifest, config, descriptor)
    try:
        image, _ = read_untyped(layout, descriptor)
    except IngotError as error:
        # Without diff IDs to compare with, the layers' blobs can still be checked.
        return [*problems, Problem(where, str(error)), *_blob_problems(layout, *manifest.layers)]
    return problems + list(_layer_problems(layout, image))


def _index_problems(
    layout: Layout, descriptor: Descriptor, seen: set[str], depth: int
) -> Iterator[Problem]:
    where = f"index {descriptor.digest.short}"
    if depth > INDEX_DEPTH:
        yield Problem(where, f"it is more than {INDEX_DEPTH} deep in other indexes")
        return
    try:
        index = parse(IndexDocument, layout.read_blob(descriptor), where)
    except IngotError as error:
        yield Problem(where, str(error))
        return
    for entry in index.manifests:
        yield from _problems(layout, entry.to_descriptor(), seen, depth + 1)


def _manifest_problems(
    manifest: ManifestDocument, descriptor: Descriptor, where: str
) -> Iterator[Problem]:
    if manifest.media_type not in (None, descriptor.media_type):
        yield Problem(where, f"its type is {manifest.media_type}, not {descriptor.media_type}")
    if descriptor.media_type == MANIFEST_TYPE and manifest.config.media_type != CONFIG_TYPE:
        yield Problem(where, f"the config's type is {manifest.config.media_type}")
    if not manifest.layers:
        yield Problem(where, "it has no layers")


def _config_problems(
    layout: Layout, manifest: ManifestDocument, config: Descriptor, descriptor: Descriptor
) -> Iterator[Problem]:
    where = f"config {config.digest.short}"
    try:
        document = parse(ConfigDocument, layout.read_blob(config), where)
    except IngotError:
        return  # reported when the image is read
    platform = descriptor.platform
    if platform and (platform.os, platform.architecture) != (document.os, document.architecture):
        yield Problem(
            where,
            f"it is for {document.os}/{document.architecture}, its descriptor says {platform}",
        )
    history = [item for item in document.history or () if not item.empty_layer]
    if document.history and len(history) != len(manifest.layers):
        yield Problem(where, f"history of {len(history)} layers, but {len(manifest.layers)} layers")


def _layer_problems(layout: Layout, image: Image) -> Iterator[Problem]:
    allowance = Allowance()
    for layer in image.layers:
        try:
            with open_layer(layout, layer, allowance) as tar:
                for _ in tar:
                    pass
        except IngotError as error:
            yield Problem(f"layer {layer.descriptor.digest.short}", str(error))


def _blob_problems(layout: Layout, *parts: DescriptorDocument) -> Iterator[Problem]:
    for part in parts:
        descriptor = part.to_descriptor()
        try:
            with layout.open_blob(descriptor) as blob:
                blob.drain()
        except IngotError as error:
            yield Problem(f"blob {descriptor.digest.short}", str(error))
