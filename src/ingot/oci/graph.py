"""The blobs of an image: walks from an index or a manifest to all blobs below it.

Source: OCI image-spec 1.1, image-index.md and manifest.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingot.errors import UserError
from ingot.oci.blobs import Blobs
from ingot.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from ingot.oci.image_documents import IndexDocument, ManifestDocument, parse
from ingot.oci.limits import GRAPH_BLOBS, INDEX_DEPTH


def reachable(blobs: Blobs, root: Descriptor) -> Iterator[Descriptor]:
    """`root` and every descriptor below it, each once.

    Indexes and manifests are read and verified (VerificationError); configs and layers are not
    read. UserError for more blobs or deeper indexes than the limits.
    """
    seen: set[str] = set()
    waiting = [(root, 0)]
    while waiting:
        descriptor, depth = waiting.pop()
        if descriptor.digest.hex in seen:
            continue
        seen.add(descriptor.digest.hex)
        if len(seen) > GRAPH_BLOBS or depth > INDEX_DEPTH:
            raise UserError(
                f"blob {root.digest.short} lists too many blobs for an image",
                why=f"there are more than {GRAPH_BLOBS:,} blobs below it, or indexes that are"
                f" nested more than {INDEX_DEPTH} deep",
            )
        yield descriptor
        inner = depth + 1 if descriptor.media_type in INDEX_TYPES else depth
        waiting += [(child, inner) for child in _children(blobs, descriptor)]


def _children(blobs: Blobs, descriptor: Descriptor) -> list[Descriptor]:
    where = f"blob {descriptor.digest.short}"
    if descriptor.media_type in INDEX_TYPES:
        index = parse(IndexDocument, blobs.read(descriptor), where)
        return [entry.to_descriptor() for entry in index.manifests]
    if descriptor.media_type in MANIFEST_TYPES:
        manifest = parse(ManifestDocument, blobs.read(descriptor), where)
        return [part.to_descriptor() for part in (manifest.config, *manifest.layers)]
    return []
