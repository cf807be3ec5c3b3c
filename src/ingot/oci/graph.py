"""Which blobs an image needs: the walk from an index or a manifest to all below it.

Source: OCI image-spec 1.1, image-index.md and manifest.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingot.oci.blobs import Blobs
from ingot.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from ingot.oci.document import IndexDocument, ManifestDocument, parse


def reachable(blobs: Blobs, root: Descriptor) -> Iterator[Descriptor]:
    """`root` and every descriptor below it, each once.

    Indexes and manifests are read and verified on the way (VerificationError); of configs and
    layers only the descriptors are looked at.
    """
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.digest.hex in seen:
            continue
        seen.add(descriptor.digest.hex)
        yield descriptor
        waiting += _children(blobs, descriptor)


def _children(blobs: Blobs, descriptor: Descriptor) -> list[Descriptor]:
    where = f"blob {descriptor.digest.short}"
    if descriptor.media_type in INDEX_TYPES:
        index = parse(IndexDocument, blobs.read(descriptor), where)
        return [entry.to_descriptor() for entry in index.manifests]
    if descriptor.media_type in MANIFEST_TYPES:
        manifest = parse(ManifestDocument, blobs.read(descriptor), where)
        return [part.to_descriptor() for part in (manifest.config, *manifest.layers)]
    return []
