"""Copies images from one layout to another, and verifies every byte."""

from __future__ import annotations

from ingot.oci.descriptor import Descriptor
from ingot.oci.graph import reachable
from ingot.oci.layout import Layout


def copy_image(source: Layout, root: Descriptor, target: Layout) -> None:
    """Copy an image, an index or an artifact, with all its blobs; no tag is set.

    Blobs that the target has are not copied again. VerificationError if a blob of the source is
    missing or does not match its digest; the target then has no complete image.
    """
    for descriptor in list(reachable(source.blobs, root)):
        if target.blobs.has(descriptor):
            continue
        with source.open_blob(descriptor) as blob:
            target.write_blob(blob, descriptor.media_type)
