"""Copying images from one layout to another, every byte verified on the way."""

from __future__ import annotations

from ingot.oci.descriptor import Descriptor
from ingot.oci.graph import reachable
from ingot.oci.layout import Layout


def copy_image(source: Layout, root: Descriptor, target: Layout) -> None:
    """Copy an image, an index or an artifact, and all it needs; no tag is set.

    What the target has is not copied again. VerificationError, with nothing that could be
    tagged left behind, if a blob of the source is missing or is not what its digest says.
    """
    for descriptor in list(reachable(source.blobs, root)):
        if target.blobs.has(descriptor):
            continue
        with source.open_blob(descriptor) as blob:
            target.write_blob(blob, descriptor.media_type)
