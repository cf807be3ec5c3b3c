"""Artifacts: data about an image, stored next to it, such as a boot profile.

An artifact is a manifest with an `artifactType`, one layer, which is its data, and a `subject`,
the image that it describes; registries list it among the referrers of that image.
Source: OCI image-spec 1.1, manifest.md ("Guidelines for Artifact Usage").
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.errors import UserError
from ingot.oci.descriptor import MANIFEST_TYPE, Descriptor
from ingot.oci.image_documents import ManifestDocument, canonical_json, parse
from ingot.oci.layout import Layout

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact: its type (a media type), its data, and the image that it describes."""

    artifact_type: str
    data: bytes
    subject: Descriptor


def write_artifact(
    layout: Layout, artifact_type: str, data: bytes, subject: Descriptor
) -> Descriptor:
    """Write an artifact that describes `subject`; a tag can point at the result.

    The media type of the data is `artifact_type`. The same arguments give the same digest.
    """
    config = layout.write_blob([_EMPTY], _EMPTY_TYPE)
    layer = layout.write_blob([data], artifact_type)
    plain = Descriptor(subject.media_type, subject.digest, subject.size)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": artifact_type,
        "config": config.to_json(),
        "layers": [layer.to_json()],
        "subject": plain.to_json(),
    }
    return layout.write_blob([canonical_json(manifest)], MANIFEST_TYPE)


def read_artifact(layout: Layout, descriptor: Descriptor) -> Artifact:
    """Read and verify an artifact; UserError if it is not an artifact of this form."""
    where = f"blob {descriptor.digest.short}"
    if descriptor.media_type != MANIFEST_TYPE:
        raise UserError(f"{where} is not an artifact", why=f"its type is {descriptor.media_type}")
    manifest = parse(ManifestDocument, layout.read_blob(descriptor), where)
    if manifest.artifact_type is None or manifest.subject is None or len(manifest.layers) != 1:
        raise UserError(
            f"{where} is not an artifact",
            why="its manifest needs an artifactType, a subject and one layer",
        )
    return Artifact(
        manifest.artifact_type,
        layout.read_blob(manifest.layers[0].to_descriptor()),
        manifest.subject.to_descriptor(),
    )
